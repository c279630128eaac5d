"""./dev/astro with stand-ins: for astro and uv programs on the PATH, for the servers functions.

They show what the CLI is asked and what .env gets, not that Airflow starts.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from airflow.models.connection import Connection

from dev.machine.home import CHECKOUT, Home
from dev.stack import astro_cli, exchange
from dev.stack.astro import Project, connections, main

RECORDING = """#!{python}
import json, os, sys
if sys.argv[1:] == ["version"]:
    print("{version}")
    sys.exit()
with open("{log}", "a") as log:
    log.write(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]) + "\\n")
sys.exit({code})
"""
PORT, SIMULATOR = 9043, "http://127.0.0.1:8901"
LINES = (
    "AIRFLOW_CONN_CASSANDRA_DEFAULT=cassandra://127.0.0.1:9043/prices\n"
    'AIRFLOW_CONN_BINANCE_DEFAULT={"conn_type":"http","host":"http://127.0.0.1:8901"}\n'
)


@dataclass
class World:
    """A project's folder, the programs on the PATH, and what has happened.

    Attributes:
        answer: Of the person who is asked.
        events: The servers' starts and stops, and the questions.
    """

    folder: object
    programs: object
    answer: bool = True
    events: list = field(default_factory=list)

    def program(self, name, text):
        file = self.programs / name
        file.write_text(text)
        file.chmod(0o755)

    def astro(self, *, version="Astro CLI Version: 1.45.0", code=0):
        log = self.folder.parent / "calls"
        text = RECORDING.format(python=sys.executable, version=version, log=log, code=code)
        self.program("astro", text)

    def uv(self, code=0):
        self.program(
            "uv", f'#!/bin/sh\n[ "$*" = "python find --system 3.12" ] && echo /py\nexit {code}\n'
        )

    @property
    def calls(self):
        """What the stand-in of astro was called with: arguments, folder, environment."""
        log = self.folder.parent / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def env(self):
        file = self.folder / ".env"
        return file.read_text() if file.exists() else None

    def run(self, *words):
        project = Project(
            self.folder, Home(self.folder / ".dev"), self._start, self._stop, self._ask
        )
        return main(words, project)

    def _start(self, replay):
        self.events.append("start with the simulator" if replay else "start")
        return connections(PORT, SIMULATOR if replay else exchange.LIVE_URL)

    def _stop(self):
        self.events.append("stop")
        return ["exchange", "cassandra"]

    def _ask(self, question):
        self.events.append(question)
        return self.answer


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "project", tmp_path / "programs")
    made.folder.mkdir()
    made.programs.mkdir()
    (made.folder / ".env.example").write_text("# Copy\nAIRFLOW__CORE__PLUGINS_FOLDER=plugins\n")
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.delenv("AIRFLOW__API__HOST", raising=False)
    monkeypatch.setattr(astro_cli, "END_SECONDS", 0.0)
    made.astro()
    made.uv()
    return made


def test_runs_the_cli_in_the_project_so_that_only_this_machine_reaches_airflow(world):
    assert world.run("--replay", "--yes") == 0

    ((arguments, folder, environment),) = world.calls
    assert arguments == ["dev", "start", "--standalone", "--wait", "5m"]
    assert folder == str(world.folder)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert world.events == ["start with the simulator"]


def test_writes_the_two_connections_into_a_new_env(world):
    world.run("--replay", "--yes")

    assert world.env == f"# Copy\nAIRFLOW__CORE__PLUGINS_FOLDER=plugins\n{LINES}"
    assert (world.folder / ".env").stat().st_mode & 0o777 == 0o600


def test_leaves_every_other_line_of_env_alone_and_keeps_a_copy(world):
    old = "A=1\nAIRFLOW_CONN_CASSANDRA_DEFAULT=cassandra://me:secret@far:9042/prices\nB=2\n"
    (world.folder / ".env").write_text(old)

    world.run("--replay", "--yes")

    cassandra, exchange_line = LINES.splitlines()
    assert world.env == f"A=1\n{cassandra}\nB=2\n{exchange_line}\n"
    copy = world.folder / ".env.before-astro"
    assert copy.read_text() == old
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_second_start_changes_nothing(world):
    world.run("--replay", "--yes")
    before = world.env

    world.run("--replay", "--yes")

    assert world.env == before
    assert not (world.folder / ".env.before-astro").exists()


def test_its_own_lines_are_replaced_without_a_copy(world):
    """Which would be kept instead of the one from before."""
    (world.folder / ".env").write_text(LINES.replace("9043", "9042"))

    world.run("--replay", "--yes")

    assert world.env == LINES
    assert not (world.folder / ".env.before-astro").exists()


def test_airflow_reads_the_two_lines_as_they_are_meant():
    cassandra, binance = connections(PORT, SIMULATOR).values()

    read = Connection(uri=cassandra)
    assert (read.conn_type, read.host, read.port, read.schema) == (
        *("cassandra", "127.0.0.1", PORT, "prices"),
    )
    assert Connection.from_json(binance).host == SIMULATOR


def test_takes_live_prices_where_binance_answers(world, monkeypatch):
    monkeypatch.setattr(exchange, "answers", lambda _url: True)

    assert world.run("--yes") == 0

    assert world.events == ["start"]
    assert '"host":"https://data-api.binance.vision"' in world.env


def test_asks_before_it_starts_or_writes_anything(world):
    world.answer = False

    assert world.run("--replay") == 1

    (question,) = world.events
    assert re.match(r"Start Cassandra and the exchange simulator, make \.env from", question)
    assert "AIRFLOW_CONN_CASSANDRA_DEFAULT and AIRFLOW_CONN_BINANCE_DEFAULT" in question
    assert (world.calls, world.env) == ([], None)


def test_needs_an_answer_where_nobody_can_give_one(tmp_path):
    """By the command's own way of asking, without a terminal."""
    ask = "from dev.stack.astro import this_checkout; this_checkout().ask('Start?')"

    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "SetupError: Start?\nnobody is there to answer: agree with --yes" in done.stderr


