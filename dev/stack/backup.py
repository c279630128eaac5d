"""./dev/backup: save and restore what runs in this checkout, by include/backup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from dev.cassandra_server.server import CassandraServer
from dev.machine.console import complain
from dev.machine.home import Home
from dev.machine.ports import LOOPBACK
from dev.stack.published import KEYSPACE

CONNECTION = "AIRFLOW_CONN_CASSANDRA_DEFAULT"


def surroundings(home: Home, port: int | None, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a backup finds the servers of a home.

    Args:
        home: Whose mart.
        port: Of its Cassandra; None while that does not run.
        given: The environment so far; a connection that it names is kept.
    """
    found = {
        "BACKUP_COMMAND": "./dev/backup",
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW_CONN_MART": json.dumps({"conn_type": "sqlite", "host": str(home.mart)}),
        # All connections are in this environment: Airflow's own database need not run.
        "_AIRFLOW_PROCESS_CONTEXT": "client",
    }
    if port is not None:
        connection = {
            "conn_type": "cassandra",
            "host": LOOPBACK,
            "port": port,
            "schema": KEYSPACE,
        }
        found[CONNECTION] = json.dumps(connection)
    return found | dict(given)


def main() -> int:
    """Run the command; return its exit code: 2 also if there is no server to save or restore."""
    home = Home()
    server = CassandraServer(home.cassandra).record()
    environment = surroundings(home, server.port if server else None, os.environ)
    arguments = sys.argv[1:]
    needs_server = bool({"save", "restore"} & {*arguments}) and not (
        {"-h", "--help"} & {*arguments} or any(each.startswith("--host") for each in arguments)
    )
    if needs_server and CONNECTION not in environment:
        complain(
            "no Cassandra is running here; start it with ./dev/up or ./dev/cassandra start, set "
            f"{CONNECTION}, or name a server with --host"
        )
        return 2
    command = [sys.executable, "-m", "include.backup", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
