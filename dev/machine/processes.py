"""Run servers as child processes: each in its own session, recorded, and stopped as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from dev.machine.errors import StartError
from dev.machine.home import CHECKOUT, read_json
from include.storage.whole_files import write_whole

# Clock steps move the start time that the system reports by a little.
START_TIME_SLACK_SECONDS = 2.0
KILL_WAIT_SECONDS = 60.0
LAST_LINES = 15
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Record:
    """One started process, as kept on disk for later commands.

    Attributes:
        name: What it is, like `scheduler`; its log is NAME.log.
        pid: Its process id, also the id of its session.
        started_epoch_seconds: When it started, as the system reports it.
        port: Where it listens on the loopback address; None when it does not.
        stop_signal: The number of the signal that ends it gracefully.
    """

    name: str
    pid: int
    started_epoch_seconds: float
    port: int | None
    stop_signal: int

    @property
    def since(self) -> datetime:
        """When it started, aware UTC."""
        return datetime.fromtimestamp(self.started_epoch_seconds, UTC)

    def is_running(self) -> bool:
        """Tell whether this process is alive, and not another that reuses its pid."""
        try:
            process = psutil.Process(self.pid)
            started: float = process.create_time()
            is_zombie: bool = process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        return (
            abs(started - self.started_epoch_seconds) < START_TIME_SLACK_SECONDS and not is_zombie
        )

    def session(self) -> list[psutil.Process]:
        """Return the living processes of its session: itself and what it forked."""
        return [process for process in psutil.process_iter() if self._has(process)]

    def listens(self) -> bool:
        """Tell whether its session holds its port, if any: another program may answer there."""
        return self.port is None or any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == self.port
            for process in self.session()
            for connection in _connections(process)
        )

    def _has(self, process: psutil.Process) -> bool:
        try:
            return (
                os.getsid(process.pid) == self.pid
                and process.create_time() >= self.started_epoch_seconds - START_TIME_SLACK_SECONDS
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            return False


class Processes:
    """The processes of one stack.

    Args:
        run_folder: Where the records are kept, one NAME.json each.
        log_folder: Where each process writes NAME.log; the log of the previous start is
            kept as NAME.log.1.
    """

    def __init__(self, run_folder: Path, log_folder: Path) -> None:
        self._run_folder = run_folder
        self._log_folder = log_folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def spawn(  # noqa: PLR0913 - each is a choice that some caller makes alone
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
        stop_signal: int = signal.SIGTERM,
        folder: Path = CHECKOUT,
    ) -> Record:
        """Start a process in its own session, in a folder; it outlives a caller that is killed.

        Raises:
            StartError: This stack is being stopped.
        """
        self._log_folder.mkdir(parents=True, exist_ok=True)
        log = self.log(name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with self._lock, log.open("wb") as output:
            self._raise_if_stopping(name)
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
            started = psutil.Process(child.pid).create_time()
            record = Record(name, child.pid, started, port, stop_signal)
            write_whole(self._run_folder / f"{name}.json", json.dumps(asdict(record)))
            self._children[name] = child
        return record

    def run(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start a process and wait for its end.

        Raises:
            StartError: It failed; the message has the end of its log.
        """
        self.spawn(name, command, environment=environment)
        while (code := self._children[name].poll()) is None:
            self._raise_if_stopping(name)
            time.sleep(POLL_SECONDS)
        del self._children[name]
        (self._run_folder / f"{name}.json").unlink(missing_ok=True)
        if code != 0:
            raise StartError(f"{name} ended {_how(code)}; {self.last_lines(name)}")

    def refuse(self) -> None:
        """Refuse every start from now on, and make every wait fail."""
        with self._lock:
            self._closed = True

    def dead(self) -> dict[str, str]:
        """Return the started processes that have died: by name, how, with the end of the log."""
        return {
            name: f"{name} ended {_how(code)}; {self.last_lines(name)}"
            for name, child in list(self._children.items())
            if (code := child.poll()) is not None
        }

    def check(self) -> None:
        """Raise StartError, with the end of its log, if a started process is dead."""
        for how in self.dead().values():
            raise StartError(how)

    def wait_until(self, ready: Callable[[], bool], name: str, timeout_seconds: float) -> None:
        """Wait until a process started here is ready for use.

        Raises:
            StartError: It died, or was not ready in time; the message has the end of its log.
        """
        deadline = time.monotonic() + timeout_seconds
        while not (ready() and self._record(name).listens()):
            self.check()
            self._raise_if_stopping(name)
            if time.monotonic() > deadline:
                raise StartError(
                    f"{name} was not ready after {timeout_seconds:.0f} s; {self.last_lines(name)}"
                )
            time.sleep(POLL_SECONDS)

    def stop(self, *names: str, grace_seconds: float = 10.0) -> list[str]:
        """Stop processes and all they forked, whoever started them.

        Args:
            names: Which; all recorded ones when none is named.
            grace_seconds: How long they may take to end gracefully before they are killed.

        Returns:
            The names of those that were alive.
        """
        records = [record for record in self.records() if not names or record.name in names]
        alive = [record.name for record in records if record.session()]
        deadline = time.monotonic() + grace_seconds
        for record in records:
            _signal(record.session(), record.stop_signal)
        while (left := _sessions(records)) and time.monotonic() < deadline:
            psutil.wait_procs(left, timeout=0.2)
        if left:
            _signal(left, signal.SIGKILL)
            psutil.wait_procs(left, timeout=KILL_WAIT_SECONDS)
        for record in records:
            if (child := self._children.pop(record.name, None)) is not None:
                child.wait()
            (self._run_folder / f"{record.name}.json").unlink(missing_ok=True)
        return alive

    def send(self, name: str, number: int) -> None:
        """Send a signal to a process and all it forked, if it was started."""
        _signal(_sessions(record for record in self.records() if record.name == name), number)

    def records(self) -> list[Record]:
        """Return the recorded processes, oldest first; some may be dead by now."""
        found = [read_json(path) for path in self._run_folder.glob("*.json")]
        return sorted(
            (Record(**fields) for fields in found if fields),
            key=lambda record: record.started_epoch_seconds,
        )

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self._log_folder / f"{name}.log"

    def last_lines(self, name: str) -> str:
        """Return a sentence that names a process's log, and its last lines."""
        log = self.log(name)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n  ".join([f"the end of {log}:", *lines[-LAST_LINES:]])

    def _record(self, name: str) -> Record:
        return Record(**read_json(self._run_folder / f"{name}.json"))

    def _raise_if_stopping(self, name: str) -> None:
        if self._closed:
            raise StartError(f"{name} was aborted: the stack is stopping")


def _how(code: int) -> str:
    return f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def _connections(process: psutil.Process) -> list[Any]:
    try:
        connections: list[Any] = process.net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
    return connections


def _sessions(records: Iterable[Record]) -> list[psutil.Process]:
    return [process for record in records for process in record.session()]


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
