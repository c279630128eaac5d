"""What ./dev/up refuses before it starts anything: one clear line, exit code 2."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--replay", "--symbols", "NOSUCHCOIN"], "NOSUCHCOIN"),
        (["--replay", "--symbols", ""], "symbol"),
        (["--replay", "--symbols", "btcusdt"], "BTCUSDT"),
        (["--replay", "--live"], "not allowed with"),
        (["--once", "--minutes", "0"], "1 or more"),
    ],
    ids=["unknown symbol", "no symbol", "lower case", "live and replay", "no minutes"],
)
def test_refuses_and_says_why(words, message):
    done = subprocess.run(
        [str(PROJECT / "dev" / "up"), *words],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 2
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
