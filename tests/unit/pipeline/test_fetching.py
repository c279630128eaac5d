import gzip
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.pipeline.fetching import FetchPlan, fetch_batch, plan_fetches
from include.pipeline.landing import (
    is_old_batch,
    land_verdict,
    read_batch,
    read_verdict,
)
from include.pipeline.storing import alarm_of, load_batch
from include.records.errors import (
    InvalidAnswerError,
    LostBatchError,
    RetryableError,
    UnknownSymbolError,
    UnreadableSymbolError,
)
from include.records.klines import TRADE_COUNT, Interval
from include.records.windows import MINUTE, Window, from_ms
from include.store.store import Watermark
from tests.fakes.builders import NOON, batch, kline, land, symbol_info, verdict
from tests.fakes.clock import Clock
from tests.fakes.memory_store import MemoryStore

GOOD = verdict()
OUT_OF_ORDER = {7: {"expect_prices_to_be_in_order": "low 101.00, high 100.00"}}


class FakeExchange:
    """Lists BTCUSDT and has a kline for every second and minute."""

    def __init__(self, now=NOON):
        self.now = now
        # It is its own transport.
        self.transport, self.used_weight, self.source = self, 4, "GENERATED"
        self.asked, self.reserved = [], []
        self.is_down = False
        self.five_minute_answer = Decimal("100.25")

        self.clock = NOON
        # What an answer lacks at a moment, as the exchange has not settled the minute.
        self.lag, self.wall = lambda rows, _interval, _moment: rows, lambda: self.now
        # Whether it answers with the row that runs after the window's end.
        self.has_running = lambda _moment: True

    def clock_offset(self):
        return self.now - self.clock

    def restart_patience(self):
        self.patient_since = len(self.asked)

    def reserve(self, weight, wait_seconds):
        self.reserved.append((weight, wait_seconds))

    def symbol_infos(self, symbols):
        self.asked.append(tuple(symbols))
        if self.is_down:
            raise RetryableError("the exchange does not answer")
        return {
            symbol: symbol_info(symbol, checked_at=self.now)
            for symbol in symbols
            if symbol == "BTCUSDT"
        }

    def klines(self, symbol, interval, span, *, open_end=timedelta(0)):
        assert open_end == 2 * MINUTE
        ended = Window(span.start, span.end - MINUTE)
        self.asked.append((symbol, interval, ended))
        count = ended.minute_count * 60_000 // interval.length_ms
        amounts = {} if interval is Interval.SECOND else {"volume": "120.00000000", "trades": 120}
        rows = [
            kline(
                span.start + timedelta(milliseconds=index * interval.length_ms), interval, **amounts
            )
            for index in range(count)
        ]
        running = [kline(ended.end, interval)] if self.has_running(self.wall()) else []
        return [*self.lag(rows, interval, self.wall()), *running]

    def five_minute_price(self, symbol, minute):
        self.asked.append((symbol, minute))
        if isinstance(self.five_minute_answer, Exception):
            raise self.five_minute_answer
        return self.five_minute_answer


def plan(**changes):
    defaults = {
        "symbol": "BTCUSDT",
        "window": Window(NOON, NOON + MINUTE),
        "tick_size": Decimal("0.01"),
        "clock_offset": timedelta(0),
    }
    return FetchPlan(**defaults | changes)


def plans(store, exchange, symbols=("BTCUSDT",), clock=lambda: NOON):
    return plan_fetches(store, exchange, symbols, clock)


def test_plans_from_the_watermark_to_the_exchanges_last_closed_minute():
    """Our clock says noon, the exchange's a minute and a half later: it decides."""
    store = MemoryStore()
    store.set_stored_until("BTCUSDT", NOON - 3 * MINUTE)

    (planned,) = plans(store, FakeExchange(NOON + timedelta(seconds=90)))

    assert planned.window == Window(NOON - 3 * MINUTE, NOON + MINUTE)
    assert planned.clock_offset == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("second", "end"), [(49, NOON), (50, NOON + MINUTE), (55, NOON + MINUTE), (59, NOON + MINUTE)]
)
def test_plans_the_minute_that_is_about_to_end(second, end):
    """Its fetch is there when it ends, and waits for it."""
    store = MemoryStore()
    store.set_stored_until("BTCUSDT", NOON)

    (planned,) = plans(store, FakeExchange(NOON + timedelta(seconds=second)))

    assert planned.window == Window(NOON, end)


