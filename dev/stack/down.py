"""./dev/down: stop the stack of this checkout and whatever an earlier run left running."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from dev.cassandra_server.server import CassandraServer
from dev.machine.console import complain, say
from dev.machine.home import Home
from dev.machine.processes import Processes

PATIENCE_SECONDS = 60.0


def main() -> int:
    """Run the command; return 0 when nothing is left running, 1 if a run does not end."""
    argparse.ArgumentParser(
        prog="./dev/down",
        description=(
            "Stop what ./dev/up started in this checkout. Data stays in .dev/; a Cassandra that "
            "was started with ./dev/cassandra start keeps running."
        ),
    ).parse_args()
    home = Home()
    stopped = []
    if (holder := home.holder()) is not None:
        os.kill(holder, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while home.holder() is not None:
            if time.monotonic() > deadline:
                complain(f"./dev/up (pid {holder}) has not stopped; stop it with kill -9 {holder}")
                return 1
            time.sleep(0.2)
        stopped.append("./dev/up and all its servers")
    stopped += Processes(home.run, home.logs).stop()
    if not home.cassandra_kept.exists():
        stopped += CassandraServer(home.cassandra).stop()
    say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
