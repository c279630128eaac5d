from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "include.simulator", "--symbols", "SOLUSDT", "XRPUSDT", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "interrupt"])
def test_says_when_it_answers_and_stops_cleanly_when_told(number):
    simulator = start("--port", "0", "--seed", "7")
    ready = simulator.stdout.readline()

    simulator.send_signal(number)
    rest, log = simulator.communicate(timeout=120)

    assert ready.startswith("simulator ready: http://127.0.0.1:")
    assert simulator.returncode == 0
    assert rest == ""
    assert "SOLUSDT: recorded (SOLUSDT_trades_20250325_2307_2310.csv.gz" in log
    assert "XRPUSDT: generated (seed 7)" in log
    assert "Traceback" not in log


def test_refuses_a_taken_port_with_one_line():
    first = start("--port", "0")
    port = first.stdout.readline().rstrip().rpartition(":")[2]

    second = start("--port", port)
    output, log = second.communicate(timeout=120)
    first.terminate()
    first.communicate(timeout=120)

    assert second.returncode == 2
    assert output == ""
    assert log.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in log


def test_refuses_a_symbol_it_does_not_have():
    simulator = start("--symbols", "NOSUCH")

    _, log = simulator.communicate(timeout=120)

    assert simulator.returncode == 2
    assert "invalid choice: 'NOSUCH'" in log
