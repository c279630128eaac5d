"""./dev/cassandra: the local Cassandra server on its own."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from dev.cassandra import CassandraServer, answers
from dev.console import complain, say, step
from dev.errors import SetupError, StartError
from dev.home import Home
from dev.ports import LOOPBACK, choose_ports


def _start(home: Home, port: int | None) -> None:
    if CassandraServer(home.cassandra).record() is None:
        wanted = {"cassandra": port} if port else {}
        ports, notes = choose_ports(wanted, home.recall("ports"))
        for note in notes:
            say(f"  {note}")
        server = CassandraServer(
            home.cassandra,
            ports.cassandra,
            storage_port=ports.cassandra_storage,
            log_folder=home.logs,
        )
        home.remember("ports", asdict(ports))
        with step("Cassandra: starting", "about 10 s"):
            server.start()
        home.cassandra_kept.touch()
    _status(home)


def _stop(home: Home) -> None:
    _refuse_in_use(home)
    home.cassandra_kept.unlink(missing_ok=True)
    stopped = CassandraServer(home.cassandra).stop()
    say("stopped; its data is kept" if stopped else "it was not running")


def _status(home: Home) -> None:
    record = CassandraServer(home.cassandra).record()
    if record is None or record.port is None:
        say("Cassandra does not run here; start it with ./dev/cassandra start")
    else:
        state = "answers" if answers(record.port) else "does not answer yet"
        say(f"Cassandra {state} on {LOOPBACK}:{record.port}, pid {record.pid}")


def _wipe(home: Home) -> None:
    _refuse_in_use(home)
    CassandraServer(home.cassandra).wipe()
    say(f"deleted {home.cassandra}")


def _refuse_in_use(home: Home) -> None:
    if home.holder() is not None:
        raise SetupError("./dev/up runs and needs it; end that first with ./dev/down")


def main() -> int:
    """Run the command; return its exit code: 0 done, 1 it broke, 2 wrongly asked."""
    parser = argparse.ArgumentParser(
        prog="./dev/cassandra",
        description="The local Cassandra on its own; ./dev/up uses it when it runs.",
    )
    parser.add_argument("action", choices=("start", "stop", "status", "wipe"))
    parser.add_argument("--port", type=int, help="for start (9042, or the next free one)")
    options = parser.parse_args()
    home = Home()
    try:
        match options.action:
            case "start":
                _start(home, options.port)
            case "stop":
                _stop(home)
            case "status":
                _status(home)
            case "wipe":
                _wipe(home)
    except (SetupError, StartError) as error:
        complain(str(error))
        return 2 if isinstance(error, SetupError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
