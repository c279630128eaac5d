"""Fields of forms filled in by hand, or sent to Airflow's API, where no form checks them."""

import re
from contextlib import suppress
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from include.records.shown_text import shown_text
from include.records.symbols import read_symbol

MOST_LINES = 1_000
LONGEST_LINE = 200
LONGEST_NOTE = 1_000
LONGEST_PROBLEM = 1_000
QUOTED = 40
# As the form writes it; date.fromisoformat takes weeks, too.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What pydantic puts before a message of ours.
_OURS = "Value error, "


def _without_blanks(listed: object) -> object:
    """Strip each text and drop empty ones; leave anything else to the field's type."""
    if not isinstance(listed, list | tuple):
        return [] if listed is None else listed
    stripped = [each.strip() if isinstance(each, str) else each for each in listed]
    return [each for each in stripped if each != ""]


def _once(listed: list[str]) -> list[str]:
    return [*dict.fromkeys(map(read_symbol, listed))]


def _day(written: object) -> object:
    """Read a day; an empty field is None."""
    if written is None or isinstance(written, date):
        return written
    text = str(written).strip()
    if not text:
        return None
    with suppress(ValueError):
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    raise ValueError(f"{text[:QUOTED]!r} is not a day: write it like 2026-03-01")


def _needed(day: object) -> object:
    if day is None:
        raise ValueError("no day is given: write one like 2026-03-01")
    return day


def _text(note: object) -> object:
    return "" if note is None else note


Lines = Annotated[
    list[Annotated[str, Field(max_length=LONGEST_LINE)]],
    Field(max_length=MOST_LINES),
    BeforeValidator(_without_blanks),
]
Symbols = Annotated[Lines, AfterValidator(_once)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE), BeforeValidator(_text)]
DayOrNone = Annotated[date | None, BeforeValidator(_day)]
# The validator that is named last runs first.
Day = Annotated[date, BeforeValidator(_needed), BeforeValidator(_day)]


def explain(error: ValidationError) -> str:
    """Return what is wrong with a form in one printable line, a part for each field."""
    parts = (
        f"{'.'.join(map(str, each['loc'])) or 'the form'}: {each['msg'].removeprefix(_OURS)}"
        for each in error.errors()
    )
    return shown_text("; ".join(parts))[:LONGEST_PROBLEM]
