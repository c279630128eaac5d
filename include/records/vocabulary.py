"""The words that pages, reports and pictures have for what they show, and what each means.

A code is what tables, files and the API say; its words are the same in small letters, so that each
leads to the other. docs/method.md has the exact rules.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from include.records.prices import DUE, NOT_PUBLISHED, Flag, Grade, SoftFlag
from include.records.revisions import MinuteState
from include.records.verdicts import State


@dataclass(frozen=True)
class Word:
    """One entry.

    Attributes:
        code: As stored, upper case.
        words: As shown.
        meaning: One sentence without its full stop; it can follow the words and a colon.
    """

    code: str
    words: str
    meaning: str


# Letters of a code that is shown as it is: OK, and the grades.
SHORT = 2


def _word(code: str, meaning: str) -> Word:
    name = str(code)
    words = name if len(name) <= SHORT else name.replace("_", " ").lower()
    return Word(name, words, meaning)


# Why a minute has its value, or has none; in the order of legends.
CAUSES = (
    _word(Flag.OK, "averaged from all sixty seconds, or from the exchange's own minute"),
    _word(Flag.PARTIAL, "averaged from the seconds that are there; some are missing"),
    _word(Flag.NO_TRADES, "the market was open, and nobody traded: there is no price"),
    _word(Flag.HALTED, "the exchange did not trade the symbol"),
    _word(Flag.EXCHANGE_OUTAGE, "the exchange answered, and had no data of any symbol"),
    _word(Flag.SOURCE_GAP, "the exchange answered, and had no data of this symbol alone"),
    _word(Flag.INGEST_GAP, "we could not fetch it; it gets a value once we can"),
    _word(NOT_PUBLISHED, "no row yet: nothing has run for this minute, or nothing was known of it"),
    _word(DUE, "the minute has just ended, and its row is not late yet"),
)
# What is unusual about a minute that has a value; it is never dropped for that.
SOFT_FLAGS = (
    _word(SoftFlag.JUMP, "far from the minutes before; the next two will tell whether it stays"),
    _word(SoftFlag.JUMP_CONFIRMED, "far from the minutes before, and the price stayed"),
    _word(SoftFlag.SPIKE, "far from the minutes before, and the price came back"),
    _word(SoftFlag.SEAM, "opens far from the close of the minute before"),
    _word(SoftFlag.STALE, "no trade for five minutes or longer"),
    _word(SoftFlag.CROSS_SOURCE, "the exchange's own five-minute average differs"),
)
STATES = (
    _word(MinuteState.PROVISIONAL, "still averaged again by every run"),
    _word(MinuteState.FINAL, "fifteen minutes old: no regular run averages it again"),
    _word(MinuteState.AUDITED, "compared with the exchange's daily archive, and identical"),
    _word(MinuteState.RESTATED, "changed after it was final; the value before is kept"),
)
GRADES = (
    _word(Grade.A, "quality from 90: all of it is held and both sources agree"),
    _word(Grade.B, "quality from 70"),
    _word(Grade.C, "quality from 50"),
    _word(Grade.D, "quality from 30"),
    _word(Grade.E, "quality below 30"),
)
ROW_STATES = (
    _word(State.OPEN, "a row in quarantine that nobody has settled yet"),
    _word(State.REPLAYED, "passed the gate later, and was stored"),
    _word(State.ACCEPTED, "a person accepted it as it is, and it was stored"),
    _word(State.SUPERSEDED, "a later fetch brought a good row for the same moment"),
    _word(State.CLOSED, "a person decided that it is bad; it is not stored"),
)
VERDICTS = (
    _word("PASSED", "every expectation was met; all rows are stored"),
    _word("WITH_A_WARNING", "an expectation was not met; the good rows are stored"),
    _word("REFUSED", "nothing of the batch is stored, and it is fetched again"),
    _word("QUARANTINED", "a row that is kept apart with the reason, until somebody settles it"),
)
GROUPS: dict[str, tuple[Word, ...]] = {
    "causes": CAUSES,
    "soft_flags": SOFT_FLAGS,
    "states": STATES,
    "grades": GRADES,
    "verdicts": VERDICTS,
    "row_states": ROW_STATES,
}
_WORDS = {word.code: word for group in GROUPS.values() for word in group}


def words_of(code: str) -> str:
    """Return how a code is shown; an unknown one as it is."""
    return _WORDS[code].words if code in _WORDS else code


def script() -> str:
    """Return all groups as a JavaScript module: arrays of {code, words, meaning}."""
    return "".join(
        f"export const {name.upper()} = {json.dumps([asdict(word) for word in group])};\n"
        for name, group in GROUPS.items()
    )
