"""Run the programs of ./dev/test in pairs, so that the second uses cores the first leaves idle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

PYTEST = ("python", "-m", "pytest")
FAST = ("tests/unit", "tests/defects", "tests/dags", ".astro/test_dag_integrity_default.py")
NOT_SLOW = ("-m", "not slow")
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
# Errors of ./dev/up, which need no running stack.
UP = "tests/e2e/test_up.py"
# The plugin imports Hypothesis as the run ends; none of these tests uses it.
NO_PROPERTIES = ("-p", "no:hypothesispytest")
END_TO_END = (*NO_PROPERTIES, "tests/e2e", f"--ignore={UP}")
WITH_SERVERS = (*NO_PROPERTIES, "tests/contract", "tests/faults", "tests/foreign", UP)
# Up to this file the end-to-end run checks that no minute is late, so it runs alone; from here on
# it mostly waits for minutes, and the second program uses the idle time.
ALONE_UNTIL = "tests/e2e/test_main_job_quality.py"
NICE = ("nice", "-n", "5")
NO_TESTS_FOUND = 5
WIDTH = 80
# The words of pytest's last line, in its order.
WORDS = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warning", "error")
COUNT = re.compile(rf"(\d+) ({'|'.join(WORDS)})s?\b")
# pytest's last line; a thread of a library may still print something after it.
COUNTS = re.compile(rb"^(?:=+ )?(?:\d+ [a-z]+(?:, )?)+ in [\d.]+s\b.*$", re.MULTILINE)
# Lines of pytest's short summary.
FAILURE = re.compile(rb"^(?:FAILED|ERROR) .*", re.MULTILINE)


@dataclass(frozen=True)
class Ended:
    """A program that ended, its exit code (a signal's number below zero) and its output."""

    command: Sequence[str]
    code: int
    output: bytes

    @property
    def last_line(self) -> str:
        """The line with pytest's counts, or the last line of the output without one."""
        counted = COUNTS.findall(self.output)
        last = counted[-1] if counted else self.output.rstrip().rpartition(b"\n")[2]
        return str(last.decode(errors="replace")).rstrip()


class SideBySide:
    """Runs programs in pairs; after Ctrl-C or SIGTERM they clean up, and no more are started.

    Attributes:
        ended: The programs that ended, in the order of their output.
    """

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._signal = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._interrupt(number))

    def run(self, first: Sequence[str], second: Sequence[str], mark: str = "") -> tuple[int, int]:
        """Run two programs until both end.

        Args:
            first: Its output is shown as it comes.
            second: Starts once the first has printed `mark` or ended; its output is shown after.
            mark: Part of the first one's output; if empty, the second starts at once.

        Returns:
            Their exit codes.

        Raises:
            SystemExit: They were interrupted.
        """
        self._children = []
        with tempfile.TemporaryFile() as log:
            shown = self._show(first, second, mark.encode(), log)
            self._start_second(second, log)
            codes = [child.wait() for child in self._children]
            log.seek(0)
            logged = log.read()
        _write(_heading(second), logged)
        self.ended += map(Ended, (first, second), codes, (shown, logged))
        if self._signal:
            raise SystemExit(128 + self._signal)
        return codes[0], codes[1]

    def _show(
        self, first: Sequence[str], second: Sequence[str], mark: bytes, log: IO[bytes]
    ) -> bytes:
        _write(_heading(first))
        output, end = os.pipe()
        self._start(first, end)
        os.close(end)
        part = shown = b""
        while True:
            if mark in shown:
                self._start_second(second, log)
            if not (part := os.read(output, 1 << 16)):
                os.close(output)
                return shown
            _write(part)
            shown += part

    def _start_second(self, command: Sequence[str], log: IO[bytes]) -> None:
        if len(self._children) == 1 and not self._signal:
            self._start(command, log.fileno())

    def _start(self, command: Sequence[str], output: int) -> None:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Otherwise a Ctrl-C would reach it twice, and the second one would stop its clean-up.
            process_group=0,
        )
        self._children.append(child)
        if self._signal:
            child.send_signal(signal.SIGINT)

    def _interrupt(self, number: int) -> None:
        if not self._signal:
            self._signal = number
            for child in self._children:
                child.send_signal(signal.SIGINT)


def failures(ended: Iterable[Ended]) -> str:
    """Return lines that repeat, for each program that failed, what failed in it.

    Without a line of pytest's short summary, as when pytest itself breaks off, that is the
    program's last line.
    """
    lines = []
    for program in ended:
        if program.code not in {0, NO_TESTS_FOUND}:
            failed = [line.decode(errors="replace") for line in FAILURE.findall(program.output)]
            lines += [
                f"── exit code {program.code}: {' '.join(program.command)}",
                *(failed or [program.last_line]),
            ]
    return "".join(f"{line}\n" for line in lines)


def added_up(ended: Iterable[Ended], seconds: float) -> str:
    """Return a summary line in pytest's style that adds up the last lines of several programs."""
    counts: Counter[str] = Counter()
    for program in ended:
        counts.update({word: int(count) for count, word in COUNT.findall(program.last_line)})
    told = [
        f"{counts[word]} {word}{'s' * (word in WORDS[-2:] and counts[word] > 1)}"
        for word in WORDS
        if counts[word]
    ]
    return f" {', '.join(told) or 'no tests ran'} in {seconds:.2f}s ".center(WIDTH, "=")


def exit_code(types: int, *tests: int) -> int:
    """Return the overall exit code; a run that found no tests fails only if no run found any."""
    failures = [code for code in (types, *tests) if code not in {0, NO_TESTS_FOUND}]
    return abs(failures[0]) if failures else min(tests)


def main(words: Sequence[str]) -> int:
    """Run types and tests; `--fast` as the first word skips tests that are slow or need a server.

    Args:
        words: Further words are passed to pytest.
    """
    started = time.monotonic()
    is_fast = words[:1] == ["--fast"]
    rest = words[is_fast:]
    pair = SideBySide()
    try:
        chosen = (*FAST, *NOT_SLOW) if is_fast else FAST
        tests, types = pair.run((*PYTEST, *TWO_WORKERS, *chosen, *rest), ("mypy",))
        if is_fast or exit_code(types, tests) not in {0, NO_TESTS_FOUND}:
            return exit_code(types, tests)
        return exit_code(
            types,
            tests,
            *pair.run(
                (*PYTEST, *END_TO_END, *rest), (*NICE, *PYTEST, *WITH_SERVERS, *rest), ALONE_UNTIL
            ),
        )
    finally:
        summary = added_up(pair.ended, time.monotonic() - started)
        _write(failures(pair.ended).encode(), summary.encode(), b"\n")


def _heading(command: Sequence[str]) -> bytes:
    return f"── {' '.join(command)}\n".encode()


def _write(*parts: bytes) -> None:
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
