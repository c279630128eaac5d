import subprocess
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "dev" / "bench"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "there is no measurement 'nope': take a name from this list"),
        ([], "name a measurement: ./dev/bench minute"),
    ],
)
def test_says_what_is_wrong_before_its_usage(words, said):
    ended = subprocess.run([BENCH, *words], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[0] == said
    assert "usage: ./dev/bench NAME" in ended.stderr
