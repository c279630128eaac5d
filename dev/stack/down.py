"""./dev/down: stop the stack of this checkout and whatever an earlier run left running."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from dev.machine.console import complain, say
from dev.machine.home import Home
from dev.machine.processes import Processes
from dev.stack.cluster import CLUSTER_HOME, cassandra_of

PATIENCE_SECONDS = 60.0


def main() -> int:
    """Run the command; return 0 when nothing is left running, 1 if a run does not end."""
    argparse.ArgumentParser(
        prog="./dev/down",
        description=(
            "Stop what ./dev/up, also with --cluster, started in this checkout. Data stays in "
            ".dev/; a Cassandra that was started with ./dev/cassandra start keeps running."
        ),
    ).parse_args()
    stopped = []
    for home, command in ((Home(), "./dev/up"), (Home(CLUSTER_HOME), "./dev/up --cluster")):
        if (holder := home.holder()) is not None:
            if not _ends(home, holder):
                complain(f"{command} (pid {holder}) has not stopped; stop it with kill -9 {holder}")
                return 1
            stopped.append(f"{command} and all its servers")
        stopped += Processes(home.run, home.logs).stop()
        if not home.cassandra_kept.exists():
            stopped += cassandra_of(home).stop()
    say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _ends(home: Home, holder: int) -> bool:
    """Ask the run that holds a home to stop; tell whether it has."""
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while home.holder() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


if __name__ == "__main__":
    sys.exit(main())
