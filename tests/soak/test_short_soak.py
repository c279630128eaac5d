"""A short soak: the whole stack under one fault of each group, and every minute accounted for."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_every_minute_under_faults_is_right_in_the_end_or_explained():
    soak = subprocess.run(
        [sys.executable, "-m", "dev.soaking", "--short", "--symbols", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert soak.returncode == 0, soak.stdout
    assert "orphan processes                           0" in soak.stdout
