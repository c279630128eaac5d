"""Fields of forms filled in by hand, or sent to Airflow's API, where no form checks them."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from include.records.shown_text import shown_text
from include.records.symbols import read_symbol

MOST_LINES = 1_000
LONGEST_LINE = 200
LONGEST_NOTE = 1_000
LONGEST_PROBLEM = 1_000


def _without_blanks(listed: object) -> object:
    """Strip each text and drop empty ones; leave anything else to the field's type."""
    if not isinstance(listed, list | tuple):
        return [] if listed is None else listed
    stripped = [each.strip() if isinstance(each, str) else each for each in listed]
    return [each for each in stripped if each != ""]


def _once(listed: list[str]) -> list[str]:
    return [*dict.fromkeys(map(read_symbol, listed))]


Lines = Annotated[
    list[Annotated[str, Field(max_length=LONGEST_LINE)]],
    Field(max_length=MOST_LINES),
    BeforeValidator(_without_blanks),
]
Symbols = Annotated[Lines, AfterValidator(_once)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE)]


def explain(error: ValidationError) -> str:
    """Return what is wrong with a form in one printable line, a part for each field."""
    parts = (
        f"{'.'.join(map(str, each['loc'])) or 'the form'}: {each['msg']}" for each in error.errors()
    )
    return shown_text("; ".join(parts))[:LONGEST_PROBLEM]
