"""What only the real server can show."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from dev.machine.ports import any_free_port
from include.records.errors import RetryableError, SettingsError, UnstorableValueError
from include.records.windows import MINUTE, Window
from include.store.frames import span_frames
from include.store.migrations import migrations
from include.store.schema import applied_versions, migrate
from include.store.session import SESSIONS
from include.store.statements import QUERY_FOLDER, Statements
from include.store.store import connect
from tests.fakes.builders import NOON, full_minute, quarantined_row, second

ALL_VERSIONS = [migration.name for migration in migrations() if migration.version]


def execute(settings, text, *values):
    return list(SESSIONS.get(settings).execute(text.format(keyspace=settings.keyspace), values))


def forget_version(settings, version):
    text = "DELETE FROM {keyspace}.schema_migration WHERE scope = 'schema' AND version = %s"
    execute(settings, text, version)


def test_applies_every_version_once_and_in_order(cassandra_settings):
    assert migrate(cassandra_settings) == ALL_VERSIONS
    assert migrate(cassandra_settings) == []


def test_lets_two_workers_migrate_at_once(cassandra_settings):
    """Whoever holds the lock applies; the other waits, and finds nothing left to do."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        applied = list(pool.map(migrate, [cassandra_settings] * 2))

    assert sorted(applied[0] + applied[1]) == ALL_VERSIONS
    rows = execute(cassandra_settings, "SELECT version FROM {keyspace}.schema_migration")
    assert len(rows) == len(ALL_VERSIONS)


def test_goes_on_where_a_worker_died_in_the_middle(migrated):
    """Its lock expires; each version that it applied but did not record is applied again."""
    for version in range(1, len(ALL_VERSIONS) + 1):
        forget_version(migrated, version)
    execute(
        migrated,
        "UPDATE {keyspace}.schema_migration USING TTL 1 SET lock_owner = 'dead' "
        "WHERE scope = 'schema'",
    )

    assert migrate(migrated) == ALL_VERSIONS


def test_refuses_a_version_that_was_changed_after_it_had_been_applied(migrated):
    checksum = applied_versions(Statements(migrated))[1]
    change = "UPDATE {keyspace}.schema_migration SET checksum = %s WHERE scope = %s AND version = 1"
    execute(migrated, change, "other", "schema")
    try:
        with pytest.raises(SettingsError, match=f"{ALL_VERSIONS[0]} was changed"):
            migrate(migrated)
    finally:
        execute(migrated, change, checksum, "schema")


def test_says_which_version_a_keyspace_lacks(migrated):
    forget_version(migrated, len(ALL_VERSIONS))
    try:
        with pytest.raises(SettingsError, match=f"{ALL_VERSIONS[-1]}; run the DAG initialize"):
            connect(migrated)
    finally:
        migrate(migrated)


def test_keeps_seconds_as_many_days_as_it_is_told(migrated):
    def kept_seconds():
        (row,) = execute(
            migrated,
            "SELECT default_time_to_live FROM system_schema.tables "
            "WHERE keyspace_name = '{keyspace}' AND table_name = 'price_by_second'",
        )
        return row["default_time_to_live"]

    assert kept_seconds() == 30 * 24 * 3600

    migrate(replace(migrated, second_price_days=7))

    assert kept_seconds() == 7 * 24 * 3600
    migrate(migrated)


def test_replicates_a_new_keyspace_as_it_is_told(cassandra_settings):
    wanted = replace(
        cassandra_settings, replication="{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
    )
    migrate(wanted)

    (row,) = execute(
        wanted,
        "SELECT durable_writes, replication FROM system_schema.keyspaces "
        "WHERE keyspace_name = '{keyspace}'",
    )
    assert row["durable_writes"]
    assert row["replication"]["class"].endswith(".NetworkTopologyStrategy")
    assert row["replication"]["datacenter1"] == "1"