def test_names_everything_that_is_missing_at_once(world, capsys):
    (world.programs / "astro").unlink()
    (world.programs / "uv").unlink()
    (world.folder / ".env").write_text("AIRFLOW__API__HOST=0.0.0.0\n")

    assert world.run("--replay", "--yes") == 2

    astro, uv, host = capsys.readouterr().err.splitlines()
    assert "install-cli" in astro
    assert "getting-started/installation" in uv
    assert host.endswith("as an administrator: remove the line")
    assert world.events == []


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("astro v5.16.8 Build faster websites.", "is not Astronomer's CLI"),
        ("Astro CLI Version: 1.28.1", "1.28 has no standalone mode: upgrade it to 1.40 or later"),
    ],
    ids=["another astro", "too old"],
)
def test_refuses_a_cli_that_cannot_do_it(world, capsys, version, words):
    world.astro(version=version)

    assert world.run("--replay", "--yes") == 2

    assert words in capsys.readouterr().err
    assert world.calls == []


def test_says_how_to_get_the_python_that_the_cli_wants(world, capsys):
    """And it is the one in the Dockerfile's tag."""
    world.uv(code=2)

    assert world.run("--replay", "--yes") == 2

    assert capsys.readouterr().err == "uv finds no Python 3.12: uv python install 3.12\n"
    assert f"-python-{astro_cli.PYTHON}\n" in (CHECKOUT / "Dockerfile").read_text()


def test_says_what_goes_on_when_airflow_does_not_start(world, capsys):
    world.astro(code=3)

    assert world.run("--replay", "--yes") == 1

    error = capsys.readouterr().err
    assert "astro dev start ended with code 3; its log: astro dev logs --standalone" in error
    assert "what was started goes on; stop it with ./dev/astro stop" in error


def test_another_port_reaches_the_tasks_too(world):
    world.run("--replay", "--yes", "--port", "8085")

    ((arguments, _, environment),) = world.calls
    assert arguments[-2:] == ["--port", "8085"]
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == (
        "http://localhost:8085/execution/"
    )


def test_stops_airflow_first_and_then_what_it_writes_to(world, capsys):
    assert world.run("stop") == 0

    assert [arguments for arguments, _, _ in world.calls] == [["dev", "stop", "--standalone"]]
    assert world.events == ["stop"]
    assert capsys.readouterr().out == "stopped: exchange, cassandra; data is kept\n"


def test_names_the_processes_that_the_cli_has_left(world, capsys):
    """It left a scheduler and workers once; one of another folder is not ours."""
    program = world.folder / ".venv" / "bin" / "airflow"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nread line\n")
    command = ["/bin/sh", program, "scheduler"]
    with (
        subprocess.Popen(command, cwd=world.folder, stdin=subprocess.PIPE) as left,
        subprocess.Popen(command, cwd=world.programs, stdin=subprocess.PIPE) as other,
    ):
        code = world.run("stop")
        for process in (left, other):
            process.kill()

    assert code == 1
    assert capsys.readouterr().err == (
        f"processes of Airflow still run; end them with: kill {left.pid}\n"
    )
    assert world.events == ["stop"]


def test_does_not_run_beside_dev_up(world, capsys):
    with Home(world.folder / ".dev").locked():
        assert world.run("--replay", "--yes") == 2

    assert "./dev/down first" in capsys.readouterr().err
    assert world.events == []
