from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from include.simulator.market.markets import MARKETS
from include.simulator.tapes.klines import KlineHistory, build_kline, decimal_text
from include.simulator.tapes.tapes import IdCycle, Tape, Trade, aggregate

DATA = Path(__file__).parents[2] / "data" / "binance"
MINUTE_MS = 60_000
FIRST_FULL_MS, LAST_FULL_MS = 1577977860000, 1577978220000  # 15:11 and 15:17
ONE = 100_000_000


def trade(offset_ms=0, price=100, quantity=1, *, is_buyer_maker=False) -> Trade:
    return Trade(offset_ms, int(price * ONE), int(quantity * ONE), is_buyer_maker)


def tape(minutes: dict[int, list[Trade]]) -> Tape:
    return Tape(
        origin="test",
        source="GENERATED",
        trades_in=lambda minute: tuple(minutes[minute]),
        agg_trades_in=lambda minute: aggregate(minutes[minute]),
        trade_ids=IdCycle(1, (1,)),
        agg_trade_ids=IdCycle(1, (1,)),
        period_minutes=None,
    )


def recorded_agg_trades() -> list[dict[str, str]]:
    with gzip.open(DATA / "BTCUSDT_aggTrades_20200102_1510_1518.csv.gz", "rt") as lines:
        return list(csv.DictReader(lines))


def as_trades(row: dict[str, str]) -> list[Trade]:
    """Give the whole quantity to the last fill: how it was shared is not recorded."""
    fill = Trade(
        offset_ms=int(row["time_ms"]) % MINUTE_MS,
        price_e8=int(Decimal(row["price"]) * ONE),
        quantity_e8=int(Decimal(row["qty"]) * ONE),
        is_buyer_maker=row["is_buyer_maker"] == "true",
    )
    earlier_fills = int(row["last_trade_id"]) - int(row["first_trade_id"])
    return [*[fill._replace(quantity_e8=0)] * earlier_fills, fill]


def archive_rows() -> list[list[int | str]]:
    """Rows as REST would give them: open time, close time and trade count are numbers."""
    with zipfile.ZipFile(DATA / "BTCUSDT-1m-2020-01-02.zip") as archive:
        text = archive.read("BTCUSDT-1m-2020-01-02.csv").decode()
    return [
        [int(column) if place in {0, 6, 8} else column for place, column in enumerate(row)]
        for row in csv.reader(io.StringIO(text))
        if FIRST_FULL_MS <= int(row[0]) <= LAST_FULL_MS
    ]


