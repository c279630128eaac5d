import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from dev.machine.errors import SetupError
from dev.machine.home import CHECKOUT, Home

HOLD_UNTIL_KILLED = (
    "import sys, time; from pathlib import Path; from dev.machine.home import Home\n"
    "with Home(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(600)"
)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_lets_only_one_run_in(home):
    with home.locked(), pytest.raises(SetupError, match=r"already running here \(pid \d+\)"):
        home.locked().__enter__()


def test_is_free_again_after_the_run(home):
    with home.locked():
        assert home.holder() is not None

    assert home.holder() is None


def test_a_killed_run_does_not_block_the_next(home):
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, str(home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert home.holder() == holder.pid
        holder.kill()

    with home.locked():
        assert home.holder() is not None


def test_keeps_its_secrets_to_its_owner(home):
    secrets = home.secrets()

    file = home.path / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == secrets
    assert home.secrets() == secrets


def test_remembers_nothing_from_a_torn_file(home):
    home.remember("ports", {"airflow": 8081})
    (home.path / "ports.json").write_text('{"airflow": 80')

    assert home.recall("ports") == {}


BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def written(file, seconds):
    """Write a file some seconds after the start."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    moment = (BEGAN + timedelta(seconds=seconds)).timestamp()
    os.utime(file, (moment, moment))


@pytest.mark.parametrize(
    ("files", "is_there"),
    [
        ({}, False),
        ({"latest.html": 50}, False),
        ({"BTC.csv": 40, "latest.html": 50}, False),
        ({"BTC.csv": 40, "ETH.csv": -40, "latest.html": 50}, False),
        ({"BTC.csv": 40, "ETH.csv": 41}, False),
        ({"BTC.csv": 40, "ETH.csv": 60, "latest.html": 50}, False),
        ({"BTC.csv": 40, "ETH.csv": 41, "latest.html": 41}, True),
    ],
    ids=[
        "nothing",
        "a report before the first minute",
        "one symbol of two",
        "a file of the start before",
        "no report yet",
        "a report before the files",
        "all",
    ],
)
def test_has_a_report_when_it_shows_every_symbols_minutes(home, files, is_there):
    for name, seconds in files.items():
        folder = home.exports / "csv" / "2026-03-01" if name.endswith("csv") else home.report.parent
        written(folder / name, seconds)

    assert home.has_report(["BTC", "ETH"], BEGAN) is is_there