@pytest.mark.parametrize(
    ("symbol_count", "behind", "planned"),
    [
        (1, 3, (3, 5)),
        (10, 57, (57, 3)),
        (10, 90, (59, 1)),
        (100, 1, (1, 5)),
        (100, 4, (4, 2)),
        (100, 30, (5, 1)),
        (200, 1, (1, 2)),
        (300, 1, (1, 1)),
        (300, 30, (2, 1)),
        (1_000, 30, (2, 1)),
    ],
)
def test_plans_no_more_than_a_run_can_finish_the_oldest_minutes_first(
    symbol_count, behind, planned
):
    """Where there are too many, with less overlap: one minute of it at least, and two new ones."""
    store = MemoryStore()
    symbols = [f"S{number}USDT" for number in range(symbol_count)]
    for symbol in symbols:
        store.set_stored_until(symbol, NOON - behind * MINUTE)

    each = plans(store, FakeExchange(), symbols)[-1]

    start, (minutes, overlap) = NOON - behind * MINUTE, planned
    assert each.window == Window(start, start + minutes * MINUTE)
    assert each.overlap == overlap * MINUTE


def test_requests_as_much_overlap_as_is_planned():
    exchange = FakeExchange()

    fetch_batch(exchange, plan(overlap=2 * MINUTE), lambda: NOON + 2 * MINUTE)

    assert exchange.asked[:2] == [
        ("BTCUSDT", Interval.SECOND, Window(NOON - 2 * MINUTE, NOON + MINUTE)),
        ("BTCUSDT", Interval.MINUTE, Window(NOON - 15 * MINUTE, NOON + MINUTE)),
    ]


def test_plans_an_unknown_symbol_without_stopping_the_others():
    planned = plans(MemoryStore(), FakeExchange(), ("NOSUCH", "BTCUSDT"))

    assert [(item.symbol, item.tick_size) for item in planned] == [
        ("NOSUCH", None),
        ("BTCUSDT", Decimal("0.01")),
    ]


@pytest.mark.defect(37)
def test_goes_on_with_what_it_knows_beside_a_symbol_that_it_was_never_told_of():
    """A symbol is added while exchangeInfo does not answer: it alone waits."""
    store, exchange = MemoryStore(), FakeExchange()
    plans(store, exchange)
    exchange.is_down = True

    known, new = plans(store, exchange, ("BTCUSDT", "ETHUSDT"))

    assert known.unreadable == ""
    with pytest.raises(UnreadableSymbolError, match=r"'ETHUSDT'.*does not answer"):
        fetch_batch(exchange, new, lambda: NOON)


def test_asks_what_a_symbol_is_once_in_ten_minutes():
    store, exchange = MemoryStore(), FakeExchange()
    plans(store, exchange)
    plans(store, exchange)

    exchange.now = NOON + 11 * MINUTE
    plans(store, exchange)

    assert exchange.asked == [("BTCUSDT",), ("BTCUSDT",)]


def test_goes_on_with_what_it_knows_while_the_exchange_does_not_say():
    store, exchange = MemoryStore(), FakeExchange()
    plans(store, exchange)
    exchange.now, exchange.is_down = NOON + 11 * MINUTE, True

    (planned,) = plans(store, exchange)

    assert planned.tick_size == Decimal("0.01")


def test_refuses_an_unknown_symbol_before_any_request():
    exchange = FakeExchange()

    with pytest.raises(UnknownSymbolError, match=r"NOSUCH.*Variable 'symbols'"):
        fetch_batch(exchange, plan(symbol="NOSUCH", tick_size=None), lambda: NOON)

    assert exchange.asked == []


def test_asks_a_second_and_a_half_after_the_minute_by_the_exchanges_clock():
    """At 12:01:00.5 by the exchange's clock, one second is still to come."""
    slept = []

    fetched = fetch_batch(
        FakeExchange(),
        plan(clock_offset=timedelta(seconds=0.5)),
        lambda: NOON + MINUTE,
        slept.append,
    )

    assert slept == [1.0]
    assert fetched.row_count == 376


