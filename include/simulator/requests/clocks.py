"""The server's clock: the wall's, a faster one, or one that starts at a moment of the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from include.simulator.requests.time_units import Clock

USAGE = "now, fast:X (X times as fast), at:ISO (starts at that moment, UTC), or at:ISO,fast:X"
MOST_TIMES = 3600


@dataclass(frozen=True)
class ClockPlan:
    """What `--clock` asks for.

    Attributes:
        starts_ms: What it shows at first, milliseconds since the epoch; None for the wall's time.
        speed: Its seconds in a second.
    """

    starts_ms: int | None = None
    speed: Fraction = Fraction(1)

    def start(self, wall: Clock) -> Clock:
        """Return the clock, started now.

        Args:
            wall: The wall clock, milliseconds since the epoch.
        """
        if self == ClockPlan():
            return wall
        began_ms = wall()
        starts_ms = began_ms if self.starts_ms is None else self.starts_ms
        return lambda: starts_ms + int((wall() - began_ms) * self.speed)


def parse_clock(text: str) -> ClockPlan:
    """Return what `--clock` asks for.

    Raises:
        ValueError: It is not one of USAGE.
    """
    starts_ms, speed = None, Fraction(1)
    for part in text.split(","):
        kind, _, value = part.partition(":")
        if kind == "at" and value:
            starts_ms = _epoch_ms(value)
        elif kind == "fast" and value:
            speed = Fraction(value)
        elif part != "now":
            raise ValueError(f"{text!r} is not a clock; give {USAGE}")
    if not 0 < speed <= MOST_TIMES:
        raise ValueError(f"a clock runs up to {MOST_TIMES} times as fast, not {speed} times")
    return ClockPlan(starts_ms, speed)


def _epoch_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1000