@pytest.fixture(scope="module")
def history_of_2020() -> KlineHistory:
    minutes = defaultdict(list)
    for row in recorded_agg_trades():
        minutes[int(row["time_ms"]) // MINUTE_MS] += as_trades(row)
    return KlineHistory(tape(minutes))


def test_recorded_trades_give_the_official_klines_to_the_last_digit(history_of_2020):
    """Binance publishes both; seven full minutes of 2020-01-02 lie in the recording."""
    expected = archive_rows()

    rows = history_of_2020.rows(MINUTE_MS, FIRST_FULL_MS, LAST_FULL_MS, LAST_FULL_MS * 2, 1000)

    assert len(expected) == 7
    assert rows == expected


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"])
def test_sixty_seconds_add_up_to_their_minute(symbol):
    history = KlineHistory(MARKETS[symbol].tape(seed=1))
    start_ms, far_ms = 28_000_001 * MINUTE_MS, 28_000_009 * MINUTE_MS

    seconds = history.rows(1000, start_ms, far_ms, far_ms, 60)
    [minute] = history.rows(MINUTE_MS, start_ms, far_ms, far_ms, 1)

    traded = [row for row in seconds if row[8]]
    assert len(seconds) == 60
    assert minute[1] == traded[0][1]
    assert Decimal(minute[2]) == max(Decimal(row[2]) for row in traded)
    assert Decimal(minute[3]) == min(Decimal(row[3]) for row in traded)
    assert minute[4] == traded[-1][4] == seconds[-1][4]
    for column in (5, 7, 8, 9, 10):
        assert Decimal(minute[column]) == sum(Decimal(row[column]) for row in seconds)


def test_a_second_without_trades_stands_flat_at_the_close_before_it():
    """Also the first second of a minute, which stands at the last price of the minute before."""
    history = KlineHistory(tape({4: [trade(price=7)], 5: [trade(1500, price=9)]}))

    rows = history.rows(1000, 5 * MINUTE_MS, 5 * MINUTE_MS + 2000, 9 * MINUTE_MS, 3)

    zero = "0.00000000"
    assert rows[0] == [
        *(300_000, *["7.00000000"] * 4, zero),
        *(300_999, zero, 0, zero, zero, "0"),
    ]
    assert [row[1] for row in rows] == ["7.00000000", "9.00000000", "9.00000000"]
    assert [row[8] for row in rows] == [0, 1, 0]


def test_each_trades_value_is_truncated_before_it_is_added():
    """0.33333333 x 0.5 is 0.166666665; two of them make 0.33333332, not 0.33333333."""
    half = trade(price=Decimal("0.33333333"), quantity=Decimal("0.5"))

    kline = build_kline([half, half], previous_close_e8=ONE)

    assert decimal_text(kline.quote_volume_e8) == "0.33333332"


def test_taker_volumes_hold_only_the_trades_whose_taker_bought():
    sold = trade(price=10, quantity=3, is_buyer_maker=True)
    bought = trade(price=10, quantity=2)

    kline = build_kline([sold, bought], previous_close_e8=ONE)

    assert (kline.volume_e8, kline.taker_volume_e8) == (5 * ONE, 2 * ONE)
    assert (kline.quote_volume_e8, kline.taker_quote_volume_e8) == (50 * ONE, 20 * ONE)


def test_the_first_millisecond_of_a_second_belongs_to_it_and_the_last_one_too():
    minute = [trade(999), trade(1000), trade(1999), trade(2000)]
    history = KlineHistory(tape({0: [trade()], 1: minute}))

    rows = history.rows(1000, MINUTE_MS, MINUTE_MS + 2000, 9 * MINUTE_MS, 3)

    assert [row[8] for row in rows] == [1, 2, 1]


def test_the_running_kline_holds_the_trades_so_far():
    """A trade at the very moment has happened; one a millisecond later has not."""
    history = KlineHistory(tape({0: [trade()], 1: [trade(100), trade(500), trade(501)]}))
    now_ms = MINUTE_MS + 500

    [minute] = history.rows(MINUTE_MS, MINUTE_MS, now_ms, now_ms, 10)
    [second] = history.rows(1000, MINUTE_MS, now_ms, now_ms, 10)

    assert minute[8] == second[8] == 2
    assert minute[6] == MINUTE_MS + 59_999
    assert second[6] == MINUTE_MS + 999


def test_no_recorded_aggregate_trade_is_split():
    """Their fills, added up again, end where recorded ones end, and hold as much.

    Fewer come out: two orders of one millisecond, price and side look like one.
    """
    rows = recorded_agg_trades()
    trades = [fill for row in rows for fill in as_trades(row)]

    merged = aggregate(trades)

    first_id = int(rows[0]["first_trade_id"])
    recorded_ends = {int(row["last_trade_id"]) for row in rows}
    assert {first_id + agg.last for agg in merged} <= recorded_ends
    assert sum(agg.quantity_e8 for agg in merged) == sum(fill.quantity_e8 for fill in trades)
    assert len(rows) - len(merged) == 76


@pytest.mark.parametrize(
    "change",
    [{"offset_ms": 1}, {"price_e8": ONE}, {"is_buyer_maker": True}],
    ids=["later", "other price", "other side"],
)
def test_trades_of_different_orders_stay_apart(change):
    merged = aggregate([trade(), trade()._replace(**change)])

    assert len(merged) == 2
