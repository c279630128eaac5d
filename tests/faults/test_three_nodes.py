"""Three Cassandra nodes that hold every row: one may go, with two gone nothing is lost."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dev.benchmarks.outage import START, price
from dev.cassandra_server.cluster import HOSTS, REPLICATION, CassandraCluster
from include.records.errors import SettingsError, StoreSilentError
from include.records.windows import MINUTE, SECOND, Window
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings, replication_map
from include.store.store import connect
from tests.fakes.builders import NOON, average

ROWS = 21_600
ALL = Window(START, START + ROWS * SECOND)
MINUTES = Window(NOON, NOON + 20 * MINUTE)
PATIENCE_SECONDS = 600.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with CassandraCluster(tmp_path_factory.mktemp("three"), fast=True) as running:
        yield running
        SESSIONS.close()


@pytest.fixture(scope="module")
def settings(cluster):
    """Settings of a keyspace that each node holds whole."""
    made = CassandraSettings(
        hosts=HOSTS,
        port=cluster.port,
        keyspace="three",
        replication=replication_map(REPLICATION),
        patience_seconds=PATIENCE_SECONDS,
    )
    migrate(made)
    return made


def kill(node):
    node.send(signal.SIGKILL)
    # Its port is free once it is gone.
    node.stop()


@contextmanager
def killed(*nodes):
    """Kill nodes for a block, and start them again."""
    for node in nodes:
        kill(node)
    try:
        yield
    finally:
        for node in nodes:
            node.start()


def rows_of(symbol):
    return (replace(price(index), symbol=symbol) for index in range(ROWS))


def write(settings, rows):
    connect(settings).second_prices.write(rows, START)


def trade_counts(settings, symbol):
    return [row.trade_count for row in connect(settings).second_prices.between(symbol, ALL)]


def test_one_node_killed_in_a_load_is_not_noticed(cluster, settings):
    """It is killed after a quarter of the rows, and before the last."""
    has_begun, is_gone = threading.Event(), threading.Event()

    def rows():
        for place, row in enumerate(rows_of("BTCUSDT")):
            if place == ROWS // 4:
                has_begun.set()
            if place == ROWS - 1:
                is_gone.wait(PATIENCE_SECONDS)
            yield row

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write, settings, rows())
        assert has_begun.wait(PATIENCE_SECONDS)
        with killed(cluster.nodes[1]):
            is_gone.set()
            written.result()
            assert trade_counts(settings, "BTCUSDT") == [*range(ROWS)]


def test_revisions_are_numbered_while_a_node_is_down(cluster, settings):
    first = [average(minute, vwap="1") for minute in MINUTES.minutes()]
    second = [average(minute, vwap="2") for minute in MINUTES.minutes()]
    connect(settings).minute_prices.append(first, NOON)

    with killed(cluster.nodes[0]):
        connect(settings).minute_prices.append(second, NOON + MINUTE)

    history = connect(settings).minute_prices.history("BTCUSDT", MINUTES)
    assert [(each.revision, str(each.average.vwap)) for each in history] == [
        pair for _ in MINUTES.minutes() for pair in ((1, "1"), (2, "2"))
    ]


def test_two_nodes_down_are_named_and_waited_for(cluster, settings):
    first, second, third = cluster.nodes
    # Until the first node knows that the others are gone, requests only time out.
    hasty = replace(settings, patience_seconds=60.0)
    kill(second)
    kill(third)
    try:
        with pytest.raises(StoreSilentError, match="1 of the 2 nodes that a request needs are up"):
            write(hasty, rows_of("SOLUSDT"))
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write, settings, rows_of("SOLUSDT"))
            second.start()
            written.result()
        assert trade_counts(settings, "SOLUSDT") == [*range(ROWS)]
    finally:
        for node in (first, second, third):
            node.start()


def test_a_keyspace_with_one_copy_is_refused(cluster, settings):
    one_copy = CassandraSettings(hosts=HOSTS, port=cluster.port, keyspace="one_copy")

    with pytest.raises(SettingsError, match="one copy of each row on 3 nodes") as raised:
        migrate(one_copy)

    assert '{"class": "NetworkTopologyStrategy", "datacenter1": 3}' in str(raised.value)
    session = SESSIONS.get(settings)
    found = session.execute("SELECT keyspace_name FROM system_schema.keyspaces")
    assert "one_copy" not in {row["keyspace_name"] for row in found}


def test_a_keyspace_that_has_one_copy_is_refused_until_it_is_altered(settings):
    session = SESSIONS.get(settings)
    with_one = replace(settings, keyspace="had_one_copy")
    session.execute(
        "CREATE KEYSPACE had_one_copy WITH replication = "
        "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    )

    with pytest.raises(SettingsError, match="run ALTER KEYSPACE") as raised:
        migrate(with_one)

    told = str(raised.value)
    session.execute(told[told.index("ALTER") : told.index(", then nodetool")])
    assert migrate(with_one)
