"""The parameters of the JSON API: parsed, bounded, and refused with a note on what to send."""

from datetime import UTC, date, datetime, timedelta

from include.records.klines import FIRST_DAY
from include.records.symbols import read_symbol
from include.records.windows import DAY, HOUR, MINUTE, Window, floor_minute
from include.web.responses import ProblemError

DEFAULT_SPAN = HOUR
QUOTED = 40


def parse_symbol(text: str) -> str:
    """Return a symbol as Binance writes it.

    Raises:
        ProblemError: It is not valid.
    """
    if not text:
        raise ProblemError("name a symbol: symbol=BTCUSDT")
    try:
        return read_symbol(text)
    except ValueError as error:
        raise ProblemError(str(error)) from error


def parse_moment(name: str, text: str) -> datetime:
    """Return a moment in UTC.

    Raises:
        ProblemError: It is not an ISO 8601 time, has no zone, or is before Binance began.
    """
    example = "2026-03-01T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ProblemError(
                f"{name} {text[:QUOTED]!r} has no time zone: write it like {example}"
            )
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ProblemError(
            f"{name} {text[:QUOTED]!r} is not a time: write it like {example} (in a URL, + is %2B)"
        ) from error
    if moment.date() < FIRST_DAY:
        raise ProblemError(f"{name} {text[:QUOTED]!r} is before Binance began, on {FIRST_DAY}")
    return moment


def parse_known_at(text: str, now: datetime) -> datetime:
    """Return the moment as of which to show data; now where it is empty or in the future."""
    return min(parse_moment("moment", text), now) if text else now


def parse_window(start_text: str, end_text: str, now: datetime, longest: timedelta) -> Window:
    """Return the minutes of a span, both ends rounded down to whole minutes.

    Args:
        start_text: Inclusive; empty for an hour before the end.
        end_text: Exclusive; empty for now. The future is cut off.
        now: Aware UTC.
        longest: The longest span of one request.

    Raises:
        ProblemError: The span is not valid, in the future, empty or too long.
    """
    end = parse_moment("to", end_text) if end_text else now
    start = parse_moment("from", start_text) if start_text else None
    if start is not None and end_text and start > end:
        raise ProblemError(
            f"from {start_text[:QUOTED]!r} is after to {end_text[:QUOTED]!r}: swap them"
        )
    end = floor_minute(min(end, now))
    start = floor_minute(start) if start is not None else end - DEFAULT_SPAN
    if start > end:
        raise ProblemError(f"from {start_text[:QUOTED]!r} is in the future: nothing is known yet")
    if start == end:
        raise ProblemError(
            "from and to are in the same minute, or it is not over: ask for a whole minute"
        )
    if end - start > longest:
        raise ProblemError(
            f"from {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ} is {end - start}: at most "
            f"{longest // MINUTE:,} minutes are allowed per request; ask for the span in parts, "
            "or use the files that report_prices exports"
        )
    return Window(start, end)


def parse_counted_from(text: str, window: Window, longest: timedelta) -> datetime:
    """Return from which minute on the tiles of a board count: its first one without a text.

    Raises:
        ProblemError: It is not valid, after the board's start, or too long before its end.
    """
    if not text:
        return window.start
    start = floor_minute(parse_moment("counted_from", text))
    if not window.end - longest <= start <= window.start:
        raise ProblemError(
            f"counted_from {text[:QUOTED]!r} is not between {longest // DAY} days before to and "
            "from: leave it out to count the minutes shown"
        )
    return start


def parse_minute(text: str, now: datetime) -> datetime:
    """Return the minute that contains a moment.

    Raises:
        ProblemError: It is not valid, or in the future.
    """
    if not text:
        raise ProblemError("name a minute: minute=2026-03-01T12:00:00Z")
    minute = floor_minute(parse_moment("minute", text))
    if minute > now:
        raise ProblemError(f"minute {text[:QUOTED]!r} is in the future: nothing is known yet")
    return minute


def parse_day(text: str, now: datetime) -> date:
    """Return a UTC day; today without one.

    Raises:
        ProblemError: It is not valid, in the future, or before Binance began.
    """
    today = now.date()
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError as error:
        raise ProblemError(
            f"day {text[:QUOTED]!r} is not a date: write it like {today.isoformat()}"
        ) from error
    if not FIRST_DAY <= day <= today:
        raise ProblemError(f"day {day} is outside {FIRST_DAY} to {today}")
    return day
