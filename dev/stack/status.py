"""./dev/status: show what runs in this checkout, and the last published minutes."""

from __future__ import annotations

import argparse
import sys

from rich.table import Table

from dev.cassandra_server import server
from dev.cassandra_server.server import CassandraServer
from dev.machine.console import CONSOLE, say
from dev.machine.home import Home
from dev.machine.processes import Processes, Record
from dev.stack import airflow, exchange, postgres
from dev.stack.published import as_table, open_published
from include.records.errors import MarketDataError


def _is_healthy(record: Record, home: Home, airflow_health: dict[str, str | None]) -> bool:
    if not record.is_running():
        return False
    if record.port and record.name == server.NAME:
        return server.answers(record.port)
    if record.port and record.name == postgres.NAME:
        return postgres.answers(record.port, home.secrets()["postgres"])
    if record.port and record.name == exchange.NAME:
        return exchange.answers(exchange.simulator_url(record.port))
    return airflow_health.get(record.name) == "healthy"


def _show_processes(home: Home) -> bool:
    records = Processes(home.run, home.logs).records()
    server = CassandraServer(home.cassandra).record()
    records += [server] if server else []
    if not records:
        say("nothing is running here; start it with ./dev/up")
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
    server = CassandraServer(home.cassandra)
    symbols = home.recall("last_run").get("symbols", ())
    if server.record() is None or not symbols:
        return
    try:
        with open_published(server.port, symbols) as published:
            CONSOLE.print(as_table(list(published.latest().values())))
    except MarketDataError as error:
        say(f"no published minutes: {error}")


def main() -> int:
    """Run the command; return 0 if something is running and all of it is healthy, else 1."""
    argparse.ArgumentParser(
        prog="./dev/status", description="Show what is running and the last published minutes."
    ).parse_args()
    home = Home()
    is_well = _show_processes(home)
    _show_prices(home)
    say(f"logs {home.logs}\ndata {home.data}, {home.cassandra / 'data'}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
