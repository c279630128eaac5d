"""The Chromium of this machine, for tests and pictures: found, or installed from Debian."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from dev.console import complain, say, step
from dev.errors import SetupError
from dev.home import DEFAULT_HOME

VARIABLE = "MINUTE_PRICES_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a font Chromium draws boxes; without --no-install-recommends come 100 MB more.
PACKAGES = ("chromium", "fonts-dejavu-core")
APT = ("apt-get", "--yes", "-o", "DPkg::Lock::Timeout=300")
COMMANDS = ((*APT, "update"), (*APT, "install", "--no-install-recommends", *PACKAGES))
INSTALL_TIMEOUT_SECONDS = 600.0
LAST_LINES = 5
# It looks for updates and accounts at every start otherwise, and asks hosts that are not ours.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ADVICE = (
    "Chromium is needed for the browser tests and for pictures. Install it (on Debian: apt-get "
    f"install {' '.join(PACKAGES)}), or name one that is installed with {VARIABLE}=PATH"
)

Runner = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def chromium() -> Path:
    """Return this machine's Chromium; install Debian's first where there is none and we may.

    Who comes meanwhile, from another process too, waits for the installation.

    Raises:
        SetupError: There is none and it cannot be installed, or the variable names no program.
    """
    DEFAULT_HOME.mkdir(exist_ok=True)
    with (DEFAULT_HOME / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find(os.environ) or install(os.environ, is_root=os.geteuid() == 0)


def find(environment: Mapping[str, str]) -> Path | None:
    """Return the Chromium that an environment names, or the first on its PATH; None without one.

    Raises:
        SetupError: The variable names no program.
    """
    path = environment.get("PATH")
    if named := environment.get(VARIABLE):
        if found := shutil.which(named, path=path):
            return Path(found)
        raise SetupError(f"{VARIABLE} names {named}, which is no program")
    return next((Path(found) for name in NAMES if (found := shutil.which(name, path=path))), None)


def install(environment: Mapping[str, str], *, is_root: bool, run: Runner | None = None) -> Path:
    """Install Debian's Chromium and return it.

    Args:
        environment: Whose PATH leads to apt-get and, afterwards, to Chromium.
        is_root: Whether this process may install packages.
        run: Runs a command and returns its exit code and output; by default, really.

    Raises:
        SetupError: It may not or cannot; says what to do.
    """
    if not is_root or shutil.which("apt-get", path=environment.get("PATH")) is None:
        raise SetupError(ADVICE)
    with step("Chromium: installing Debian's package", "about a minute, once"):
        for command in COMMANDS:
            done = (run or _run)(command)
            if done.returncode != 0:
                last = "\n  ".join(done.stdout.splitlines()[-LAST_LINES:])
                raise SetupError(f"{ADVICE}. This failed: {' '.join(command)}\n  {last}")
        if (found := find(environment)) is None:
            raise SetupError(f"{ADVICE}. Debian's package is installed, but not on the PATH")
    return found


def launch(playwright: Playwright, executable: Path) -> Browser:
    """Start a Chromium without a window, which asks nothing of any host by itself."""
    # Its sandbox needs a user of its own, which root is not.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS, *sandbox])


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            command, 1, f"no end within {INSTALL_TIMEOUT_SECONDS:.0f} s"
        )


def main() -> int:
    """Say which Chromium will be used; return 0, or 2 when there is none to be had."""
    try:
        say(f"  Chromium: {chromium()}")
    except SetupError as error:
        complain(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
