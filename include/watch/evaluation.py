"""Judging of published minutes: announced once when a rule fires, and once when it is over.

windows = windows_needed(watched, states, now)
announcements, states = evaluate(watched, averages, states, now)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.records.prices import Flag, MinuteAverage
from include.records.windows import MINUTE, Window, floor_minute, windows_of
from include.watch.messages import Observation, condition, figures, newest_price, utc
from include.watch.rules import (
    RANKS,
    AnyMinuteRule,
    AnyRule,
    Move,
    OlderThan,
    QualityBelow,
)
from include.watch.states import Announcement, Change, RuleState, Watched

# Anything older is history, not news.
CATCH_UP = timedelta(hours=3)
# A new rule looks at the newest minute, which is published a moment after its end.
PUBLISHED_WITHIN = 2 * MINUTE
# The market itself was silent; any other minute without a value has missing data.
WITHOUT_TRADES = (Flag.NO_TRADES, Flag.HALTED)


@dataclass(frozen=True)
class _Seen:
    """The outcome for one rule and symbol over the new minutes.

    Attributes:
        is_active: Whether it has fired and is not over, at the end.
        streak: As in RuleState.
        judged_until: As in RuleState.
        turned_at: Minute, or moment, of the last turn; None where it did not turn.
        turns: Figures of each minute at which it fired or was over, in order.
        newest: Figures of the newest minute that was judged; None where none was.
    """

    is_active: bool
    streak: int
    judged_until: datetime | None
    turned_at: datetime | None
    turns: Sequence[str]
    newest: str | None


def windows_needed(
    watched: Iterable[Watched], states: Mapping[str, RuleState], now: datetime
) -> dict[str, list[Window]]:
    """Return the minutes of each symbol that `evaluate` needs."""
    minutes: dict[str, set[datetime]] = {}
    for subject in watched:
        needed = minutes.setdefault(subject.symbol, set())
        if isinstance(subject.rule, OlderThan):
            length = (subject.rule.minutes + 1) * MINUTE
            needed.update(Window(floor_minute(now) - length, floor_minute(now)).minutes())
            continue
        unjudged = [*_unjudged(subject.rule, subject.known(states), now).minutes()]
        needed.update(unjudged)
        if isinstance(subject.rule, Move):
            needed.update(minute - subject.rule.minutes * MINUTE for minute in unjudged)
    return {symbol: windows_of(needed) for symbol, needed in minutes.items()}


def evaluate(
    watched: Iterable[Watched],
    averages: Mapping[str, Iterable[MinuteAverage]],
    states: Mapping[str, RuleState],
    now: datetime,
) -> tuple[list[Announcement], dict[str, RuleState]]:
    """Judge the minutes published since the last call.

    Args:
        watched: Rules and symbols.
        averages: By symbol, those minutes of `windows_needed` that are published, in any order.
        states: As the last call returned them; none the first time.
        now: Aware UTC.

    Returns:
        At most one announcement for each rule and symbol, and the states to keep: of these
        subjects and no others.
    """
    announcements: list[Announcement] = []
    kept: dict[str, RuleState] = {}
    for subject in watched:
        by_minute = {each.minute: each for each in averages.get(subject.symbol, ())}
        rule, before = subject.rule, subject.known(states)
        if isinstance(rule, OlderThan):
            seen = _judge_age(rule, before, by_minute, now)
        else:
            seen = _judge_minutes(rule, before, by_minute, now)
        announcement, kept[subject.key] = _settle(subject, before, seen, now)
        announcements += [announcement] if announcement else []
    return announcements, kept


def _unjudged(rule: AnyMinuteRule, state: RuleState | None, now: datetime) -> Window:
    """Return the closed minutes that a rule has not judged, within what is news."""
    end = floor_minute(now)
    if state is None or state.judged_until is None:
        return Window(end - PUBLISHED_WITHIN - (rule.for_minutes - 1) * MINUTE, end)
    return Window(min(end, max(state.judged_until + MINUTE, end - CATCH_UP)), end)


def _findings(
    rule: AnyMinuteRule, window: Window, by_minute: Mapping[datetime, MinuteAverage]
) -> Iterator[Observation]:
    """Yield the minutes of a window that a rule can judge, in order."""
    for minute in window.minutes():
        average = by_minute.get(minute)
        value = _value(rule, average, by_minute) if average else None
        if average and value is not None:
            yield Observation(average, value)


def _value(
    rule: AnyMinuteRule, average: MinuteAverage, by_minute: Mapping[datetime, MinuteAverage]
) -> Decimal | None:
    """Return the value that a rule compares; None where it neither fires nor clears."""
    if isinstance(rule, QualityBelow):
        if average.flag in WITHOUT_TRADES:
            return None
        return RANKS[average.grade] if average.grade else Decimal(0)
    if isinstance(rule, Move) and average.vwap is not None:
        before = by_minute.get(average.minute - rule.minutes * MINUTE)
        return average.vwap / before.vwap - 1 if before and before.vwap else None
    return average.vwap


def _judge_minutes(
    rule: AnyMinuteRule,
    before: RuleState | None,
    by_minute: Mapping[datetime, MinuteAverage],
    now: datetime,
) -> _Seen:
    window = _unjudged(rule, before, now)
    is_active, streak = (before.is_active, before.streak) if before else (False, 0)
    judged_until = before.judged_until if before else window.start - MINUTE
    turns: list[Observation] = []
    newest = None
    for newest in _findings(rule, window, by_minute):
        is_turning = rule.is_back(newest.value) if is_active else rule.is_met(newest.value)
        streak = streak + 1 if is_turning else 0
        if streak == (rule.back_minutes if is_active else rule.for_minutes):
            is_active, streak = not is_active, 0
            turns.append(newest)
        judged_until = newest.average.minute
    return _Seen(
        is_active=is_active,
        streak=streak,
        judged_until=judged_until,
        turned_at=turns[-1].average.minute if turns else None,
        turns=[figures(rule, turn) for turn in turns],
        newest=figures(rule, newest) if newest else None,
    )


def _judge_age(
    rule: OlderThan,
    before: RuleState | None,
    by_minute: Mapping[datetime, MinuteAverage],
    now: datetime,
) -> _Seen:
    newest = max(
        (minute for minute, average in by_minute.items() if average.vwap is not None),
        default=before.judged_until if before else None,
    )
    age = (now - (newest + MINUTE)) / MINUTE if newest else math.inf
    was_active = before is not None and before.is_active
    is_active = age > (rule.back if was_active else rule.minutes)
    told = newest_price(newest, by_minute.get(newest) if newest else None)
    return _Seen(
        is_active=is_active,
        streak=0,
        judged_until=newest,
        turned_at=now if is_active is not was_active else None,
        turns=[told] if is_active is not was_active else [],
        newest=told,
    )


def _settle(
    subject: Watched, before: RuleState | None, seen: _Seen, now: datetime
) -> tuple[Announcement | None, RuleState]:
    """Return the announcement, if there is one, and the state to keep."""
    rule = subject.rule
    was_active = before is not None and before.is_active
    since = before.since if before and was_active else seen.turned_at
    said_at = before.said_at if before and was_active else None
    line = condition(rule)
    change = None
    if seen.is_active and not was_active:
        change, told = Change.FIRED, f"is {line}: {seen.turns[-1]}"
    elif was_active and not seen.is_active:
        change, told = Change.OVER, f"is no longer {line}: {seen.turns[-1]}"
    elif seen.turns and not seen.is_active:
        change = Change.PASSED
        told = f"was {line}: {seen.turns[0]}; no longer: {seen.turns[-1]}"
    elif seen.is_active and seen.newest and _is_due(rule, said_at, now):
        change, told = Change.LASTS, f"is still {line}: {seen.newest}"
    if change in {Change.OVER, Change.LASTS} and since:
        told += f"; since {utc(since)}"
    after = RuleState(
        definition=rule.definition,
        judged_until=seen.judged_until,
        is_active=seen.is_active,
        since=since if seen.is_active else None,
        streak=seen.streak,
        said_at=now if change else said_at,
    )
    if change is None:
        return None, after
    text = f"{rule.name}: {subject.symbol} {told}"
    return Announcement(
        rule=rule.name, symbol=subject.symbol, change=change, judged_at=now, text=text
    ), after


def _is_due(rule: AnyRule, said_at: datetime | None, now: datetime) -> bool:
    if rule.repeat_minutes is None or said_at is None:
        return False
    return now - said_at >= rule.repeat_minutes * MINUTE
