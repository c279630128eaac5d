"""Days of one's own, in Binance's archive formats, played by the simulator."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from include.simulator.market.exchange import Exchange
from include.simulator.market.listings import Placement, tape_listings
from include.simulator.serving.archive import zipped
from include.simulator.tapes.files import TapeError

DATA = Path("tests/data/binance")
M = 60_000
CUT_OFF = gzip.compress(b"1,2,3,4,5,6\n" * 9)[:20]
OWN_TIME = Placement(starts_at=None, loops=False)


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tape"
    made.mkdir()
    return made


@pytest.fixture
def play(folder, tmp_path, client_of):
    """Play the folder; the clock stands where the test puts it."""

    def start(now, placement=OWN_TIME):
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        client = client_of(Exchange(tape_listings(folder, work, placement), 10**9, 10))
        client.now_ms = ms(now)
        return client

    return start


@pytest.fixture(scope="module")
def day_of_minutes(tmp_path_factory):
    """The archive's day of minutes at its own time, read once: 86,400 seconds are made of it."""
    folder = tmp_path_factory.mktemp("day")
    shutil.copy(DATA / "BTCUSDT-1m-2020-01-02.zip", folder)
    return tape_listings(folder, tmp_path_factory.mktemp("work"), OWN_TIME)


def official(start, end):
    """Rows of Binance's own archive of 2020-01-02 that open in a span, as REST would have them."""
    with zipfile.ZipFile(DATA / "BTCUSDT-1m-2020-01-02.zip") as archive:
        lines = csv.reader(io.TextIOWrapper(archive.open(archive.namelist()[0])))
        return [
            [int(row[0]), *row[1:6], int(row[6]), row[7], int(row[8]), *row[9:12]]
            for row in lines
            if start <= int(row[0]) < end
        ]


def write(folder, name, lines):
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def trade(number, time, price="100.00", quantity="1", taker_sold="False"):
    return f"{number},{price},{quantity},{price},{time},{taker_sold},True"


def klines(client, interval="1m", **query):
    return client.get("klines", symbol="BTCUSDT", interval=interval, **query).json()


