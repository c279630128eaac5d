"""The commands of dev/ and the Astro CLI in one checkout, in both orders.

The CLI is imitated by the command that it runs: `uv venv --python X --allow-existing`, which
changes the Python of an existing .venv. The environment of dev/ is a stand-in: programs that hand
over to this test's Python, and a uv that only writes down what it is to do. So this shows that the
two stay apart, not that the packages can be installed; ./dev/test itself shows that.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
UV = Path(sys.executable).with_name("uv")
# `-m venv --clear DIR` makes the stand-in; all else is Python's own.
PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
  rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && cp {uv} "$4/bin/uv"
else
  exec {python} "$@"
fi
"""
STAND_IN_UV = """#!/bin/sh
echo "$@" >> {log}
"""


class Checkout:
    """A copy of the parts that the commands need, with a Python on its PATH.

    Attributes:
        path: Its folder.
    """

    def __init__(self, path, programs):
        self.path = path
        self._log = path / "uv.log"
        path.mkdir()
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / "dev", path / "dev", ignore=ignored)
        (path / "include").symlink_to(PROJECT / "include")
        for name in ("requirements.lock", "requirements.txt"):
            (path / name).symlink_to(PROJECT / name)
        log = shlex.quote(str(self._log))
        uv = self._write(programs / "stand-in-uv", STAND_IN_UV.format(log=log))
        python = PYTHON.format(uv=shlex.quote(str(uv)), python=shlex.quote(sys.executable))
        self._write(programs / "python3.12", python)
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(path),
            # As an Astro user has it who has activated the CLI's environment.
            "VIRTUAL_ENV": str(path / ".venv"),
        }

    def run(self, *command, code=0):
        """Run a command; return what it printed, after it ended with that code."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def astro_start(self):
        """Make .venv as the Astro CLI does, with the Python that there is."""
        self.run(
            *(UV, "venv", "--quiet", "--no-config", "--offline", "--no-python-downloads"),
            *("--python", sys.executable, "--allow-existing"),
        )

    def use_dev(self):
        """Stop Cassandra, and look at what runs; here that is nothing, which code 1 means."""
        return self.run("./dev/cassandra", "stop"), self.run("./dev/status", code=1)

    def installs(self):
        """The calls of uv that changed packages."""
        calls = self._log.read_text().splitlines()
        return [call for call in calls if call.startswith("pip ")]

    def files_of_astro(self):
        """Paths and contents in .venv."""
        files = (file for file in (self.path / ".venv").rglob("*") if file.is_file())
        return {file: file.read_bytes() for file in files if not file.is_symlink()}

    @staticmethod
    def _write(file, text):
        file.write_text(text)
        file.chmod(0o755)
        return file


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "programs").mkdir()
    return Checkout(tmp_path / "checkout", tmp_path / "programs")


@pytest.mark.slow
def test_dev_first_then_astro(checkout):
    """As it was, `./dev/cassandra stop` ended in a traceback: its packages were gone."""
    checkout.use_dev()
    checkout.astro_start()

    stopped, status = checkout.use_dev()

    assert stopped == "it was not running\n"
    assert status.startswith("nothing is running here")
    assert len(checkout.installs()) == 1, "nothing is installed a second time"


@pytest.mark.slow
def test_astro_first_then_dev(checkout):
    """As it was, `./dev/cassandra start` ended with "No module named pip"."""
    checkout.astro_start()
    before = checkout.files_of_astro()

    first, _ = checkout.use_dev()
    stopped, _ = checkout.use_dev()

    assert first.startswith("  … installing Python packages into .dev/venv")
    assert stopped == "it was not running\n"
    assert checkout.files_of_astro() == before, "the CLI's environment is left alone"
    (install,) = checkout.installs()
    assert install.startswith("pip sync --quiet --python .dev/venv/bin/python ")


@pytest.mark.slow
def test_makes_the_environment_again_whose_python_was_removed(checkout):
    checkout.use_dev()
    python = checkout.path / ".dev" / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python3.12")

    stopped, _ = checkout.use_dev()

    assert stopped.startswith("  … installing Python packages into .dev/venv")
    assert stopped.endswith("it was not running\n")


def test_no_command_of_dev_uses_the_environment_of_the_cli():
    commands = [file for file in (PROJECT / "dev").iterdir() if os.access(file, os.X_OK)]
    texts = {file.name: file.read_text() for file in commands if file.is_file()}

    assert len(texts) > 10
    assert [name for name, text in texts.items() if ".venv" in text] == []
