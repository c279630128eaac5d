"""The catalogue as records."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CONTENT = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Defect:
    number: int
    name: str
    expected: str
    source: str


@dataclass(frozen=True)
class BadRow:
    defect: int
    interval: str
    cells: dict[str, str | int]
    expectation: str


DEFECTS = {entry["number"]: Defect(**entry) for entry in CONTENT["defect"]}
BAD_ROWS = [BadRow(**entry) for entry in CONTENT["row"]]