def test_makes_the_archives_minutes_of_a_recorded_page_of_aggregate_trades(folder, play):
    """The seven full minutes, to the last digit: prices, volumes, count and taker volumes."""
    shutil.copy(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", folder)
    start, end = ms("2020-01-02T15:11"), ms("2020-01-02T15:18")

    played = klines(play("2020-01-03T00:00"))

    assert played == official(start, end)
    assert len(played) == 7


@pytest.mark.defect(17)
def test_leaves_out_a_fill_that_was_taken_back(folder, play):
    """A tombstone keeps the number of the aggregate trade, and has neither price nor quantity."""
    shutil.copy(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", folder / "whole.csv.gz")
    with gzip.open(folder / "whole.csv.gz", "rt") as lines:
        header, *rows = [line.rstrip("\n") for line in lines]
    (folder / "whole.csv.gz").unlink()
    names = header.split(",")
    cells = dict(zip(names, rows[500].split(","), strict=True))
    dead = cells | dict.fromkeys(("price", "qty", "quantity"), "0")
    dead |= dict.fromkeys(("first_trade_id", "last_trade_id"), "-1")
    tombstone = ",".join(dead[name] for name in names)
    name = "BTCUSDT_aggTrades_20200102_1510_1518.csv"
    write(folder, name, [header, *rows[:501], tombstone, *rows[501:]])
    start, end = ms("2020-01-02T15:11"), ms("2020-01-02T15:18")

    assert klines(play("2020-01-03T00:00")) == official(start, end)


def test_gives_the_aggregate_trades_of_a_page_back(folder, play):
    """Ids, trade ids and quantities as recorded; 15:11 begins with aggregate 202790245."""
    shutil.copy(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", folder)
    with gzip.open(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", "rt") as lines:
        recorded = [
            row for row in csv.DictReader(lines) if int(row["time_ms"]) >= ms("2020-01-02T15:11")
        ]

    page = play("2020-01-03T00:00").get("aggTrades", symbol="BTCUSDT", startTime=0, limit=5).json()

    for given, row in zip(page, recorded, strict=False):
        assert (given["p"], given["q"], given["T"]) == (
            row["price"],
            row["qty"],
            int(row["time_ms"]),
        )
        assert given["l"] - given["f"] == int(row["last_trade_id"]) - int(row["first_trade_id"])


@pytest.mark.slow
def test_gives_an_archive_of_minutes_back_and_seconds_that_add_up_to_them(
    day_of_minutes, client_of
):
    """A day of 1,440 minutes, first, middle and last checked; 60 seconds each."""
    client = client_of(Exchange(day_of_minutes, 10**9, 10))
    client.now_ms = ms("2020-01-03T00:00")

    for start in map(ms, ("2020-01-02T00:00", "2020-01-02T15:11", "2020-01-02T23:59")):
        (minute,) = klines(client, startTime=start, endTime=start)
        seconds = klines(client, "1s", startTime=start, endTime=start + M - 1)
        assert [minute] == official(start, start + M)
        assert len(seconds) == 60
        for column in (5, 7, 9, 10):
            units = sum(int(row[column].replace(".", "")) for row in seconds)
            assert units == int(minute[column].replace(".", ""))
        assert sum(row[8] for row in seconds) == minute[8]
    assert client.get("trades", symbol="BTCUSDT").json() == []
    assert client.get("aggTrades", symbol="BTCUSDT").json() == []
    assert "made-up seconds" in client.get("/simulator.json").json()["symbols"]["BTCUSDT"]
    assert client.get("ticker/24hr", symbol="BTCUSDT").json()["count"] > 0


@pytest.mark.slow
def test_makes_the_archives_file_of_a_day_again(day_of_minutes):
    """Byte for byte what Binance's own holds; the same tape, so the same text."""
    made = zipped(day_of_minutes["BTCUSDT"], "BTCUSDT", "1m", date(2020, 1, 2))

    name = "BTCUSDT-1m-2020-01-02.csv"
    with (
        zipfile.ZipFile(io.BytesIO(made)) as ours,
        zipfile.ZipFile(DATA / f"{name[:-4]}.zip") as own,
    ):
        assert ours.read(name) == own.read(name)
    assert zipped(day_of_minutes["BTCUSDT"], "BTCUSDT", "1m", date(2020, 1, 3)) is None


@pytest.mark.parametrize("unit", [1, 1000], ids=["ms", "us"])
def test_reads_times_by_their_size(folder, play, unit):
    start = ms("2025-02-01T00:00")
    write(folder, "BTCUSDT-trades-2025-02-01.csv", [trade(7, (start + 1500) * unit)])

    row = klines(play("2025-02-01T00:02"), startTime=start, limit=1)[0]

    assert (row[0], row[4], row[5], row[8]) == (start, "100.00000000", "1.00000000", 1)


def test_is_flat_in_a_minute_without_trades_and_has_no_row_outside_its_day(folder, play):
    start = ms("2024-02-01T00:00")
    write(folder, "BTCUSDT-trades-2024-02-01.csv", [trade(7, start), trade(8, start + 2 * M, "90")])
    client = play("2024-02-03T00:00")

    rows = klines(client, startTime=start - M, limit=3)
    last = klines(client, limit=1)

    assert [(row[0], row[4], row[8]) for row in rows] == [
        (start, "100.00000000", 1),
        (start + M, "100.00000000", 0),
        (start + 2 * M, "90.00000000", 1),
    ]
    assert last[0][0] == ms("2024-02-01T23:59")
    assert klines(client, startTime=ms("2024-02-02T00:00")) == []


def test_has_no_row_of_a_minute_that_an_archive_of_klines_leaves_out(folder, play):
    start = ms("2024-02-01T00:00")
    row = "100,100,100,100,1,{close},100,1,1,100,0"
    lines = [f"{start + at * M},{row.format(close=start + at * M + M - 1)}" for at in (0, 2)]
    write(folder, "BTCUSDT-1m-2024-02-01.csv", lines)

    rows = klines(play("2024-02-01T01:00"), startTime=start, limit=5)

    assert [at[0] for at in rows] == [start, start + 2 * M]


@pytest.mark.slow
def test_is_played_over_and_over_on_whole_minutes(folder, play):
    """A tape of a day loops by the time of day: noon of any day is the tape's noon."""
    shutil.copy(DATA / "BTCUSDT-1m-2020-01-02.zip", folder)
    client = play("2026-03-01T12:10", Placement(starts_at=None, loops=True))
    start, then = ms("2026-03-01T12:00"), ms("2020-01-02T12:00")

    (row,) = klines(client, startTime=start, limit=1)

    assert row[1:6] == official(then, then + M)[0][1:6]
    assert row[0] == start


def test_is_played_once_from_the_minute_it_is_placed_at(folder, play):
    """Seven full minutes."""
    shutil.copy(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", folder)
    start = ms("2026-03-01T12:00")
    client = play("2026-03-05T00:00", Placement(starts_at=start // M, loops=False))

    rows = klines(client, startTime=0, limit=1)
    last = klines(client, limit=1)

    assert rows[0][0] == start
    assert last[0][0] == start + 6 * M


def test_lists_a_symbol_of_the_tape_alone_by_its_own_grid(folder, play):
    lines = [
        trade(1, ms("2024-02-01T00:00"), "0.00012", "5"),
        trade(2, ms("2024-02-01T00:01"), "0.0002", "30"),
    ]
    write(folder, "NEWCOINBTC-trades-2024-02-01.csv", lines)

    (info,) = play("2024-02-02T00:00").get("exchangeInfo").json()["symbols"]

    assert (info["symbol"], info["baseAsset"], info["quoteAsset"]) == (
        "NEWCOINBTC",
        "NEWCOIN",
        "BTC",
    )
    assert info["filters"][0]["tickSize"] == "0.00001000"


def test_pages_trades_with_the_ids_of_the_file(folder, play):
    start = ms("2024-02-01T00:00")
    write(
        folder,
        "BTCUSDT-trades-2024-02-01.csv",
        [trade(70 + n, start + n * 30_000) for n in range(6)],
    )

    page = play("2024-02-02T00:00").get("historicalTrades", symbol="BTCUSDT", fromId=72, limit=2)

    assert [(row["id"], row["time"]) for row in page.json()] == [
        (72, start + M),
        (73, start + M + 30_000),
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (None, b"", "has no file to play"),
        ("notes.txt", b"hello", "has no file to play"),
        ("BTCUSDT-trades-2024-02-01.zip", b"no zip", "cannot be read.*fetch it again"),
        ("BTCUSDT-trades-2024-02-01.csv.gz", CUT_OFF, "cannot be read"),
        ("BTCUSDT-trades-2024-02-01.csv", b"1,2,3\n", "line 1: 3 columns, not 6"),
        ("BTCUSDT-trades-2024-02-01.csv", b"1,abc,3,4,5,True\n", "line 1: 'abc' is not a price"),
        (
            "BTCUSDT-trades-2024-02-01.csv",
            b"1,1,1,1,1706745700000,True\n2,1,1,1,1706745600000,True\n",
            "goes back in time",
        ),
        ("BTCUSDT-trades-part.csv", b"1,1,1,1,1706745600000,True\n", "no whole minute"),
    ],
    ids=["empty", "other", "no zip", "cut off", "columns", "price", "order", "short"],
)  # fmt: skip
def test_says_what_is_wrong_with_a_tape(folder, tmp_path, name, content, words):
    if name:
        (folder / name).write_bytes(content)

    with pytest.raises(TapeError, match=words):
        tape_listings(folder, tmp_path, OWN_TIME)
