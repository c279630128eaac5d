"""./dev/status: show what runs in this checkout, and the last published minutes.

With --check it prints only whether the prices are fresh and right, for scripts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.table import Table

from dev.cassandra_server import server
from dev.cassandra_server.cluster import HOSTS
from dev.machine.console import CONSOLE, say
from dev.machine.home import Home
from dev.machine.processes import Processes, Record
from dev.stack import airflow, broker, exchange, object_store, postgres
from dev.stack.cluster import CLUSTER_HOME, SECOND_SCHEDULER, cassandra_of
from dev.stack.executors import WORKERS
from dev.stack.published import as_table, open_published
from include.records.errors import MarketDataError

# How to ask each server but Airflow's, by the name of its process: of its port and home.
SERVERS: dict[str, Callable[[int, Home], bool]] = {
    server.NAME: lambda port, _: server.answers(port),
    **{
        f"{server.NAME}-{number}": lambda port, _, host=host: server.answers(port, host=host)  # type: ignore[misc]
        for number, host in enumerate(HOSTS, start=1)
    },
    postgres.NAME: lambda port, home: postgres.answers(port, home.secrets()["postgres"]),
    exchange.NAME: lambda port, _: exchange.answers(exchange.simulator_url(port)),
    broker.NAME: lambda port, home: broker.answers(port, home.secrets()["postgres"]),
    object_store.NAME: lambda port, _: object_store.answers(port),
}
# Below Airflow's address.
PAGES = {
    "Prices": "plugin/prices",
    "Report": "plugin/price-report",
    "Data quality": "plugin/quality",
    "Data Docs": "plugin/data-docs",
    "DAGs": "dags",
}


def _is_healthy(record: Record, home: Home, airflow_health: dict[str, str | None]) -> bool:
    if not record.is_running():
        return False
    if record.port and record.name in SERVERS:
        return SERVERS[record.name](record.port, home)
    # Airflow says nothing about these.
    unnamed = record.name in (*WORKERS, SECOND_SCHEDULER)
    return unnamed or airflow_health.get(record.name) == "healthy"


def _show_processes(home: Home) -> bool:
    """Show what runs; tell whether something does, and all of it is healthy."""
    records = Processes(home.run, home.logs).records()
    records += [record for node in cassandra_of(home).nodes if (record := node.record())]
    if not records:
        say(f"nothing is running here; start it with {_command(home)}")
        return False
    ports = {record.name: record.port for record in records}
    told = airflow.health(port) if (port := ports.get(airflow.API_SERVER)) else {}
    table = Table("name", "pid", "port", "since (UTC)", "healthy")
    healthy = [_is_healthy(record, home, told) for record in records]
    for record, is_healthy in zip(records, healthy, strict=True):
        table.add_row(
            record.name,
            str(record.pid),
            str(record.port or ""),
            f"{record.since:%Y-%m-%d %H:%M:%S}",
            "yes" if is_healthy else "[red]no[/red]",
        )
    CONSOLE.print(table)
    return all(healthy)


def _show_prices(home: Home) -> None:
    nodes = [node for node in cassandra_of(home).nodes if node.record()]
    symbols = home.recall("last_run").get("symbols", ())
    if not nodes or not symbols:
        return
    try:
        hosts = [node.host for node in nodes]
        with open_published(nodes[0].port, symbols, hosts) as published:
            say(published.strip().text)
            CONSOLE.print(as_table(published.newest_values(), datetime.now(UTC)))
    except MarketDataError as error:
        say(f"no published minutes: {error}")


def _api_port(home: Home) -> int | None:
    """Return the port of this checkout's API server; None while it does not run."""
    records = {record.name: record for record in Processes(home.run, home.logs).records()}
    server = records.get(airflow.API_SERVER)
    return server.port if server is not None and server.is_running() else None


def _show_pages(home: Home) -> None:
    """Show the addresses of the pages, and what is late or wrong."""
    port = _api_port(home)
    if port is None:
        return
    for name, path in PAGES.items():
        say(f"{name:<13} {airflow.airflow_url(port)}/{path}")
    check(home)


def check(home: Home) -> int:
    """Print "ok", or each cause in a line; return the exit code.

    It asks /prices/health of the API server of this checkout, which needs no login.
    """
    port = _api_port(home)
    if port is None:
        command = _command(home)
        say(f"api_server: Airflow's API server is not running here; start it with {command}")
        return 1
    causes = airflow.prices_health(port)
    for cause in causes:
        say(cause)
    if not causes:
        say("ok: the prices are fresh and right")
    return 1 if causes else 0


def _command(home: Home) -> str:
    return "./dev/up --cluster" if home.path == CLUSTER_HOME else "./dev/up"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if something is running and all of it is healthy, else 1."""
    parser = argparse.ArgumentParser(
        prog="./dev/status", description="Show what is running and the last published minutes."
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only ask whether the prices are fresh and right, as /prices/health does: print "
        '"ok", or a line for each cause ("CODE: sentence; see docs/runbook.md#heading"); the exit '
        "code is 0 or 1. It needs no login",
    )
    parser.add_argument(
        "--cluster", action="store_true", help="of the stack that ./dev/up --cluster started"
    )
    options = parser.parse_args(words)
    home = Home(CLUSTER_HOME) if options.cluster else Home()
    if options.check:
        return check(home)
    is_well = _show_processes(home)
    _show_prices(home)
    _show_pages(home)
    say(f"logs {home.logs}\ndata {home.data}, {home.cassandra / 'data'}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
