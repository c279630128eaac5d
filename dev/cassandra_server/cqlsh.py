"""Run cqlsh from PyPI with address, TLS and login filled in."""

from __future__ import annotations

import configparser
import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from dev.cassandra_server.secure_home import SecureHome
from dev.cassandra_server.security import SUPERUSER
from dev.machine.ports import LOOPBACK
from include.storage.whole_files import write_whole

CQLSH = "cqlsh==6.2.2"


def cqlshrc(port: int, secure: SecureHome | None) -> str:
    """Return cqlsh's configuration for a server.

    Args:
        port: The server's, on the loopback address.
        secure: The home of a server with TLS and passwords; cqlsh logs in as its superuser.
    """
    sections: dict[str, Mapping[str, str]] = {
        "connection": {"hostname": LOOPBACK, "port": str(port)}
    }
    if secure is not None:
        sections["connection"] = {**sections["connection"], "ssl": "true"}
        sections["authentication"] = {"credentials": _escaped(secure.credentials(SUPERUSER))}
        sections["ssl"] = {
            "certfile": _escaped(secure.authorities),
            "validate": "true",
            "usercert": _escaped(secure.client_chain),
            "userkey": _escaped(secure.client_key),
        }
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def cqlsh_command(settings: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs cqlsh with our cqlshrc."""
    return [
        str(Path(sys.executable).with_name("uvx")),
        *("--system-certs", "--python", sys.executable),
        *("--from", CQLSH, "--with", f"cassandra-driver=={version('cassandra-driver')}"),
        *("cqlsh", "--cqlshrc", str(settings)),
        *arguments,
    ]


def become_cqlsh(
    folder: Path, port: int, secure: SecureHome | None, arguments: Sequence[str]
) -> NoReturn:
    """Replace this process with cqlsh, which keeps the terminal and sets the exit code.

    Args:
        folder: Where its cqlshrc goes.
        port: The server's, on the loopback address.
        secure: The home of a server with TLS and passwords.
        arguments: More arguments for cqlsh.
    """
    settings = folder / "cqlshrc"
    write_whole(settings, cqlshrc(port, secure), mode=0o600)
    command = cqlsh_command(settings, arguments)
    os.execv(command[0], command)  # noqa: S606 - a shell would only be in the way


def _escaped(path: Path) -> str:
    """Write a path as cqlsh reads it: a percent sign begins a reference there."""
    return str(path).replace("%", "%%")
