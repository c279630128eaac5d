"""A load that is cut off ends with every row once; ./dev/bench outage loads half a million."""

import pytest

from dev.bench_outage import kill_loader, kill_server
from dev.cassandra import CassandraServer
from include.marketdata.session import SESSIONS

ROWS = 40_000


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
