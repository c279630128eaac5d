"""./dev/astro: this project by the Astro CLI, without Docker, with what it needs around it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dev.cassandra_server.command import start_server
from dev.cassandra_server.local import LocalCassandra, connection_line
from dev.machine.console import complain, say, step
from dev.machine.errors import SetupError, StartError
from dev.machine.home import CHECKOUT, Home
from dev.machine.ports import LOOPBACK, Ports, is_free
from dev.machine.processes import Processes
from dev.stack import astro_cli, exchange
from dev.stack.env_file import value_of, with_values
from include.storage.whole_files import write_whole

ENV, EXAMPLE, BEFORE = ".env", ".env.example", ".env.before-astro"
LAST_PORT = 65535


@dataclass(frozen=True)
class Project:
    """A checkout, and how its servers are started.

    Attributes:
        path: Its folder, where the CLI runs.
        home: Where the state of its servers is.
        start_servers: Starts Cassandra and, if asked to, the simulator; returns the values for
            .env by which Airflow reaches them.
        stop_servers: Stops both and returns the names of those that ran.
        ask: Asks a question and tells whether the answer is yes.
    """

    path: Path
    home: Home
    start_servers: Callable[[bool], Mapping[str, str]]
    stop_servers: Callable[[], list[str]]
    ask: Callable[[str], bool]

    def read(self, name: str) -> str:
        """Return the text of a file; "" where there is none."""
        file = self.path / name
        return file.read_text(encoding="utf-8") if file.exists() else ""


def connections(cassandra_port: int, exchange_url: str) -> dict[str, str]:
    """Return the values for .env by which Airflow reaches Cassandra and the exchange.

    Args:
        cassandra_port: Native protocol port on the loopback address.
        exchange_url: Of Binance or the simulator.
    """
    name, _, cassandra = connection_line(cassandra_port).partition("=")
    # A URI would lose whether it is http or https.
    http = json.dumps({"conn_type": "http", "host": exchange_url}, separators=(",", ":"))
    return {name: cassandra, "AIRFLOW_CONN_BINANCE_DEFAULT": http}


def _start_servers(home: Home, *, replay: bool) -> Mapping[str, str]:
    cassandra_port = start_server(LocalCassandra(home))
    processes = Processes(home.run, home.logs)
    if not replay:
        processes.stop(exchange.NAME)
        return connections(cassandra_port, exchange.LIVE_URL)
    running = [each for each in processes.records() if each.name == exchange.NAME]
    if running and running[0].is_running() and running[0].port:
        return connections(cassandra_port, exchange.simulator_url(running[0].port))
    remembered = home.recall("ports")
    of_stack = asdict(Ports()) | remembered
    first = of_stack.pop(exchange.NAME)
    port = next(
        port
        for port in range(first, LAST_PORT + 1)
        if port not in of_stack.values() and is_free(port)
    )
    home.remember("ports", remembered | {exchange.NAME: port})
    with step(f"Exchange simulator on {exchange.simulator_url(port)}", "about 3 s"):
        url = exchange.start_simulator(processes, port)
    return connections(cassandra_port, url)


def _stop_servers(home: Home) -> list[str]:
    stopped = Processes(home.run, home.logs).stop(exchange.NAME)
    home.cassandra_kept.unlink(missing_ok=True)
    return stopped + LocalCassandra(home).server().stop()


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise SetupError(f"{question}\nnobody is there to answer: agree with --yes")
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def this_checkout() -> Project:
    """Return the project that this file is in."""
    home = Home()
    return Project(
        CHECKOUT,
        home,
        lambda replay: _start_servers(home, replay=replay),
        lambda: _stop_servers(home),
        _ask,
    )


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev/astro",
        description=(
            "Run this project by the Astro CLI in standalone mode, without Docker. start checks "
            "that astro, uv and Python 3.12 are there, starts a Cassandra and, unless Binance "
            f"answers, an exchange simulator, writes their two connections into {ENV} and runs "
            "astro dev start, for which only this machine can reach Airflow. It asks before it "
            "starts or writes anything. stop stops all of that; data is kept."
        ),
        epilog="See the README, section The Astronomer way.",
    )
    parser.add_argument("action", nargs="?", choices=("start", "stop"), default="start")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--live", action="store_true", help="take prices from Binance")
    source.add_argument(
        "--replay",
        action="store_true",
        help="take prices from the simulator (default: live if Binance answers within 3 s)",
    )
    parser.add_argument(
        "--port", type=int, help="of Airflow's pages (that of .astro/config.yaml, or 8080)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    return parser.parse_args(words)


def _run(project: Project, options: argparse.Namespace) -> int:
    if project.home.holder() is not None:
        raise SetupError("./dev/up is running and uses the same Cassandra: ./dev/down first")
    return _stop(project) if options.action == "stop" else _start(project, options)


def _start(project: Project, options: argparse.Namespace) -> int:
    found = astro_cli.problems(project.read(ENV))
    if found:
        raise SetupError("\n".join(found))
    replay, why = exchange.choose_replay(live=options.live, replay=options.replay)
    say(f"  {why}")
    servers = "Cassandra and the exchange simulator" if replay else "Cassandra"
    names = " and ".join(connections(0, ""))
    is_new = not (project.path / ENV).exists()
    made = f"make {ENV} from {EXAMPLE}, with" if is_new else f"set in {ENV}"
    question = f"Start {servers}, {made} {names}, and run astro dev start {astro_cli.MODE}?"
    if not options.yes and not project.ask(question):
        say("nothing was started or written")
        return 1
    _write(project, project.start_servers(replay))
    code = astro_cli.start(project.path, options.port)
    if code:
        raise StartError(
            f"astro dev start ended with code {code}; its log: astro dev logs {astro_cli.MODE}\n"
            "what was started goes on; stop it with ./dev/astro stop"
        )
    say(
        f"""Next, on Airflow's pages: trigger initialize_store, then switch on the other DAGs.
