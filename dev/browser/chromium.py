"""This machine's Chromium, for tests and pictures: found, or installed from Debian."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from dev.browser.needs import (
    CHROMIUM,
    Need,
    advice,
    can_load,
    find,
    may_install,
    missing,
    packages_of,
)
from dev.machine.console import complain, say, step
from dev.machine.errors import SetupError
from dev.machine.home import DEFAULT_HOME

APT = ("apt-get", "--yes", "-o", "DPkg::Lock::Timeout=300")
INSTALL_TIMEOUT_SECONDS = 600.0
LAST_LINES = 5
# Otherwise it looks for updates and accounts at every start, on hosts that are not ours.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Runner = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def chromium() -> Path:
    """Return this machine's Chromium; first install what is missing, if permitted.

    Concurrent callers, in other processes too, wait for the installation.

    Raises:
        SetupError: Something is missing and cannot be installed, or the variable names no program.
    """
    DEFAULT_HOME.mkdir(exist_ok=True)
    with (DEFAULT_HOME / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return provide(os.environ, is_root=os.geteuid() == 0)


def provide(
    environment: Mapping[str, str],
    *,
    is_root: bool,
    run: Runner | None = None,
    loads: Callable[[str], bool] = can_load,
) -> Path:
    """Return Chromium; first install its Debian packages, and its driver's, if missing.

    Args:
        environment: Its PATH leads to apt-get and, afterwards, to Chromium.
        is_root: Whether this process may install packages.
        run: Runs a command and returns its exit code and output; by default it really does.
        loads: Tells whether a library can be loaded.

    Raises:
        SetupError: Installing is not permitted or failed; the message says what to do.
    """
    if needs := missing(environment, loads):
        if not may_install(environment, is_root=is_root):
            raise SetupError(advice(needs))
        _install(needs, run or _run)
        if left := missing(environment, loads):
            raise SetupError(f"{advice(left)}. Debian's package was installed, but not found")
    if (found := find(environment)) is None:
        raise SetupError(advice([CHROMIUM]))
    return found


def _install(needs: Sequence[Need], run: Runner) -> None:
    # Without --no-install-recommends come 100 MB more.
    install = (*APT, "install", "--no-install-recommends", *packages_of(needs))
    names = " and ".join(need.name for need in needs)
    with step(f"{names}: installing Debian's package", "about a minute, once"):
        for command in ((*APT, "update"), install):
            done = run(command)
            if done.returncode != 0:
                last = "\n  ".join(done.stdout.splitlines()[-LAST_LINES:])
                raise SetupError(f"{advice(needs)}. This failed: {' '.join(command)}\n  {last}")


def launch(playwright: Playwright, executable: Path) -> Browser:
    """Start a headless Chromium that contacts no host on its own."""
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
            command, 1, f"not finished within {INSTALL_TIMEOUT_SECONDS:.0f} s"
        )


def main() -> int:
    """Print which Chromium will be used; return 0, or 2 if none is available."""
    try:
        say(f"  Chromium: {chromium()}")
    except SetupError as error:
        complain(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
