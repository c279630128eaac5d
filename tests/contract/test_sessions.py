"""One session a process, opened when needed, closed at exit, and never used across a fork."""

import os
import subprocess
import sys
from pathlib import Path

from include.store.session import Sessions
from include.store.store import connect

PROJECT = Path(__file__).resolve().parents[2]
# As LocalExecutor does: tasks are forks of a process that may have used Cassandra.
FORKING = """
import os, sys
from include.store.settings import CassandraSettings
from include.store.session import SESSIONS
from include.store.store import connect
from include.records.windows import MINUTE
from tests.fakes.builders import NOON

settings = CassandraSettings(hosts=("127.0.0.1",), port=int(sys.argv[1]), keyspace="contract")
store = connect(settings)
store.set_stored_from("FORKED", NOON)
before = SESSIONS.get(settings)
for child in range(2):
    if os.fork() == 0:
        assert store.watermark("FORKED").stored_from == NOON
        store.set_stored_until("FORKED", NOON + (child + 1) * MINUTE)
        assert SESSIONS.get(settings) is not before
        sys.exit(0)
    _, status = os.wait()
    assert status == 0, status
assert store.watermark("FORKED").stored_until == NOON + 2 * MINUTE
assert SESSIONS.get(settings) is before
print("well")
"""


def test_keeps_one_session_for_every_keyspace_of_a_cluster(migrated):
    sessions = Sessions()
    try:
        first = sessions.get(migrated)

        assert sessions.get(migrated) is first
        assert not first.is_shutdown
    finally:
        sessions.close()
    assert first.is_shutdown


def test_opens_another_one_after_it_was_closed(migrated):
    sessions = Sessions()
    first = sessions.get(migrated)
    sessions.close()
    try:
        assert sessions.get(migrated) is not first
    finally:
        sessions.close()


def test_opens_none_before_it_is_needed():
    """The scheduler that tasks are forked from imports all of this, and must hold no socket."""
    opened = subprocess.run(
        [
            sys.executable,
            "-c",
            "import include.tasks.ingest_prices, threading; print(threading.active_count())",
        ],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert opened.stdout.split()[-1:] == ["1"]


def test_works_on_both_sides_of_a_fork(migrated, cassandra):
    connect(migrated)

    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(cassandra.port)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("well\n", "", 0)