If its connections, pool and Variables are missing: astro dev object import {astro_cli.MODE}
Stop all of it with ./dev/astro stop"""
    )
    return 0


def _write(project: Project, values: Mapping[str, str]) -> None:
    """Set the values in .env; keep a copy of one that names servers that are not ours."""
    file = project.path / ENV
    before = project.read(ENV)
    if all(value_of(before, name) == value for name, value in values.items()):
        return
    replaced = [value for name in values if (value := value_of(before, name)) is not None]
    if not all(LOOPBACK in value or exchange.LIVE_URL in value for value in replaced):
        write_whole(project.path / BEFORE, before, mode=0o600)
        say(f"  {ENV} as it was is in {BEFORE}")
    text = with_values(before if file.exists() else project.read(EXAMPLE), values)
    # It may hold passwords.
    write_whole(file, text, mode=0o600)
    for name, value in values.items():
        say(f"  {ENV}: {name}={value}")


def _stop(project: Project) -> int:
    code = 0
    if shutil.which("astro") is None:
        say("astro is not on the PATH: Airflow was not stopped")
    else:
        code = astro_cli.stop(project.path)
    of_stack = {record.pid for record in Processes(project.home.run, project.home.logs).records()}
    left = astro_cli.left_running(project.path, of_stack)
    stopped = project.stop_servers()
    say(f"stopped: {', '.join(stopped)}; data is kept" if stopped else "no server was running")
    if left:
        pids = " ".join(str(process.pid) for process in left)
        raise StartError(f"processes of Airflow still run; end them with: kill {pids}")
    if code:
        raise StartError(f"astro dev stop {astro_cli.MODE} ended with code {code}")
    return 0


def main(words: Sequence[str] | None = None, project: Project | None = None) -> int:
    """Run the command; return its exit code: 0 success, 1 failure, 2 something to do first."""
    options = _options(words)
    try:
        return _run(project or this_checkout(), options)
    except KeyboardInterrupt:
        say("interrupted; what was started goes on: stop it with ./dev/astro stop")
        return 130
    except (SetupError, StartError) as error:
        complain(str(error))
        return 2 if isinstance(error, SetupError) else 1


if __name__ == "__main__":
    sys.exit(main())
