"""A load that is cut off ends with every row once; ./dev/bench outage loads half a million."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dev.benchmarks.outage import START, SYMBOL, kill_loader, kill_server, price
from dev.cassandra_server.server import CassandraServer
from include.records.errors import PartlyStoredError
from include.records.windows import MINUTE, Window, floor_minute
from include.store.loader import BATCHES_PER_ROUND, ROWS_PER_BATCH
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect

ROWS = 40_000
ROWS_PER_ROUND = BATCHES_PER_ROUND * ROWS_PER_BATCH
POLL_SECONDS = 0.01


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with CassandraServer(tmp_path_factory.mktemp("killed"), fast=True) as running:
        yield running
        SESSIONS.close()


def test_goes_on_by_itself_after_the_server_was_killed(server):
    """With SIGKILL in the middle, and started again: nothing that was acknowledged is lost."""
    outage = kill_server(server, rows=ROWS, outage_seconds=3.0)

    assert ROWS // 2 <= outage.acknowledged < ROWS
    assert outage.kept == outage.acknowledged
    assert outage.found == ROWS


def test_ends_with_every_row_once_when_it_was_killed_and_is_run_again(server):
    outage = kill_loader(server, rows=ROWS)

    assert ROWS // 2 <= outage.acknowledged < ROWS
    assert outage.kept == outage.acknowledged
    assert outage.found == ROWS


def kill_when_stored(server, store, index, is_over):
    """Kill the server once a row of a load is in; all rounds before its own are acknowledged."""
    minute = floor_minute(price(index).start)
    while not is_over.wait(POLL_SECONDS):
        if store.second_prices.between(SYMBOL, Window(minute, minute + MINUTE)):
            os.kill(server.record().pid, signal.SIGKILL)
            return


def test_says_exactly_which_rows_are_in_when_its_patience_ends(server):
    """Killed in the third round of many; the loader gives up after a second of silence."""
    settings = CassandraSettings(
        hosts=(server.host,), port=server.port, keyspace="partly", patience_seconds=1.0
    )
    migrate(settings)
    store, patient = connect(settings), connect(replace(settings, patience_seconds=600.0))
    prices = [price(index) for index in range(100_000)]

    is_over = threading.Event()
    with ThreadPoolExecutor(1) as killer:
        killed = killer.submit(kill_when_stored, server, patient, 2 * ROWS_PER_ROUND, is_over)
        try:
            with pytest.raises(PartlyStoredError, match=r"of 100000 rows .* again") as caught:
                store.second_prices.write(prices, START)
        finally:
            is_over.set()
        killed.result()

    server.start()
    missing = {start for _, _, start, *_ in caught.value.missing}
    acknowledged = {each.start for each in prices} - missing
    window = Window(START, START + len(prices) // 60 * MINUTE + MINUTE)
    held = {each.start for each in patient.second_prices.between(SYMBOL, window)}
    assert len(acknowledged) == caught.value.stored_count >= ROWS_PER_ROUND
    assert acknowledged <= held
