"""Run the same work for several keys separately: one failure does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Results(Generic[Key, Result]):
    """The outcome of each key.

    Attributes:
        done: Results, in the order of the keys.
        failed: What the others raised, in the same order. The caller must report it in the end.
    """

    done: dict[Key, Result]
    failed: dict[Key, Exception]


def run_each(
    keys: Iterable[Key],
    work: Callable[[Key], Result],
    *,
    at_a_time: int = 1,
    stop_on: type[Exception] | None = None,
) -> Results[Key, Result]:
    """Run the work once per key; one failure does not stop the others.

    Args:
        keys: Each is done once.
        work: Gets a key.
        at_a_time: Number of threads; more than one for work that mostly waits for a server.
        stop_on: An error that the next key would run into as well, after the same wait: it is
            raised at once.
    """
    stopping = (stop_on,) if stop_on else ()
    done: dict[Key, Result] = {}
    failed: dict[Key, Exception] = {}

    def attempt(key: Key) -> None:
        try:
            done[key] = work(key)
        except stopping:
            raise
        # Any error, a bug of ours too: it is raised when the others are done.
        except Exception as error:  # noqa: BLE001
            failed[key] = error

    once = list(dict.fromkeys(keys))
    if at_a_time > 1:
        pool = ThreadPoolExecutor(at_a_time)
        try:
            list(pool.map(attempt, once))
        except BaseException as error:
            # Whoever ends the process, as a time limit does, must not wait for the threads.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()
    else:
        for key in once:
            attempt(key)
    return Results(
        {key: done[key] for key in once if key in done},
        {key: failed[key] for key in once if key in failed},
    )
