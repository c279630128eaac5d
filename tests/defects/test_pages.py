"""Where a page of klines ends says nothing about where the klines end."""

from datetime import timedelta

import httpx
import pytest

from include.records.klines import Interval
from include.records.windows import MINUTE, Window, to_ms
from tests.fakes.builders import NOON, kline
from tests.fakes.exchange import client_over

DAY = Window(NOON, NOON + timedelta(days=1))
HOUR = Window(NOON, NOON + timedelta(hours=1))


class Server:
    """An exchange that gives at most some rows at a time, and may not keep to what is asked."""

    def __init__(self, rows, most, *, keeps_to_start=True):
        self.rows = rows
        self.most = most
        self.keeps_to_start = keeps_to_start
        self.asked = 0

    def __call__(self, request):
        self.asked += 1
        start_ms = int(request.url.params["startTime"]) if self.keeps_to_start else 0
        end_ms = int(request.url.params["endTime"])
        held = [row for row in self.rows if start_ms <= row[0] <= end_ms]
        return httpx.Response(200, json=held[: self.most])


def minutes_of(window):
    return [kline(minute, Interval.MINUTE) for minute in window.minutes()]


def fetched(server, window=DAY, interval=Interval.MINUTE):
    with client_over(server) as exchange:
        return exchange.klines("BTCUSDT", interval, window)


@pytest.mark.defect(38)
@pytest.mark.parametrize(
    ("most", "requests"),
    [
        (500, 3),
        (1000, 2),
        (1440, 1),
        (999, 2),
        (480, 3),
        pytest.param(60, 24, marks=pytest.mark.slow),
    ],
)
def test_gets_every_row_of_a_day_from_a_server_that_gives_fewer_than_asked_for(most, requests):
    """1,440 minutes, whatever the server's own limit; no request is wasted."""
    server = Server(minutes_of(DAY), most)

    assert fetched(server) == minutes_of(DAY)
    assert server.asked == requests


@pytest.mark.defect(38)
def test_goes_on_behind_a_gap_that_is_longer_than_a_page():
    """Ten hours without a row, as in an outage; the day goes on after them."""
    rows = [row for place, row in enumerate(minutes_of(DAY)) if not 400 <= place < 1000]

    assert fetched(Server(rows, 500)) == rows


@pytest.mark.defect(38)
def test_asks_once_more_where_the_last_rows_are_absent():
    rows = minutes_of(HOUR)[:-2]
    server = Server(rows, 1000)

    assert fetched(server, HOUR) == rows
    assert server.asked == 2


@pytest.mark.defect(38)
@pytest.mark.parametrize("interval", list(Interval))
def test_asks_once_for_a_window_that_is_wholly_there(interval):
    """What an exchange that runs costs in a usual minute: six minutes of seconds, one request."""
    window = Window(NOON, NOON + 6 * MINUTE)
    count = window.minute_count * 60_000 // interval.length_ms
    rows = [
        kline(NOON + index * timedelta(milliseconds=interval.length_ms), interval)
        for index in range(count)
    ]
    server = Server(rows, 1000)

    assert fetched(server, window, interval) == rows
    assert server.asked == 1


@pytest.mark.defect(38)
def test_comes_to_an_end_at_a_server_that_repeats_its_page():
    server = Server(minutes_of(DAY), 500, keeps_to_start=False)

    assert fetched(server) == minutes_of(DAY)[:500]
    assert server.asked == 2


@pytest.mark.defect(38)
@pytest.mark.parametrize("step", [-1000 * MINUTE, timedelta(days=2)], ids=["before", "after"])
def test_hands_rows_outside_of_the_span_to_the_gate_and_stops(step):
    rows = [kline(minute + step, Interval.MINUTE) for minute in HOUR.minutes()]

    assert fetched(lambda _request: httpx.Response(200, json=rows), HOUR) == rows


@pytest.mark.defect(38)
def test_goes_on_where_a_server_states_microseconds():
    def in_microseconds(request):
        start_ms = int(request.url.params["startTime"])
        rows = [row for row in minutes_of(DAY) if row[0] >= start_ms][:500]
        return httpx.Response(
            200,
            json=[[row[0] * 1000, *row[1:6], row[6] * 1000 + 999, *row[7:]] for row in rows],
        )

    assert [row[0] for row in fetched(in_microseconds)] == [
        to_ms(minute) * 1000 for minute in DAY.minutes()
    ]
