"""The folder of a stack's state, and the lock that admits one run at a time."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dev.machine.errors import SetupError
from include.storage.whole_files import write_whole

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_HOME = CHECKOUT / ".dev"


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; {} when the file is absent or unreadable."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content


@dataclass(frozen=True)
class Home:
    """The folder of one stack; everything it writes is below it.

    Attributes:
        path: The folder, absolute.
    """

    path: Path = DEFAULT_HOME

    @property
    def data(self) -> Path:
        """Batches, exports, reports and the mart."""
        return self.path / "data"

    @property
    def logs(self) -> Path:
        """One NAME.log per process."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Running processes, one record each, and the lock."""
        return self.path / "run"

    @property
    def cassandra(self) -> Path:
        """The Cassandra server's data and configuration."""
        return self.path / "cassandra"

    @property
    def cassandra_kept(self) -> Path:
        """Marker file: Cassandra was started on its own and must be left running."""
        return self.path / "cassandra" / "run" / "kept"

    @property
    def postgres(self) -> Path:
        """Airflow's metadata database."""
        return self.path / "postgres"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.path / "airflow"

    @property
    def mart(self) -> Path:
        """The reporting database, a SQLite file."""
        return self.data / "mart.db"

    @property
    def report(self) -> Path:
        """The newest HTML report."""
        return self.data / "reports" / "latest.html"

    @property
    def data_docs(self) -> Path:
        """The first page of Great Expectations' Data Docs."""
        return self.data / "gx" / "docs" / "index.html"

    @property
    def exports(self) -> Path:
        """The folder of CSV and Parquet files."""
        return self.data / "exports"

    def has_report(self, symbols: Collection[str], began: datetime) -> bool:
        """Tell whether this start wrote files for every symbol, and a report after them.

        The first report of a new stack may come before its first minute.

        Args:
            symbols: At least one.
            began: The start, aware UTC.
        """
        written = [
            max((file.stat().st_mtime for file in self.exports.rglob(f"{symbol}.csv")), default=0)
            for symbol in symbols
        ]
        if not self.report.exists() or min(written) < began.timestamp():
            return False
        return self.report.stat().st_mtime >= max(written)

    def remember(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep a small JSON object for the next run."""
        write_whole(self.path / f"{name}.json", json.dumps(values, indent=2) + "\n")

    def recall(self, name: str) -> dict[str, Any]:
        """Return the object kept under a name; {} when there is none."""
        return read_json(self.path / f"{name}.json")

    def secrets(self) -> dict[str, str]:
        """Return this home's passwords and keys, created on first use, mode 600."""
        path = self.path / "secrets.json"
        known: dict[str, str] = read_json(path)
        if not known:
            known = {name: secrets.token_urlsafe(64) for name in ("jwt", "session", "postgres")}
            known["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            write_whole(path, json.dumps(known, indent=2) + "\n", mode=0o600)
        return known

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock this home for one run; the system releases the lock when the process dies.

        Raises:
            SetupError: Another run holds it.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        with (self.run / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SetupError(
                    f"already running here (pid {self.holder() or 'unknown'}); "
                    "see it with ./dev/status, stop it with ./dev/down"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def holder(self) -> int | None:
        """Return the pid of the run that holds this home; None without one."""
        try:
            with (self.run / "lock").open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = file.read()
                    return int(text) if text else None
        except FileNotFoundError:
            return None
        return None
