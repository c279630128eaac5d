"""Separate Python environments, each built from a lock file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dev.machine.home import CHECKOUT

FOLDER = CHECKOUT / ".dev" / "foreign"


def locked_environment(lock: Path) -> Path:
    """Create the environment of a lock file once; return its folder of programs."""
    folder = FOLDER / lock.stem
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_text() != lock.read_text():
        uv = Path(sys.executable).with_name("uv")
        for arguments in (
            ("venv", "--clear", "--python", sys.executable, folder),
            ("pip", "sync", "--system-certs", "--require-hashes", "--python", folder, lock),
        ):
            subprocess.run([uv, *arguments], check=True, capture_output=True)
        shutil.copy(lock, installed)
    return folder / "bin"
