"""The Astro CLI in standalone mode: what it needs, and the processes that it leaves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from dev.machine.ports import LOOPBACK
from dev.stack.env_file import value_of

# The flag counts for one command: stopping without it would look for containers.
MODE = "--standalone"
# As in the tag of the Dockerfile, from which the CLI takes it.
PYTHON = "3.12"
# Documented since this version; 1.45 is what this project was tried with.
OLDEST = (1, 40)
VERSION = re.compile(r"Astro CLI Version: v?(\d+)\.(\d+)")
HOST_VARIABLE = "AIRFLOW__API__HOST"
QUESTION_SECONDS = 60.0
# On a busy machine they take twenty to end after the CLI has.
END_SECONDS = 60.0


def problems(env_text: str) -> list[str]:
    """Return what is missing to start Airflow by the CLI, each with what to do.

    Args:
        env_text: Of .env, which counts more than the environment of the CLI.
    """
    found = (_problem_of_astro(), _problem_of_python(), _problem_of_host(env_text))
    return [*filter(None, found)]


def start(project: Path, port: int | None) -> int:
    """Start Airflow, on the loopback address; return the CLI's exit code.

    Args:
        project: The folder of the project.
        port: Of Airflow's pages; None for the CLI's choice.
    """
    more = {HOST_VARIABLE: LOOPBACK}
    words = ["start", MODE, "--wait", "5m"]
    if port is not None:
        more["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://localhost:{port}/execution/"
        words += ["--port", str(port)]
    return _run(project, words, more)


def stop(project: Path) -> int:
    """Stop the Airflow of a project's folder; return the CLI's exit code."""
    return _run(project, ["stop", MODE], {})


def left_running(project: Path, others: Collection[int]) -> list[psutil.Process]:
    """Return the processes of Airflow that work in a folder and do not end by themselves.

    Args:
        project: The folder.
        others: Sessions of those that something else has started there, like ./dev/up.
    """
    program = str(project / ".venv" / "bin" / "airflow")
    found = [each for each in psutil.process_iter() if _is_airflow(each, project, program, others)]
    _, alive = psutil.wait_procs(found, timeout=END_SECONDS)
    return list(alive)


def _is_airflow(
    process: psutil.Process, project: Path, program: str, others: Collection[int]
) -> bool:
    try:
        words = process.cmdline()
        # Its processes name themselves, like "airflow scheduler".
        is_named = bool(words) and words[0].startswith("airflow ")
        return (
            (is_named or program in words[:2])
            and Path(process.cwd()) == project
            and os.getsid(process.pid) not in others
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
        return False


def _problem_of_astro() -> str:
    program = shutil.which("astro")
    if program is None:
        return (
            "astro, Astronomer's CLI, is not on the PATH: install it as "
            "https://www.astronomer.io/docs/astro/cli/install-cli says"
        )
    said = _said([program, "version"])
    found = VERSION.search(said)
    if found is None:
        return (
            f"{program} is not Astronomer's CLI, or does not run ({said or 'no answer'}): put "
            "Astronomer's first on the PATH"
        )
    if (int(found[1]), int(found[2])) < OLDEST:
        return f"{found[0]} has no standalone mode: upgrade it to {OLDEST[0]}.{OLDEST[1]} or later"
    return ""


def _problem_of_python() -> str:
    program = shutil.which("uv")
    if program is None:
        return (
            "uv, by which astro installs packages, is not on the PATH: install it as "
            "https://docs.astral.sh/uv/getting-started/installation/ says"
        )
    if not _said([program, "python", "find", "--system", PYTHON], only_if_well=True):
        return f"uv finds no Python {PYTHON}: uv python install {PYTHON}"
    return ""


def _problem_of_host(env_text: str) -> str:
    host = value_of(env_text, HOST_VARIABLE)
    if host in {None, LOOPBACK, "localhost"}:
        return ""
    return (
        f"{HOST_VARIABLE}={host} in .env lets everybody who reaches this machine into Airflow, as "
        "an administrator: remove the line"
    )


def _said(command: Sequence[str], *, only_if_well: bool = False) -> str:
    """Return what a command prints, in one line; nothing where it does not run or end."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=QUESTION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if only_if_well and done.returncode else " ".join(done.stdout.split())


def _run(project: Path, words: Sequence[str], more: dict[str, str]) -> int:
    done = subprocess.run(["astro", "dev", *words], cwd=project, env=os.environ | more, check=False)
    return done.returncode
