"""Interrupt loads: kill the server in the middle of one, and the loader in another."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd

from dev.cassandra_server.server import CassandraServer
from dev.machine.console import say
from dev.machine.errors import StartError
from include.records.prices import SecondPrice
from include.records.windows import MINUTE, SECOND, Window
from include.store.frames import span_frames
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.store import connect

SYMBOL = "BTCUSDT"
START = datetime(2026, 3, 1, tzinfo=UTC)
# What one call of the loader writes; once it returns, these rows are acknowledged.
ROWS_PER_CALL = 5_000
PATIENCE_SECONDS = 600.0
WAIT_SECONDS = 900.0


@dataclass(frozen=True)
class Outage:
    """The result of an interrupted load.

    Attributes:
        acknowledged: Rows that were acknowledged when the process was killed.
        kept: How many of those were in the table when the server answered again.
        rows: Rows to load.
        found: Rows in the table at the end, each with its own value.
        load_seconds: From the first row to the last, with the outage.
        recovery_seconds: From the moment the server answered again to the next call of the
            loader that returned; None when the loader was killed, or had ended by then.
    """

    acknowledged: int
    kept: int
    rows: int
    found: int
    load_seconds: float
    recovery_seconds: float | None

    def is_whole(self) -> bool:
        """Tell whether every row is stored once and no acknowledged row was lost."""
        return self.found == self.rows and self.kept == self.acknowledged


def price(index: int) -> SecondPrice:
    """Return the row of one second of the load, identified by its trade count."""
    amount = Decimal(index).scaleb(-8) + 100
    return SecondPrice(
        symbol=SYMBOL,
        start=START + index * SECOND,
        open=amount,
        high=amount,
        low=amount,
        close=amount,
        volume=amount,
        quote_volume=amount,
        trade_count=index,
        taker_volume=amount,
        taker_quote_volume=amount,
    )


def load(settings: CassandraSettings, rows: int, progress: Path) -> None:
    """Load the rows from where the progress file ends; runs in its own process."""
    table = connect(settings).second_prices
    with progress.open("a+", encoding="utf-8") as file:
        file.seek(0)
        done = len(file.readlines()) * ROWS_PER_CALL
        for first in range(done, rows, ROWS_PER_CALL):
            indices = range(first, min(rows, first + ROWS_PER_CALL))
            table.write(map(price, indices), START)
            file.write(f"{time.time()}\n")
            file.flush()


def kill_server(server: CassandraServer, *, rows: int, outage_seconds: float) -> Outage:
    """Kill the server in the middle of a load and restart it; the loader continues by itself."""
    settings, progress = _prepare(server, "server_killed")
    started = time.monotonic()
    loader = _start(settings, rows, progress)
    _wait_for_half(loader, progress, rows)
    record = server.record()
    if record is None:
        raise StartError("the server died before it was killed")
    os.kill(record.pid, signal.SIGKILL)
    # What was acknowledged while the signal was on its way counts as well.
    time.sleep(0.5)
    acknowledged = _calls(progress) * ROWS_PER_CALL
    time.sleep(max(0.0, outage_seconds - 0.5))
    server.start()
    back = time.time()
    kept = _found(settings, acknowledged)
    _wait_for_end(loader)
    stamps = [float(line) for line in progress.read_text(encoding="utf-8").splitlines()]
    return Outage(
        acknowledged=acknowledged,
        kept=kept,
        rows=rows,
        found=_found(settings, rows),
        load_seconds=time.monotonic() - started,
        recovery_seconds=min((stamp - back for stamp in stamps if stamp > back), default=None),
    )


def kill_loader(server: CassandraServer, *, rows: int) -> Outage:
    """Kill the loader in the middle of a load and run it again."""
    settings, progress = _prepare(server, "loader_killed")
    started = time.monotonic()
    loader = _start(settings, rows, progress)
    _wait_for_half(loader, progress, rows)
    loader.kill()
    loader.join()
    acknowledged = _calls(progress) * ROWS_PER_CALL
    kept = _found(settings, acknowledged)
    _wait_for_end(_start(settings, rows, progress))
    elapsed = time.monotonic() - started
    return Outage(acknowledged, kept, rows, _found(settings, rows), elapsed, None)


def _prepare(server: CassandraServer, keyspace: str) -> tuple[CassandraSettings, Path]:
    settings = CassandraSettings(
        hosts=(server.host,),
        port=server.port,
        keyspace=keyspace,
        patience_seconds=PATIENCE_SECONDS,
    )
    migrate(settings)
    return settings, server.home / f"{keyspace}.progress"


def _start(settings: CassandraSettings, rows: int, progress: Path) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    loader = context.Process(target=load, args=(settings, rows, progress))
    loader.start()
    return loader


def _wait_for_half(loader: BaseProcess, progress: Path, rows: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while (done := _calls(progress) * ROWS_PER_CALL) < rows // 2:
        if loader.exitcode is not None or time.monotonic() > deadline:
            raise StartError(f"the loader stopped after {done} rows")
        time.sleep(0.02)


def _wait_for_end(loader: BaseProcess) -> None:
    loader.join(WAIT_SECONDS)
    if loader.exitcode != 0:
        raise StartError(f"the loader ended with {loader.exitcode}")


def _calls(progress: Path) -> int:
    return len(progress.read_text(encoding="utf-8").splitlines()) if progress.exists() else 0


def _found(settings: CassandraSettings, rows: int) -> int:
    """Count the rows among the first `rows` that are stored once, in order, with their values."""
    end = START + (rows // 60 + 1) * MINUTE
    found = 0
    for frame in span_frames(connect(settings).second_prices, SYMBOL, Window(START, end)):
        held = frame[frame["trade_count"] < rows]
        seconds = (held["start"] - pd.Timestamp(START)).dt.total_seconds()
        digits = held["volume"].map(lambda amount: int((amount - 100).scaleb(8)))
        found += int(((seconds == held["trade_count"]) & (digits == held["trade_count"])).sum())
        if held["start"].duplicated().any():
            raise StartError("a row is stored twice")
    return found


def _say(name: str, outage: Outage) -> None:
    say(
        f"  {name}: {outage.acknowledged:,} of {outage.rows:,} rows acknowledged before the kill, "
        f"{outage.acknowledged - outage.kept} of them lost"
    )
    if outage.recovery_seconds is not None:
        say(f"    the loader resumed {outage.recovery_seconds:.1f} s after the server answered")
    say(f"    finally {outage.found:,} of {outage.rows:,} stored, in {outage.load_seconds:.0f} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Interrupt both loads and print what is in the table afterwards."""
    parser = argparse.ArgumentParser(prog="./dev/bench outage", description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="rows to load (%(default)s)")
    parser.add_argument(
        "--outage", type=float, default=20.0, help="seconds until the restart (%(default)s)"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home, CassandraServer(Path(home)) as server:
        outages = {
            "server killed": kill_server(server, rows=options.rows, outage_seconds=options.outage),
            "loader killed": kill_loader(server, rows=options.rows),
        }
        SESSIONS.close()
    for name, outage in outages.items():
        _say(name, outage)
    return 0 if all(outage.is_whole() for outage in outages.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
