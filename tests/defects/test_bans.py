"""Until when the exchange wants nothing to be sent: the latest of all that an answer states."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import stamina

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile
from include.exchange.request_budget import RequestBudget
from include.records.errors import ExchangeBusyError
from include.records.klines import Interval
from include.records.request_weight import Block
from include.records.windows import to_ms
from tests.fakes.builders import NOON
from tests.fakes.exchange import client_over
from tests.fakes.memory_budget import MemoryBudgetTable

HOUR = 3600
THREE_DAYS = 3 * 24 * HOUR


def text(seconds):
    """What Binance writes of a ban that ends so long after noon (ccxt#1267)."""
    until_ms = to_ms(NOON) + seconds * 1000
    return (
        f"Way too many requests; IP banned until {until_ms}. Please use WebSocket Streams for live "
        "updates to avoid bans."
    )


def date(seconds):
    return f"{NOON + timedelta(seconds=seconds):%a, %d %b %Y %H:%M:%S} GMT"


@pytest.mark.defect(40)
@pytest.mark.parametrize(
    ("status", "retry_after", "message", "expected_seconds"),
    [
        (418, None, text(3 * HOUR), 3 * HOUR),
        (418, "0", text(3 * HOUR), 3 * HOUR),
        (418, "120", text(3 * HOUR), 3 * HOUR),
        (418, str(4 * HOUR), text(3 * HOUR), 4 * HOUR),
        (418, date(5 * HOUR), "banned", 5 * HOUR),
        (418, date(5 * HOUR), text(6 * HOUR), 6 * HOUR),
        (418, "0", "banned", 120),
        (418, None, "banned", 120),
        (418, "-5", text(-60), 120),
        (418, date(-HOUR), "banned", 120),
        (418, "300.5", "banned", 301),
        (418, "120, 300", "banned", 300),
        (418, "9" * 30, "banned", THREE_DAYS),
        (418, None, text(10 * THREE_DAYS), THREE_DAYS),
        (429, "0", "Too many requests", 60),
        (429, "12", "Too many requests", 12),
        (429, None, text(HOUR), HOUR),
        (400, None, text(HOUR), HOUR),
        (403, "10", text(HOUR), HOUR),
    ],
)
def test_keeps_to_the_latest_end_of_a_ban_that_an_answer_states(
    status, retry_after, message, expected_seconds
):
    """This worker's own wait, and what all others are told, are the same."""
    table = MemoryBudgetTable(6000)
    headers = {} if retry_after is None else {"retry-after": retry_after}
    body = json.dumps({"code": -1003, "msg": message}).encode()

    with (
        client_over(lambda _: httpx.Response(status, headers=headers, content=body), table) as c,
        pytest.raises(ExchangeBusyError) as caught,
    ):
        c.server_time()

    assert caught.value.wait_seconds == expected_seconds
    (block,) = table.blocks()
    assert (block.host, block.until) == ("*", NOON + timedelta(seconds=expected_seconds + 1))


@pytest.mark.defect(40)
@pytest.mark.parametrize(
    "body",
    [f"<html>{text(HOUR)}</html>", f'{{"data":{{"retryAfter":{to_ms(NOON) + HOUR * 1000}}}}}'],
    ids=["a page", "JSON of another kind"],
)
def test_reads_the_end_of_a_ban_from_whatever_the_body_is(body):
    with (
        client_over(lambda _: httpx.Response(418, text=body)) as exchange,
        pytest.raises(ExchangeBusyError) as caught,
    ):
        exchange.server_time()

    assert caught.value.wait_seconds == HOUR


@pytest.mark.defect(40)
def test_a_shorter_word_on_a_ban_takes_nothing_from_a_longer_one():
    """Two requests were under way: one was told three hours, the other nothing."""
    table = MemoryBudgetTable(6000)
    budget = RequestBudget(table, 0.5)
    for hours in (1, 3, 2):
        budget.block(Block("*", 418, NOON + timedelta(hours=hours), f"{hours}"))

    assert [block.reason for block in table.blocks()] == ["3"]


@pytest.mark.defect(40)
@pytest.mark.parametrize("status", [429, 503])
def test_leaves_the_archive_alone_for_as_long_as_it_asks(tmp_path: Path, status):
    """Three hours are longer than the patience with a file, so nothing is asked again."""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(
            status, headers={"retry-after": str(3 * HOUR)}, stream=httpx.ByteStream(b"")
        )

    settings = ArchiveSettings(tmp_path)
    with (
        stamina.set_testing(True, attempts=3),
        ArchiveClient(settings, httpx.MockTransport(answer)) as archives,
        pytest.raises(ExchangeBusyError, match="the archive asks for a pause of 10800 s"),
    ):
        archives.checksum(ArchiveFile("BTCUSDT", Interval.MINUTE, NOON.date()))

    assert len(asked) == 1


@pytest.mark.defect(40)
def test_waits_for_an_overloaded_host_as_long_as_it_says():
    overloaded = httpx.Response(503, headers={"retry-after": "600"})

    with (
        client_over(lambda _: overloaded) as exchange,
        pytest.raises(ExchangeBusyError) as caught,
    ):
        exchange.server_time()

    assert caught.value.wait_seconds == 600