@pytest.mark.parametrize(
    ("starts", "waits"), [(-5, 6), (0, 1), (4, 0)], ids=["before", "at its end", "late"]
)
def test_reserves_three_requests_at_once_for_the_moment_of_the_first(starts, waits):
    """1.5 s after the minute by the exchange's clock; ours is half a second behind it."""
    exchange = FakeExchange()

    fetch_batch(
        exchange,
        plan(clock_offset=timedelta(seconds=0.5)),
        lambda: NOON + MINUTE + timedelta(seconds=starts),
        lambda _seconds: None,
    )

    assert exchange.reserved == [(6, waits)]


def fetch_lagging(lag, has_running=lambda _moment: True):
    """Fetch from an exchange that lags; return the moments of the requests, and the batch."""
    exchange, clock = FakeExchange(), Clock(NOON + MINUTE)
    moments = []

    def answer(rows, interval, moment):
        moments.append((interval, (moment - NOON - MINUTE).total_seconds()))
        return lag(rows, interval, moment - NOON - MINUTE)

    exchange.lag, exchange.wall, exchange.has_running = answer, clock, has_running
    return moments, fetch_batch(exchange, plan(), clock, clock.sleep), exchange


@pytest.mark.parametrize(
    ("lagging", "settled_s", "looks_s"),
    [
        (Interval.SECOND, 0, []),
        (Interval.SECOND, 1.8, [3.0]),
        (Interval.SECOND, 3.5, [3.0, 5.0]),
        (Interval.SECOND, 9, [3.0, 5.0]),
        (Interval.MINUTE, 1.8, [3.0]),
        (Interval.MINUTE, 3.5, [3.0, 5.0]),
    ],
)
def test_asks_again_for_what_lags_and_for_nothing_else(lagging, settled_s, looks_s):
    def lag(rows, interval, age):
        if interval is not lagging or age.total_seconds() >= settled_s:
            return rows
        if interval is Interval.SECOND:
            return [*rows[:-1], kline(from_ms(rows[-1][0]), volume="1.00000000", trades=1)]
        return [*rows[:-1], kline(from_ms(rows[-1][0]), interval, volume="60.00000000", trades=60)]

    moments, fetched, exchange = fetch_lagging(lag)

    assert moments == [(each, 1.5) for each in Interval] + [(lagging, look) for look in looks_s]
    weight = 2 * len([each for each in exchange.asked if len(each) == 3])
    weight += 2 * (fetched.five_minute_price is not None)
    assert weight <= (6 if len(looks_s) < 2 else 8)
    assert fetched.row_count == 376
    last_look_s = [1.5, *looks_s][-1]
    is_settled = fetched.rows[lagging][-1][TRADE_COUNT] == (
        120 if lagging is Interval.MINUTE else 2
    )
    assert is_settled == (last_look_s >= settled_s)


@pytest.mark.parametrize("lacking", [*Interval])
def test_asks_again_for_rows_that_are_not_there_yet(lacking):
    def lag(rows, interval, age):
        is_early = interval is lacking and age < timedelta(seconds=2)
        return rows[:-1] if is_early else rows

    moments, fetched, _ = fetch_lagging(lag)

    assert moments[2:] == [(lacking, 3.0)]
    assert fetched.row_count == 376


@pytest.mark.parametrize("knows_after_s", [2, 9])
def test_asks_once_more_where_nothing_shows_that_the_exchange_knows_the_minutes_end(knows_after_s):
    """The rows add up, but all of them may lack the last trades; they lag for at most 3 s."""
    moments, fetched, _ = fetch_lagging(
        lambda rows, _interval, _age: rows,
        lambda moment: moment >= NOON + MINUTE + timedelta(seconds=knows_after_s),
    )

    assert moments[2:] == [(Interval.SECOND, 3.0)]
    assert fetched.row_count == 376


