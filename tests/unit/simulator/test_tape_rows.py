"""What a tape's files may say, and what is refused by file and line."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from include.simulator.market.exchange import Exchange
from include.simulator.market.listings import Placement, tape_listings
from include.simulator.serving.archive import zipped
from include.simulator.tapes.files import TapeError
from include.simulator.tapes.recorded import read_recording

pytestmark = pytest.mark.defect(45)

ROOT = Path(__file__).parents[3]
START = 1_706_745_600_000  # 2024-02-01T00:00Z
M, DAY = 60_000, 86_400_000
OWN_TIME = Placement(starts_at=None, loops=False)
NAMES = {
    "trades": "PEPEUSDT-trades-2024-02-01.csv",
    "aggTrades": "PEPEUSDT-aggTrades-2024-02-01.csv",
    "1s": "PEPEUSDT-1s-2024-02-01.csv",
    "1m": "PEPEUSDT-1m-2024-02-01.csv",
}
LONGEST = "12345678901234567890.12345678"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tape"
    made.mkdir()
    return made


@pytest.fixture
def listings(folder, tmp_path):
    def read():
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        return tape_listings(folder, work, OWN_TIME)

    return read


@pytest.fixture
def play(listings, client_of):
    """Play the folder; the clock stands at the end of the day."""

    def start():
        client = client_of(Exchange(listings(), 10**9, 10))
        client.now_ms = START + DAY - 1
        return client

    return start


def write(folder, name, *lines):
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def trade(number=1, price="2", quantity="3", time=START, *, sold="False"):
    return f"{number},{price},{quantity},6,{time},{sold},True"


def agg_trade(number=1, price="2", quantity="3", time=START, *, trades=(1, 1)):
    return f"{number},{price},{quantity},{trades[0]},{trades[1]},{time},False,True"


def kline(opens=START, length=M, prices=("2", "2", "2", "2"), sums=("3", "6", 2, "1", "2")):
    volume, quote, count, taker, taker_quote = sums
    closes = opens + length - 1
    return f"{opens},{','.join(prices)},{volume},{closes},{quote},{count},{taker},{taker_quote},0"


def second(opens=START):
    return kline(opens, 1000)


LINES = {"trades": trade, "aggTrades": agg_trade, "1s": second, "1m": kline}


def klines(client, interval="1m", **query):
    return client.get("klines", symbol="PEPEUSDT", interval=interval, **query).json()


@pytest.mark.parametrize("volume", ["263000000000.00000000", LONGEST])
@pytest.mark.parametrize("kind", ["trades", "aggTrades"])
def test_plays_the_largest_quantity_that_can_be_stated(folder, play, kind, volume):
    """Two trades; the sum goes on beyond twenty digits, to the last decimal."""
    make = LINES[kind]
    rows = [make(number, "0.00000812", volume, START + number) for number in (1, 2)]
    write(folder, NAMES[kind], *rows)
    client = play()

    (row,) = klines(client, startTime=START, limit=1)
    day = client.get("ticker/24hr", symbol="PEPEUSDT").json()

    assert Decimal(row[5]) == Decimal(day["volume"]) == 2 * Decimal(volume)
    units = int(volume.replace(".", ""))
    assert int(row[7].replace(".", "")) == 2 * (812 * units // 10**8)
    assert day["weightedAvgPrice"] == "0.00000812"
    assert client.get("aggTrades", symbol="PEPEUSDT").json()[0]["q"] == volume


@pytest.mark.parametrize("kind", ["1s", "1m"])
def test_plays_a_kline_of_the_largest_numbers_to_the_last_digit(folder, play, kind):
    """And splits a minute into seconds that add up to it, sixty of them or fewer."""
    volume, quote = LONGEST, "98765432109876543210.00000001"
    taker, taker_quote = "1234567890123456789.00000003", "9000000000000000000.00000007"
    row = kline(
        length=1000 if kind == "1s" else M,
        prices=("8", "8.00000003", "7.99999998", "8.00000001"),
        sums=(volume, quote, 1000, taker, taker_quote),
    )
    write(folder, NAMES[kind], row)
    client = play()

    (minute,) = klines(client, startTime=START, limit=1)
    seconds = klines(client, "1s", startTime=START, endTime=START + M - 1)

    assert minute[1:6] == ["8.00000000", "8.00000003", "7.99999998", "8.00000001", volume]
    assert minute[7:11] == [quote, 1000, taker, taker_quote]
    for column in (5, 7, 9, 10):
        assert sum(int(each[column].replace(".", "")) for each in seconds) == int(
            minute[column].replace(".", "")
        )


def test_splits_a_minute_whose_takers_bought_less_than_a_step_a_second(folder, play):
    """3e-8 coins for 0.0021 over sixty seconds: most have a quote volume and no volume of it."""
    sums = ("60", "4200000", 120, "0.00000003", "0.0021")
    write(folder, NAMES["1m"], kline(prices=("70000",) * 4, sums=sums))

    (minute,) = klines(play(), startTime=START, limit=1)

    assert minute[9:11] == ["0.00000003", "0.00210000"]


def test_states_changes_and_averages_exactly_however_long_the_numbers_are(folder, play):
    """Up by a tenth of a thousandth of a percent of 20 digits; the average is the exact half up."""
    first, last = "10000000000000000000.00000001", "10000010000000000000.00000001"
    write(
        folder,
        NAMES["trades"],
        trade(1, first, "0.5", START),
        trade(2, last, "0.5", START + 1),
    )

    day = play().get("ticker/24hr", symbol="PEPEUSDT").json()

    assert day["priceChange"] == "10000000000000.00000000"
    assert day["priceChangePercent"] == "0.000"
    assert day["weightedAvgPrice"] == "10000005000000000000.00000000"


def test_makes_an_archive_of_the_largest_volume(folder, listings):
    write(folder, NAMES["1m"], kline(sums=(LONGEST, LONGEST, 1, LONGEST, LONGEST)))

    made = zipped(listings()["PEPEUSDT"], "PEPEUSDT", "1m", date(2024, 2, 1))

    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.read(archive.namelist()[0]).decode().split(",")[5] == LONGEST


TWICE = {
    "each line": [(0, 0, 1, 1, 2, 2)],
    "a run of lines": [(0, 1, 2, 0, 1, 2)],
    "a run, then new ones": [(0, 1, 0, 1, 2)],
    "in another file": [(0, 1, 2), (0, 1, 2)],
    "where files overlap": [(0, 1), (1, 2)],
    "in a file of their middle": [(0, 1, 2), (1,)],
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("places", TWICE.values(), ids=TWICE)
def test_counts_once_what_a_tape_names_twice(folder, play, kind, places):
    """Three rows of 3 coins, minutes apart; the files are read in either order of their names."""
    rows = [LINES[kind](opens=START + at * M) if kind in {"1s", "1m"} else None for at in range(3)]
    if kind in {"trades", "aggTrades"}:
        rows = [LINES[kind](7 + at, time=START + at * M) for at in range(3)]
    for number, found in enumerate(places):
        name = f"PEPEUSDT-{kind}-{9 - number}-2024-02-01.csv"
        write(folder, name, *(rows[place] for place in found))

    played = klines(play(), startTime=START, limit=3)

    assert [row[5] for row in played] == ["3.00000000"] * 3


def test_counts_once_what_a_file_of_the_month_and_one_of_its_day_name(folder, play):
    rows = [trade(day, time=START + (day - 1) * DAY) for day in (1, 2, 3)]
    write(folder, "PEPEUSDT-trades-2024-02.csv", *rows)
    write(folder, "PEPEUSDT-trades-2024-02-02.csv", rows[1])

    client = play()
    client.now_ms = START + 3 * DAY

    assert [row[5] for row in klines(client, "1d", startTime=START, limit=3)] == ["3.00000000"] * 3


def test_takes_one_line_in_other_letters_for_the_same(folder, play):
    """Microseconds, other zeros, True written true: one trade."""
    rows = [trade(), f"1,2.000,3.0,6.000,{START * 1000},false"]
    write(folder, "PEPEUSDT-trades-a-2024-02-01.csv", rows[0])
    write(folder, "PEPEUSDT-trades-b-2024-02-01.csv", rows[1])

    assert klines(play(), startTime=START, limit=1)[0][5] == "3.00000000"


OTHER = {
    "trades": [trade(price="2.1"), trade(quantity="4"), trade(time=START + 1), trade(sold="True")],
    "aggTrades": [
        agg_trade(price="2.1"),
        agg_trade(quantity="4"),
        agg_trade(time=START + 1),
        agg_trade(trades=(1, 2)),
        agg_trade(trades=(2, 2)),
    ],
    "1s": [kline(length=1000, sums=("3", "6", 3, "1", "2"))],
    "1m": [kline(prices=("2", "3", "2", "2")), kline(sums=("3", "6", 2, "1", "3"))],
}


@pytest.mark.parametrize(
    ("kind", "other"), [(kind, other) for kind, others in OTHER.items() for other in others]
)
@pytest.mark.parametrize("files", [1, 2], ids=["one file", "two files"])
def test_refuses_two_accounts_of_one_thing(folder, listings, kind, other, files):
    first = LINES[kind]()
    if files == 1:
        write(folder, NAMES[kind], first, other)
        name, line = NAMES[kind], 2
    else:
        write(folder, f"PEPEUSDT-{kind}-a-2024-02-01.csv", first)
        write(folder, name := f"PEPEUSDT-{kind}-b-2024-02-01.csv", other)
        line = 1

    with pytest.raises(TapeError, match=f"{name}, line {line}: differs from an earlier line"):
        listings()


BAD_LINES = {
    "trades": {
        "ten columns": f"{trade()},1,2,3",
        "eight columns": agg_trade(),
        "five columns": "1,2,3,6,1",
        "nothing": "",
        "a negative price": trade(price="-2"),
        "a price of 0": trade(price="0"),
        "a quantity of 0": trade(quantity="0"),
        "NaN": trade().replace(",3,", ",NaN,"),
        "infinity": trade().replace(",3,", ",Infinity,"),
        "an exponent": trade().replace(",3,", ",3e-5,"),
        "nine decimals": trade(quantity="0.123456789"),
        "21 digits": trade(quantity="1" * 21),
        "too large a value": trade(price="1" * 20, quantity="1" * 20),
        "spaces": trade().replace(",3,", ", 3,"),
        "an underscore": trade().replace(",3,", ",3_0,"),
        "no number of quote": trade().replace(",6,", ",six,"),
        "a fraction of an id": trade("1.5"),
        "a negative id": trade("-1"),
        "an id beyond all": trade("1" * 30),
        "a flag that is none": trade(sold="2"),
        "no flag": trade(sold=""),
        "a last flag that is none": trade().replace("True", "maybe"),
        "seconds": trade(time=START // 1000),
        "nanoseconds": trade(time=START * 10**6),
        "a time beyond all": trade(time="9" * 30),
        "a date": trade(time="2024-02-01 00:00:00"),
        "the day before": trade(time=START - 1),
        "the day after": trade(time=START + DAY),
        "a header once more": "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
        "a quote": trade().replace("2,", '"2",'),
        "a zero byte": trade().replace("2,", "\0,"),
        "other letters": trade().replace("True", "Wahr é"),
        "a long line": trade(sold="False" * 1000),
    },
    "aggTrades": {
        "ten columns": f"{agg_trade()},1,2",
        "seven columns of a trade": trade(),
        "its last trade before its first": agg_trade(trades=(5, 4)),
        "no trade, and a price": agg_trade(trades=(-1, -1)),
        "a price of 0 and trades": agg_trade(price="0", quantity="0"),
        "a quantity of 0": agg_trade(quantity="0"),
        "more trades than can be": agg_trade(trades=(1, 10**15)),
    },
    "1s": {
        "ten columns": ",".join(second().split(",")[:10]),
        "a minute": kline(),
        "off the grid": second(START + 1),
    },
    "1m": {
        "ten columns": ",".join(kline().split(",")[:10]),
        "thirteen columns": f"{kline()},0",
        "a second": second(),
        "off the grid": kline(START + 1000),
        "it ends before it begins": kline(length=-M),
        "a high below the close": kline(prices=("2", "2", "2", "3")),
        "a low above the open": kline(prices=("2", "3", "3", "3")),
        "a negative volume": kline(sums=("-3", "6", 2, "1", "2")),
        "no number of trades": kline(sums=("3", "6", "2.0", "1", "2")),
        "more trades than can be": kline(sums=("3", "6", 10**12, "1", "2")),
        "takers bought more than there was": kline(sums=("3", "6", 2, "4", "2")),
        "volume without trades": kline(sums=("3", "6", 0, "1", "2")),
        "a price that moves without trades": kline(
            prices=("2", "3", "2", "2"), sums=("0", "0", 0, "0", "0")
        ),
        "trades at a price of 0": kline(prices=("0",) * 4),
        "NaN": kline(prices=("2", "2", "NaN", "2")),
    },
}


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        pytest.param(kind, bad, id=f"{kind} {name}")
        for kind, lines in BAD_LINES.items()
        for name, bad in lines.items()
    ],
)
def test_refuses_a_line_that_is_no_such_row(folder, listings, kind, bad):
    """The second of three; it is named by file and line, in one line."""
    last = LINES[kind](9, time=START + 9) if kind in {"trades", "aggTrades"} else LINES[kind]()
    (folder / NAMES[kind]).write_bytes(f"{LINES[kind]()}\n{bad}\n{last}\n".encode())

    with pytest.raises(TapeError, match=f"^{NAMES[kind]}, line 2: ") as refused:
        listings()

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("bad", ["NaN,1", "-1,2,3,4", "\ufeff1,2,3", "id,price", "", "what,is,it"])
def test_refuses_a_first_line_that_is_neither_header_nor_row(folder, listings, kind, bad):
    (folder / NAMES[kind]).write_text(f"{bad}\n{LINES[kind]()}\n")

    with pytest.raises(TapeError, match=f"^{NAMES[kind]}, line 1: "):
        listings()


@pytest.mark.parametrize("content", [b"", b"id,price,qty,time,is_buyer_maker\n"])
def test_refuses_a_file_without_a_row(folder, listings, content):
    (folder / NAMES["trades"]).write_bytes(content)

    with pytest.raises(TapeError, match=r"2024-02-01\.csv has no row"):
        listings()


def test_refuses_rows_that_go_back_in_time_by_file_and_line(folder, listings):
    write(folder, NAMES["trades"], trade(1, time=START + 5), trade(2, time=START + 4))

    with pytest.raises(TapeError, match="line 2: goes back in time"):
        listings()


def test_refuses_an_id_that_goes_back(folder, listings):
    write(folder, NAMES["trades"], trade(1), trade(3), trade(2))

    with pytest.raises(TapeError, match="line 3: goes back in time, from 3 to 2"):
        listings()


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("trades", "id,price,qty,quote_qty,time,is_buyer_maker", "1,2,3,6,{},true"),
        ("trades", "is_buyer_maker,time_ms,qty,price,id", "true,{},3,2,1"),
        (
            "aggTrades",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            "1,2,3,1,1,{},true",
        ),
        (
            "1m",
            (
                "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
                "taker_buy_volume,taker_buy_quote_volume,ignore"
            ),
            kline(),
        ),
    ],
)
def test_reads_columns_by_the_names_of_a_header(folder, play, kind, header, row):
    write(folder, NAMES[kind], header, row.format(START))

    assert klines(play(), startTime=START, limit=1)[0][4:6] == ["2.00000000", "3.00000000"]


def test_plays_a_symbol_that_is_not_written_in_ascii(folder, listings):
    write(folder, "币安人生USDT-trades-2024-02-01.csv", trade())

    assert list(listings()) == ["币安人生USDT"]


def test_refuses_a_day_that_is_none(folder, listings):
    write(folder, "PEPEUSDT-trades-2024-02-30.csv", trade())

    with pytest.raises(
        TapeError, match=r"2024-02-30\.csv is named after a day that does not exist"
    ):
        listings()


def zip_of(*names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"{trade()}\n" * 99)
    return packed.getvalue()


def encrypted():
    """The first flag of each of the two headers says so."""
    content = bytearray(zip_of("a.csv"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("zip", b"no zip"),
        ("zip", zip_of()),
        ("zip", zip_of("a.csv", "b.csv")),
        ("zip", zip_of("a.csv")[:60]),
        ("zip", encrypted()),
        ("csv.gz", b"no gzip"),
        ("csv.gz", gzip.compress(f"{trade()}\n".encode() * 99)[:-9]),
        ("csv.gz", gzip.compress(zip_of("a.csv"))),
        ("csv", "1,2,3".encode("utf-16")),
        ("csv", zip_of("a.csv")),
    ],
    # Not the bytes, which hold the moment at which they were packed: two workers would differ.
    ids=[
        "no zip",
        "an empty zip",
        "two files",
        "a zip cut short",
        "encrypted",
        "no gzip",
        "a gzip cut short",
        "a zip within a gzip",
        "another encoding",
        "a zip that is called csv",
    ],
)
def test_refuses_what_cannot_be_unpacked(folder, listings, suffix, content):
    name = f"PEPEUSDT-trades-2024-02-01.{suffix}"
    (folder / name).write_bytes(content)

    with pytest.raises(TapeError, match=f"^{name}"):
        listings()


@pytest.mark.parametrize("suffix", ["zip", "csv.gz"])
def test_refuses_or_reads_a_file_with_any_byte_spoilt(folder, listings, suffix):
    """Three hundred of them: nothing but the one error comes out."""
    draws = random.Random(45)  # noqa: S311 - bytes to spoil
    name = f"PEPEUSDT-trades-2024-02-01.{suffix}"
    whole = zip_of("a.csv") if suffix == "zip" else gzip.compress(f"{trade()}\n".encode() * 99)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        content[draws.randrange(len(whole))] = draws.randrange(256)
        (folder / name).write_bytes(content)
        try:
            listings()
        except TapeError:
            refused += 1

    assert refused > 100


def test_refuses_a_folder_that_is_named_like_a_file(folder, listings):
    (folder / NAMES["trades"]).mkdir()

    with pytest.raises(TapeError, match=f"{NAMES['trades']} cannot be read"):
        listings()


def test_reads_a_recording_by_the_same_rules(tmp_path):
    """Four minutes, of which two are whole; a trade that is named twice is one."""
    rows = [trade(at, time=START + at * M) for at in range(4)]
    path = tmp_path / "PEPEUSDT_trades_part.csv.gz"
    path.write_bytes(gzip.compress("\n".join([*rows[:2], rows[1], *rows[2:]]).encode()))

    assert [len(minute) for minute in read_recording(path).minutes] == [1, 1]

    path.write_bytes(gzip.compress("\n".join([*rows[:2], f"{rows[2]},1,2,3"]).encode()))
    with pytest.raises(ValueError, match=r"part\.csv\.gz, line 3: 10 columns"):
        read_recording(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [("--tape", "{}"), ("--tape", "{}/none"), ("--archives", "{}/none")],
    ids=["a line of ten columns", "no such tape", "no such archives"],
)
def test_the_command_ends_with_one_line(folder, options):
    write(folder, NAMES["trades"], trade(), f"{trade(2)},1,2,3")
    start = datetime(2024, 2, 1, tzinfo=UTC).strftime("at:%Y-%m-%dT%H:%MZ")
    named = [option.format(folder) for option in options]

    ended = subprocess.run(
        [sys.executable, "-m", "include.simulator", "--port", "0", "--clock", start, *named],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "cannot start: " in ended.stderr
