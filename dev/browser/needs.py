"""What browser tests need besides Python packages; this module runs without those.

./dev/test checks it before anything else, so that nobody waits minutes for the message.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.machine.errors import SetupError

VARIABLE = "MINUTE_PRICES_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Playwright's variable for a Node.js to use instead of its own.
OTHER_NODE = "PLAYWRIGHT_NODEJS_PATH"


@dataclass(frozen=True)
class Need:
    """A requirement that only the machine's own package manager can install.

    Attributes:
        name: Its name in messages.
        packages: Its Debian packages.
    """

    name: str
    packages: tuple[str, ...]


# Without a font Chromium draws boxes.
CHROMIUM = Need("Chromium", ("chromium", "fonts-dejavu-core"))
# Playwright's own Node.js is linked to it, and a minimal Debian lacks it.
LIBRARY = Need("libatomic.so.1", ("libatomic1",))


def can_load(library: str) -> bool:
    """Tell whether the system's loader finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def find(environment: Mapping[str, str]) -> Path | None:
    """Return the Chromium that an environment names, or the first on its PATH; None without one.

    Raises:
        SetupError: The variable does not name a program.
    """
    path = environment.get("PATH")
    if named := environment.get(VARIABLE):
        if found := shutil.which(named, path=path):
            return Path(found)
        raise SetupError(f"{VARIABLE} names {named}, which is not a program")
    return next((Path(found) for name in NAMES if (found := shutil.which(name, path=path))), None)


def missing(
    environment: Mapping[str, str], loads: Callable[[str], bool] = can_load
) -> tuple[Need, ...]:
    """Return the needs that this machine does not meet.

    Args:
        environment: Its PATH leads to Chromium.
        loads: Tells whether a library can be loaded.

    Raises:
        SetupError: As `find` does.
    """
    is_there = {
        CHROMIUM: find(environment) is not None,
        LIBRARY: OTHER_NODE in environment or loads(LIBRARY.name),
    }
    return tuple(need for need, here in is_there.items() if not here)


def packages_of(needs: Iterable[Need]) -> tuple[str, ...]:
    """Return the Debian packages of some needs."""
    return tuple(package for need in needs for package in need.packages)


def advice(needs: Iterable[Need]) -> str:
    """Return one line that says what is missing and how to install it, for one need or more."""
    needs = tuple(needs)
    line = (
        f"The browser tests and pictures need {' and '.join(need.name for need in needs)}. Install "
        f"it (on Debian, as root: apt-get install {' '.join(packages_of(needs))})"
    )
    return f"{line}, or name a Chromium with {VARIABLE}=PATH" if CHROMIUM in needs else line


def may_install(environment: Mapping[str, str], *, is_root: bool) -> bool:
    """Tell whether this process may and can install Debian packages."""
    return is_root and shutil.which("apt-get", path=environment.get("PATH")) is not None


def main() -> int:
    """Print what is missing and cannot be installed from here; return 2 then, else 0."""
    try:
        needs = missing(os.environ)
    except SetupError as error:
        print(f"The browser tests will fail: {error}", file=sys.stderr)
        return 2
    if needs and not may_install(os.environ, is_root=os.geteuid() == 0):
        print(f"{advice(needs)}; without it only those tests fail", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