def test_asks_once_more_for_both_where_both_lack_rows():
    moments, fetched, _ = fetch_lagging(
        lambda rows, _interval, age: rows[:-1] if age < timedelta(seconds=4) else rows
    )

    assert moments[2:] == [(Interval.SECOND, 3.0), (Interval.MINUTE, 3.0)]
    assert (fetched.row_count, fetched.five_minute_price) == (374, None)


def test_asks_for_no_more_in_an_outage():
    def lag(rows, interval, _age):
        return rows[: -60 if interval is Interval.SECOND else -1]

    moments, fetched, _ = fetch_lagging(lag)

    assert len(moments) == 2
    assert fetched.five_minute_price is None


def test_takes_a_silent_minute_for_settled_when_both_say_so():
    def lag(rows, interval, _age):
        last = from_ms(rows[-1][0])
        count = 60 if interval is Interval.SECOND else 1
        step = timedelta(milliseconds=interval.length_ms)
        silent = [
            kline(last - back * step, interval, volume="0.00000000", trades=0)
            for back in reversed(range(count))
        ]
        return [*rows[:-count], *silent]

    moments, fetched, _ = fetch_lagging(lag)

    assert len(moments) == 2
    assert fetched.five_minute_price == Decimal("100.25")


def test_asks_once_for_what_is_long_over():
    exchange = FakeExchange()
    exchange.lag = lambda rows, interval, _moment: (
        rows[:-1] if interval is Interval.SECOND else rows
    )

    fetched = fetch_batch(exchange, plan(), lambda: NOON + 2 * MINUTE, lambda _seconds: None)

    assert len(exchange.asked) == 2
    assert len(fetched.rows[Interval.SECOND]) == 359


def test_keeps_what_it_has_when_the_exchange_does_not_answer_again():
    def lag(rows, interval, age):
        if age > timedelta(seconds=2):
            raise RetryableError("the exchange does not answer")
        return rows[:-1] if interval is Interval.SECOND else rows

    moments, fetched, _ = fetch_lagging(lag)

    assert moments[2:] == [(Interval.SECOND, 3.0)]
    assert (len(fetched.rows[Interval.SECOND]), fetched.five_minute_price) == (359, None)


def test_asks_what_the_exchange_itself_averages_of_the_last_five_minutes():
    exchange = FakeExchange()

    fetched = fetch_batch(exchange, plan(), lambda: NOON + MINUTE + timedelta(seconds=6))

    assert fetched.five_minute_price == Decimal("100.25")
    assert exchange.asked[-1] == ("BTCUSDT", NOON)


def test_does_not_ask_it_of_minutes_that_are_long_over():
    """It has no history: a minute later it says something of other minutes."""
    fetched = fetch_batch(FakeExchange(), plan(), lambda: NOON + 2 * MINUTE)

    assert fetched.five_minute_price is None


@pytest.mark.parametrize(
    "error", [RetryableError("no answer"), InvalidAnswerError("no price", "?")]
)
def test_does_not_lose_a_batch_for_want_of_a_figure_to_check_against(error):
    exchange = FakeExchange()
    exchange.five_minute_answer = error

    fetched = fetch_batch(exchange, plan(), lambda: NOON + MINUTE + timedelta(seconds=6))

    assert fetched.five_minute_price is None
    assert fetched.row_count == 376


def test_fetches_the_overlap_with_the_window():
    exchange = FakeExchange()

    fetched = fetch_batch(exchange, plan(), lambda: NOON + 2 * MINUTE)

    assert exchange.asked == [
        ("BTCUSDT", Interval.SECOND, Window(NOON - 5 * MINUTE, NOON + MINUTE)),
        ("BTCUSDT", Interval.MINUTE, Window(NOON - 15 * MINUTE, NOON + MINUTE)),
    ]
    assert fetched.row_count == 6 * 60 + 16


def test_counts_a_row_that_came_on_two_pages_once():
    class Doubling(FakeExchange):
        def klines(self, *asked_for, **named):
            rows = super().klines(*asked_for, **named)
            return [rows[-1], *rows]

    fetched = fetch_batch(Doubling(), plan(), lambda: NOON + 2 * MINUTE)

    opens = [row[0] for row in fetched.rows[Interval.MINUTE]]
    assert opens == sorted(set(opens))


