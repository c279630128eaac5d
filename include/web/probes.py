"""Ask a part of the product in bounded time, and tell its failures apart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from airflow.sdk.exceptions import AirflowNotFoundException

from include.reading.health import State
from include.records.errors import MarketDataError, SettingsError
from include.records.isolation import Results, run_each

Fact = TypeVar("Fact")

log = logging.getLogger(__name__)


class Probe(Generic[Fact]):
    """Asks one part in a thread of its own, one at a time: a part that hangs holds one thread.

    Args:
        name: For the log.
        ask: Returns what was found.
    """

    def __init__(self, name: str, ask: Callable[[], Fact]) -> None:
        self._name = name
        self._ask = ask
        self._thread: Thread | None = None
        self._answer: Results[str, Fact] | None = None
        self._logged = ""

    def start(self) -> None:
        """Ask, unless the last question is still open."""
        if self._thread is None or not self._thread.is_alive():
            self._answer = None
            # A process that ends does not wait for it.
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def result(self, until_s: float) -> tuple[State, Fact | None]:
        """Wait for the answer.

        Args:
            until_s: How long at most, by the process's own clock.

        Returns:
            The state, and what was found if it answers.
        """
        if self._thread:
            self._thread.join(max(0.0, until_s - time.monotonic()))
        answer = self._answer
        if answer is None:
            self._say("no answer in time")
            return State.SILENT, None
        for error in answer.failed.values():
            self._say(f"{type(error).__name__}: {error}", error)
            return _state_of(error), None
        self._say("")
        return State.ANSWERS, answer.done[self._name]

    def _run(self) -> None:
        self._answer = run_each([self._name], lambda _: self._ask())

    def _say(self, problem: str, error: Exception | None = None) -> None:
        """Log a problem once: its text is for operators only, and a check comes every second."""
        if problem and problem != self._logged:
            is_ours = error is not None and _state_of(error) is State.BROKEN
            log.warning("%s: %s", self._name, problem, exc_info=error if is_ours else None)
        self._logged = problem


def _state_of(error: Exception) -> State:
    if isinstance(error, SettingsError | AirflowNotFoundException):
        return State.MISCONFIGURED
    return State.SILENT if isinstance(error, MarketDataError) else State.BROKEN
