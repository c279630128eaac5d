"""Faults on demand: which request gets which, decided by rules, in order and by seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Rule(BaseModel):
    """A part of a fault's description; unknown names in it are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(Rule):
    """Another answer in place of the true one, without the exchange's own headers.

    Attributes:
        status: HTTP status.
        body: Its text.
        content_type: Of the body.
        headers: More headers, like location or retry-after.
    """

    kind: Literal["answer"] = "answer"
    status: int = Field(ge=200, le=599)
    body: str = ""
    content_type: str = "text/html"
    headers: dict[str, str] = {}


class Delay(Rule):
    """The true answer, later."""

    kind: Literal["delay"] = "delay"
    seconds: float = Field(ge=0, le=3600)


class Hang(Rule):
    """No answer at all: the connection stays open until the client goes."""

    kind: Literal["hang"] = "hang"


class Reset(Rule):
    """The connection breaks before an answer."""

    kind: Literal["reset"] = "reset"


class CutShort(Rule):
    """The true answer's first half, then the connection ends."""

    kind: Literal["cut_short"] = "cut_short"
    packed: bool = False


class Corrupt(Rule):
    """The true answer, packed by gzip and damaged in the middle."""

    kind: Literal["corrupt"] = "corrupt"


class Oversized(Rule):
    """A body of spaces, made as it is sent; packed by gzip it is a thousandth of that on the wire.

    Attributes:
        megabytes: Length of the body, unpacked.
        packed: Whether it goes out packed.
    """

    kind: Literal["oversized"] = "oversized"
    megabytes: int = Field(ge=1, le=10_000)
    packed: bool = False


class Drip(Rule):
    """The true answer, one byte at a time."""

    kind: Literal["drip"] = "drip"
    seconds: float = Field(default=0.2, gt=0, le=60)


class Rows(Rule):
    """Klines with defects.

    Attributes:
        change: missing leaves rows out; revised adds a trade at the close to them; duplicated
            sends them twice; off_grid opens them a millisecond late; unclosed lets them close
            in the future; not_a_number and huge_number spoil their close; off_tick lifts their
            prices by 1e-8; unsettled lacks what the last seconds before the request hold.
        from_ms: Open time of the first row it is about, milliseconds since the epoch.
        until_ms: Open time it ends before.
        seconds: How far back unsettled reaches.
    """

    kind: Literal["rows"] = "rows"
    change: Literal[
        "missing",
        "revised",
        "duplicated",
        "off_grid",
        "unclosed",
        "not_a_number",
        "huge_number",
        "off_tick",
        "unsettled",
    ]
    from_ms: int = 0
    until_ms: int = 10**14
    seconds: int = Field(default=5, ge=1, le=60)


class Status(Rule):
    """A status like HALT or BREAK of one symbol in exchangeInfo; of all when none is named."""

    kind: Literal["status"] = "status"
    symbol: str | None = None
    status: str = "HALT"


Effect = Annotated[
    Answer | Delay | Hang | Reset | CutShort | Corrupt | Oversized | Drip | Rows | Status,
    Field(discriminator="kind"),
]


class Fault(Rule):
    """One effect, and the requests that get it.

    Attributes:
        endpoint: Name below /api/v3, like klines; any when None.
        symbol: Of the request; any when None.
        interval: Of the request; any when None.
        from_ms: First moment of the server's clock at which it applies.
        until_ms: First moment at which it no longer does.
        skip: How many requests that match pass unharmed first.
        times: How many get it; no end when None.
        probability: Share of the matching requests that get it, drawn by the script's seed.
        effect: What they get.
    """

    endpoint: str | None = None
    symbol: str | None = None
    interval: str | None = None
    from_ms: int = 0
    until_ms: int = 10**14
    skip: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    effect: Effect

    def matches(self, endpoint: str, query: dict[str, str], now_ms: int) -> bool:
        """Tell whether the fault may apply to a request."""
        return (
            self.endpoint in {None, endpoint}
            and self.symbol in {None, query.get("symbol")}
            and self.interval in {None, query.get("interval")}
            and self.from_ms <= now_ms < self.until_ms
        )


FAULTS = TypeAdapter(list[Fault])


class FaultScript:
    """Faults in force, with counts of the requests that each has matched so far.

    Args:
        faults: In the order their effects are applied.
        seed: Of the draws; the same requests in the same order get the same faults.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 1) -> None:
        self.faults = tuple(faults)
        self._seed = seed
        self._start()

    def replace(self, faults: Sequence[Fault]) -> None:
        """Put other faults in force and count from the beginning."""
        self.faults = tuple(faults)
        self._start()

    def effects(self, endpoint: str, query: dict[str, str], now_ms: int) -> list[Effect]:
        """Count a request and return what it gets, in order; nothing for most."""
        return [
            fault.effect
            for place, fault in enumerate(self.faults)
            if fault.matches(endpoint, query, now_ms) and self._strikes(place, fault)
        ]

    def _start(self) -> None:
        self._met = [0] * len(self.faults)
        self._struck = [0] * len(self.faults)
        self._random = Random(self._seed)  # noqa: S311 - repeatable on purpose

    def _strikes(self, place: int, fault: Fault) -> bool:
        self._met[place] += 1
        if self._met[place] <= fault.skip or self._struck[place] == fault.times:
            return False
        strikes = self._random.random() < fault.probability
        self._struck[place] += strikes
        return strikes