def test_reads_a_landed_batch_and_verdict_back(tmp_path):
    landed = batch()
    said = verdict(OUT_OF_ORDER, warnings={"expect_every_symbol_to_have_its_rows": 1})

    url = land(tmp_path, landed)
    land_verdict(url, said)

    assert read_batch(url) == landed
    assert read_verdict(url) == said


@pytest.mark.parametrize("content", [None, b"", b"half"], ids=["gone", "empty", "cut short"])
def test_says_that_a_landed_batch_is_lost_and_will_be_fetched_again(tmp_path, content):
    url = land(tmp_path, batch())
    if content is None:
        Path(url).unlink()
    else:
        whole = Path(url).read_bytes()
        Path(url).write_bytes(whole[: len(whole) // 2] if content else content)

    with pytest.raises(LostBatchError, match=r"cannot be read .* the next run fetches its window"):
        read_batch(url)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"symbol": 1}', "nonsense"],
    ids=["a list", "without fields", "with another field", "no JSON"],
)
def test_says_that_a_file_of_another_shape_is_no_batch_and_no_verdict(tmp_path, content):
    url = land(tmp_path, batch())
    land_verdict(url, GOOD)
    Path(url).write_bytes(gzip.compress(content.encode()))
    Path(url.removesuffix(".json") + ".verdict.json").write_text(content)

    with pytest.raises(LostBatchError, match="cannot be read"):
        read_batch(url)
    with pytest.raises(LostBatchError, match="the verdict on the batch"):
        read_verdict(url)


def test_says_that_a_batch_was_not_checked(tmp_path):
    url = land(tmp_path, batch())

    with pytest.raises(LostBatchError, match=r"the verdict on the batch .* cannot be read"):
        read_verdict(url)


def test_lands_a_verdict_although_its_batch_and_folder_are_gone(tmp_path):
    url = land(tmp_path, batch())
    Path(url).unlink()
    Path(url).parent.rmdir()

    land_verdict(url, verdict(reason="lost"))

    assert read_verdict(url).reason == "lost"


def test_lands_batches_in_an_object_store():
    url = land("memory://prices", batch())
    land_verdict(url, GOOD)

    assert read_batch(url) == batch()
    assert read_verdict(url) == GOOD


def test_raises_an_alarm_once_while_a_fault_lasts():
    """One bad row of 61 is 1.6 %, above one in a hundred; the next batch says nothing new."""
    store = MemoryStore()
    later = replace(batch(), fetched_at=batch().fetched_at + MINUTE)
    cured = replace(batch(), fetched_at=batch().fetched_at + 2 * MINUTE)
    again = replace(batch(), fetched_at=batch().fetched_at + 3 * MINUTE)
    said = [
        alarm_of(store, load_batch(store, landed, gate, "batch.json"))
        for landed, gate in [
            (batch(), verdict(OUT_OF_ORDER)),
            (later, verdict(OUT_OF_ORDER)),
            (cured, GOOD),
            (again, verdict(reason="unit")),
        ]
    ]

    assert said[0] == ("BTCUSDT: 1 of 61 rows quarantined (1.6%), by expect_prices_to_be_in_order")
    assert said[1:3] == ["", ""]
    assert "the batch refused" in said[3]


def test_a_landed_file_is_old_before_the_first_day_that_is_kept(tmp_path):
    path = Path(land(tmp_path, batch())).relative_to(tmp_path / "landing").as_posix()

    assert is_old_batch(path, NOON.date() + timedelta(days=1), {})
    assert is_old_batch(path.replace(".json", ".verdict.json"), date(2026, 3, 2), {})
    assert not is_old_batch(path, NOON.date(), {})
    assert not is_old_batch("notes/BTCUSDT/readme.txt", date(2030, 1, 1), {})


