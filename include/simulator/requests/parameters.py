"""The query of a request, read and refused the way the exchange does it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from include.simulator.requests import errors
from include.simulator.requests.time_units import TimeUnit
from include.simulator.tapes.tapes import LEAST_MICROSECONDS

MOST_ROWS = 1000

# Word characters of every script without a to z. The exchange prints it in Java's notation, which
# knows intersections; Python writes them as a look ahead.
_SYMBOL, _PYTHON_SYMBOL = r"[\w\-._&&[^a-z]]{1,50}", r"(?:(?![a-z])[\w.-]){1,50}"
_SYMBOLS = r'^\[("{0}"(,"{0}"){{0,}}){{0,1}}\]$'
_INTEGER = "^[0-9]{1,20}$"
# As the exchange prints them in its messages.
LEGAL = {
    "symbol": f"^{_SYMBOL}$",
    "symbols": _SYMBOLS.format(_SYMBOL),
    "permissions": r'^[A-Z0-9_]+$|^\["[A-Z0-9_]+"(,"[A-Z0-9_]+")*\]$',
    "startTime": _INTEGER,
    "endTime": _INTEGER,
    "fromId": _INTEGER,
    "limit": _INTEGER,
}
# The same as Python reads them.
PATTERNS = LEGAL | {"symbol": f"^{_PYTHON_SYMBOL}$", "symbols": _SYMBOLS.format(_PYTHON_SYMBOL)}


class Parameters:
    """The parameters of one request, well-formed and known to its endpoint.

    Args:
        sent: Names and values in the order sent.
        required: Names that must be there.
        optional: Names that may be there.
        time_unit: In which the answer states its times.

    Attributes:
        time_unit: In which the answer states its times; times sent say their unit by their size.

    Raises:
        ApiError: For a name that is repeated, missing, empty or unknown, and for a value with
            illegal characters.
    """

    def __init__(
        self,
        sent: Sequence[tuple[str, str]],
        required: Sequence[str],
        optional: Sequence[str],
        time_unit: TimeUnit,
    ) -> None:
        known = [*required, *optional]
        values = dict(sent)
        if len(values) < len(sent):
            raise errors.duplicate_parameter()
        if len(sent) > len(known):
            raise errors.too_many_parameters(len(known), len(sent))
        for name in required:
            if name not in values:
                raise errors.missing_parameter(name)
        read = [name for name in known if name in values]
        for name in read:
            if not values[name]:
                raise errors.empty_parameter(name)
            if name in PATTERNS and not re.fullmatch(PATTERNS[name], values[name]):
                raise errors.illegal_characters(name, LEGAL[name])
        if len(read) < len(sent):
            raise errors.unread_parameters(len(read), len(sent))
        self._values = values
        self.time_unit = time_unit

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """Return a value as it was sent."""
        return self._values.get(name, default)

    def integer(self, name: str) -> int | None:
        """Return a whole number; None where it was not sent."""
        return int(self._values[name]) if name in self._values else None

    def limit(self) -> int:
        """Return how many rows are asked for: 500 by default, 1,000 at most."""
        limit = int(self.text("limit", "500"))
        if limit == 0:
            raise errors.invalid_value("limit")
        return min(limit, MOST_ROWS)

    def start_ms(self) -> int | None:
        """Return startTime, inclusive, in milliseconds, rounded up; None where not sent."""
        start = self.integer("startTime")
        return -(-start // 1000) if start and start >= LEAST_MICROSECONDS else start

    def end_ms(self, default: int) -> int:
        """Return endTime, inclusive, in milliseconds, rounded down; default where not sent."""
        end = self.integer("endTime")
        if end is None:
            return default
        return end // 1000 if end >= LEAST_MICROSECONDS else end
