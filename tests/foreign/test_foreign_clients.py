"""Clients that know nothing of this project read the simulator as if it were Binance.

Each is installed unmodified into an environment of its own: two of them are both called `binance`.
"""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from dev.machine.locked_environments import locked_environment
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack.exchange import start_simulator

HERE = Path(__file__).parent
# Schemathesis sends thousands of requests.
NO_LIMIT = "1000000000"
# A ticker of a week makes up ten thousand minutes of each generated symbol when first asked for.
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
LONGEST_ANSWER_SECONDS = "60"


def environment(name):
    return locked_environment(HERE / "locks" / f"{name}.txt")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    home = tmp_path_factory.mktemp("simulator")
    processes = Processes(home, home)
    try:
        options = ["--weight-limit", NO_LIMIT, "--symbols", *SYMBOLS]
        yield start_simulator(processes, any_free_port(), options)
    finally:
        processes.stop()


def get(url, path, **parameters):
    return (
        httpx.get(f"{url}/api/v3/{path}", params=parameters, timeout=120).raise_for_status().json()
    )


@pytest.mark.parametrize("name", ["python-binance", "binance-connector", "ccxt"])
def test_reads_from_it_what_anybody_reads(name, url):
    """The same five minutes and trades as a plain GET, and everything else without an error."""
    script = HERE / "clients" / f"{name.replace('-', '_')}_client.py"
    end_ms = get(url, "time")["serverTime"]

    run = subprocess.run(
        [environment(name) / "python", script, url, str(end_ms)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    read = json.loads(run.stdout)
    span = {"symbol": "BTCUSDT", "limit": 5, "endTime": end_ms}
    assert [list(map(str, row)) for row in read["klines"][:-1]] == [
        list(map(str, row)) for row in get(url, "klines", interval="1m", **span)[:-1]
    ]
    assert [int(row["a"]) for row in read["aggTrades"]] == [
        row["a"] for row in get(url, "aggTrades", **span)
    ]
    assert read["exchangeInfo"] == "BTCUSDT"
    assert (read["trades"], read["avgPrice"]) == (5, 5)
    assert abs(read["time"] - end_ms) < 60_000


def test_keeps_to_its_own_description_whatever_is_sent(url, tmp_path):
    """Schemathesis makes good and bad requests of the description and checks every answer.

    One check is left out: the description cannot say which parameters exclude each other, so not
    everything that it allows is accepted.
    """
    run = subprocess.run(
        [
            environment("schemathesis") / "schemathesis", "run", f"{url}/simulator/openapi.json",
            "--checks", "all", "--exclude-checks", "positive_data_acceptance",
            "--request-timeout", LONGEST_ANSWER_SECONDS,
            "--max-examples", "40", "--seed", "1", "--generation-database", "none", "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,  # it keeps a cache where it runs
    )  # fmt: skip

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