def test_prepares_every_query(migrated):
    """The server checks each table, column and type that a query names."""
    statements = Statements(migrated)
    for file in QUERY_FOLDER.glob("*.cql"):
        assert statements.prepared(file.stem)


def test_lists_the_snapshots_of_a_server(migrated):
    """This server makes none; that it has such a list, and its columns, is what counts."""
    assert connect(migrated).snapshots() == []


def test_says_which_dag_makes_a_missing_keyspace(migrated):
    with pytest.raises(SettingsError, match=r"'nowhere'.*initialize_store"):
        connect(replace(migrated, keyspace="nowhere"))


@pytest.mark.parametrize("use", [migrate, connect])
def test_refuses_a_keyspace_that_is_no_plain_name(cassandra_settings, use):
    with pytest.raises(SettingsError, match="lower-case"):
        use(replace(cassandra_settings, keyspace="prices; DROP"))


def test_names_address_and_connection_when_nobody_answers(cassandra_settings):
    closed = replace(cassandra_settings, port=any_free_port(), patience_seconds=0.5)

    with pytest.raises(RetryableError, match=f"127.0.0.1:{closed.port}.*cassandra_default"):
        connect(closed)


def test_names_the_data_centre_that_is_not_there(migrated):
    elsewhere = replace(migrated, local_datacenter="atlantis", patience_seconds=0.5)

    with pytest.raises(RetryableError, match="in the data centre 'atlantis'"):
        connect(elsewhere)


def test_refuses_a_consistency_that_is_none(migrated):
    with pytest.raises(SettingsError, match=r"'MOST' .* use one of ANY, ONE"):
        connect(replace(migrated, consistency="MOST"))


def test_names_the_value_and_the_column_when_a_value_does_not_fit(migrated):
    store = connect(migrated)

    with pytest.raises(UnstorableValueError, match="2147483648 does not fit the column trade_coun"):
        store.second_prices.write([second(NOON, trades=2**31)], NOON)


def test_says_so_when_the_server_cannot_hold_a_key(empty):
    """A key ends at 64 KiB, which only the server knows."""
    row = replace(quarantined_row(), open_time="x" * 70_000)

    with pytest.raises(UnstorableValueError, match="maximum of 65535"):
        connect(empty).quarantine.keep([row])


def test_reads_frames_of_what_records_hold(empty):
    """Over midnight and the turn of a month."""
    store = connect(empty)
    turn = datetime(2026, 4, 1, tzinfo=UTC)
    window = Window(turn - MINUTE, turn + MINUTE)
    store.second_prices.write(full_minute(turn - MINUTE) + full_minute(turn, price="0.1"), turn)

    seconds = pd.concat(span_frames(store.second_prices, "BTCUSDT", window))

    held = store.second_prices.between("BTCUSDT", window)
    assert seconds["start"].tolist() == [price.start for price in held]
    assert seconds["quote_volume"].tolist() == [price.quote_volume for price in held]


def test_stores_rows_that_are_too_large_for_one_batch(empty):
    """A server refuses a batch of 50 KiB; four of these rows are 120 KB, and one alone is 60 KB."""
    store = connect(empty)
    rows = [
        quarantined_row([number], payload="x" * size)
        for number, size in enumerate([30_000, 30_000, 30_000, 30_000, 60_000])
    ]

    store.quarantine.keep(rows)

    assert store.quarantine.on_day("BTCUSDT", NOON.date()) == rows


def test_reads_a_long_span_page_by_page(empty):
    """Two hours are 7,200 seconds, and a page is 5,000."""
    store = connect(empty)
    minutes = [NOON + index * MINUTE for index in range(120)]
    written = [price for minute in minutes for price in full_minute(minute)]
    store.second_prices.write(written, NOON)
    window = Window(NOON, NOON + timedelta(hours=2))

    (pages,) = store.second_prices.pages("BTCUSDT", window)

    assert [page.row_count for page in pages] == [5000, 2200]
    assert store.second_prices.between("BTCUSDT", window) == written
