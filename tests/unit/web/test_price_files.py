import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

from include.reading.minute_details import READING_FIELDS, reading_values
from include.reading.queries import Reading
from include.records.prices import Flag
from include.records.revisions import MinuteState
from include.records.windows import MINUTE, Window
from include.web.price_files import FileKind, PriceFile
from tests.fakes.builders import NOON, average

SOURCE = "REPLAY of 2020-01-01, BTCUSDT"
KNOWN_AT = NOON + timedelta(minutes=2, seconds=7, milliseconds=250)


def values(minute, source=SOURCE, **changes):
    known_at = minute + MINUTE
    reading = Reading(
        average=average(minute, **changes),
        revision=1,
        known_at=known_at,
        first_known_at=known_at,
        first_valued_at=known_at,
        state=MinuteState.PROVISIONAL,
    )
    return reading_values(reading, source)


def file(*minutes, symbol="BTCUSDT"):
    return PriceFile(symbol, Window(NOON, NOON + 2 * MINUTE), KNOWN_AT, READING_FIELDS, minutes)


def rows(made):
    return [*csv.DictReader(io.StringIO(made.content(FileKind.CSV)))]


def test_names_every_value_of_a_minute():
    assert [*values(NOON)] == [*READING_FIELDS]


def test_keeps_every_digit_in_a_sheet():
    (row,) = rows(file(values(NOON, vwap="0.000008120000")))

    assert row["vwap"] == "0.000008120000"


def test_each_row_says_where_it_comes_from_and_as_of_when():
    """The source has a comma, which separates the cells."""
    first, second = rows(file(values(NOON), values(NOON + MINUTE, source=None)))

    assert (first["source"], second["source"]) == (SOURCE, "")
    assert first["as_of"] == second["as_of"] == "2026-03-01T12:02:07.250Z"


def test_a_gap_is_a_row_without_a_price():
    (row,) = rows(file(values(NOON, vwap=None, flag=Flag.INGEST_GAP)))

    assert (row["flag"], row["vwap"], row["is_late"]) == ("INGEST_GAP", "", "0")


def test_has_its_heads_though_nothing_is_published():
    assert file().content(FileKind.CSV) == ",".join([*READING_FIELDS, "as_of"]) + "\n"


def test_is_the_same_in_json_with_its_sources():
    minutes = [values(NOON), values(NOON + MINUTE, source="GENERATED")]

    made = json.loads(file(*minutes).content(FileKind.JSON))

    assert made["minutes"] == minutes
    assert made["sources"] == ["GENERATED", SOURCE]
    assert (made["symbol"], made["from"], made["to"], made["as_of"]) == (
        "BTCUSDT",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:02:00Z",
        "2026-03-01T12:02:07.250Z",
    )


def test_its_name_says_what_is_in_it():
    """And is one that every system takes: without a colon."""
    name = "BTCUSDT_2026-03-01T1200Z_2026-03-01T1202Z_as_of_2026-03-01T120207Z.csv"

    assert file().name(FileKind.CSV) == name
    assert file().disposition(FileKind.CSV) == f'attachment; filename="{name}"'


def test_is_saved_under_its_name_in_any_script():
    disposition = file(symbol="币安人生USDT").disposition(FileKind.JSON)

    assert disposition.isascii()
    assert "filename*=UTF-8''%E5%B8%81" in disposition


def test_a_file_of_other_minutes_has_another_name():
    made = file()

    names = {
        made.name(FileKind.CSV),
        made.name(FileKind.JSON),
        replace(made, known_at=KNOWN_AT + MINUTE).name(FileKind.CSV),
        replace(made, window=Window(NOON, NOON + MINUTE)).name(FileKind.CSV),
    }

    assert len(names) == 4