def test_a_batch_is_not_old_while_its_symbol_is_not_stored_up_to_its_day():
    """Planned on the first, and stored until some moment of that day: its last ones may wait."""
    path, later = "2026-03-01/BTCUSDT/1200-1201-01.json", date(2026, 3, 9)

    assert not is_old_batch(path, later, {"BTCUSDT": date(2026, 3, 1)})
    assert not is_old_batch(path, later, {"BTCUSDT": date(2026, 2, 27)})
    assert is_old_batch(path, later, {"BTCUSDT": date(2026, 3, 2)})
    assert is_old_batch(path, later, {"ETHUSDT": date(2026, 2, 27)})
    assert not is_old_batch(path, date(2026, 3, 1), {"BTCUSDT": date(2026, 3, 9)})


def test_stores_the_good_rows_and_quarantines_the_others():
    store, landed = MemoryStore(), batch()

    record = load_batch(store, landed, verdict(OUT_OF_ORDER), "batch.json")

    held = store.second_prices.between("BTCUSDT", landed.window)
    assert NOON + timedelta(seconds=7) not in {price.start for price in held}
    assert len(held) == 59
    (refused,) = store.quarantine.on_day("BTCUSDT", NOON.date())
    assert from_ms(int(refused.open_time)) == NOON + timedelta(seconds=7)
    assert refused.observed == OUT_OF_ORDER[7]
    assert json.loads(refused.payload) == landed.rows[Interval.SECOND][7]
    assert (record.row_count, record.quarantined_count) == (61, 1)
    assert store.watermark("BTCUSDT") == Watermark(NOON, NOON + MINUTE, None)


def test_writes_only_what_is_new(monkeypatch):
    """The gate saw the first thirty seconds stored already, and the twenty-first refused."""
    store, landed = MemoryStore(), batch()
    written = []
    monkeypatch.setattr(store.second_prices, "write", lambda rows, _: written.extend(rows))
    judged = replace(verdict({20: {"unit": ""}}), unchanged={Interval.SECOND: [*range(30)]})

    record = load_batch(store, landed, judged, "batch.json")

    assert [each.start for each in written] == [NOON + timedelta(seconds=s) for s in range(30, 60)]
    assert (record.row_count, record.quarantined_count) == (61, 1)
    assert store.watermark("BTCUSDT").stored_until == landed.window.end


def test_refuses_two_rows_of_one_moment_though_one_is_stored_already():
    landed = batch()
    seconds = [*landed.rows[Interval.SECOND], [*landed.rows[Interval.SECOND][7]]]
    landed = replace(landed, rows=landed.rows | {Interval.SECOND: seconds})
    judged = replace(GOOD, unchanged={Interval.SECOND: [7]})

    with pytest.raises(ValueError, match="two rows have the same moment"):
        load_batch(MemoryStore(), landed, judged, "batch.json")


def test_logs_where_a_batch_comes_from():
    fetched = fetch_batch(FakeExchange(), plan(), lambda: NOON + 2 * MINUTE)
    store = MemoryStore()

    record = load_batch(store, fetched, GOOD, "batch.json")

    assert record.source == "GENERATED"
    assert [each.source for each in store.batch_log("BTCUSDT", NOON.date())] == ["GENERATED"]


def test_stores_nothing_of_a_refused_batch_and_fetches_it_again():
    store = MemoryStore()

    record = load_batch(store, batch(), verdict(reason="unit"), "batch.json")

    assert store.second_prices.between("BTCUSDT", batch().window) == []
    assert store.watermark("BTCUSDT").stored_until is None
    assert store.batch_log("BTCUSDT", NOON.date()) == [record]


def test_never_moves_the_watermark_back():
    store = MemoryStore()
    store.set_stored_until("BTCUSDT", NOON + 9 * MINUTE)

    load_batch(store, batch(), GOOD, "batch.json")

    assert store.watermark("BTCUSDT").stored_until == NOON + 9 * MINUTE


def test_loads_the_same_batch_twice_without_a_difference():
    once, twice = MemoryStore(), MemoryStore()
    load_batch(once, batch(), GOOD, "batch.json")

    load_batch(twice, batch(), GOOD, "batch.json")
    load_batch(twice, batch(), GOOD, "batch.json")

    window = batch().window
    assert twice.second_prices.between("BTCUSDT", window) == once.second_prices.between(
        "BTCUSDT", window
    )
    assert twice.batch_log("BTCUSDT", NOON.date()) == once.batch_log("BTCUSDT", NOON.date())
