"""Published minutes as a file for a spreadsheet or a program: CSV or JSON, every digit as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from include.reading.minute_details import JsonCell, JsonObject
from include.records.windows import Window, iso

# The name of a column that each row has the same value of: a sheet loses what its file is called.
AS_OF = "as_of"


class FileKind(StrEnum):
    """What a file is written as; its suffix."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.JSON: "application/json",
}


@dataclass(frozen=True)
class PriceFile:
    """A symbol's published minutes, as they were known at a moment.

    Attributes:
        symbol: Binance's pair id, upper case.
        window: Which minutes.
        known_at: The moment, aware UTC.
        columns: Names of what each minute has, in the order of the file.
        minutes: Ascending; a minute that was not published is absent.
    """

    symbol: str
    window: Window
    known_at: datetime
    columns: Sequence[str]
    minutes: Sequence[JsonObject]

    def name(self, kind: FileKind) -> str:
        """Return a name that tells what is in it; the page gives the same (static/downloads.js)."""
        start, end = (f"{each:%Y-%m-%dT%H%MZ}" for each in (self.window.start, self.window.end))
        return f"{self.symbol}_{start}_{end}_as_of_{self.known_at:%Y-%m-%dT%H%M%SZ}.{kind}"

    def disposition(self, kind: FileKind) -> str:
        """Return the header that has a browser save it under its name, in any script."""
        name = self.name(kind)
        quoted = quote(name)
        return (
            f'attachment; filename="{name}"'
            if quoted == name
            else f"attachment; filename*=UTF-8''{quoted}"
        )

    def content(self, kind: FileKind) -> str:
        """Return all of it."""
        return self._csv() if kind is FileKind.CSV else self._json()

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, [*self.columns, AS_OF], lineterminator="\n")
        writer.writeheader()
        known_at = iso(self.known_at)
        for minute in self.minutes:
            writer.writerow(
                {name: _cell(minute[name]) for name in self.columns} | {AS_OF: known_at}
            )
        return text.getvalue()

    def _json(self) -> str:
        sources = sorted({str(each["source"]) for each in self.minutes if each["source"]})
        return json.dumps(
            {
                "symbol": self.symbol,
                "from": iso(self.window.start),
                "to": iso(self.window.end),
                AS_OF: iso(self.known_at),
                "sources": sources,
                "minutes": self.minutes,
            },
            ensure_ascii=False,
        )


def _cell(value: JsonCell | list[str] | dict[str, str]) -> object:
    """Return a value as exported files have it: yes and no as 1 and 0, nothing as nothing."""
    return int(value) if isinstance(value, bool) else value
