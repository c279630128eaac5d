"""What a deployment needs, judged part by part: what is there, what is missing, what to do.

Nothing here asks Airflow or a server: a task passes in what asks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from include.exchange.client import BinanceClient
from include.records.errors import MarketDataError, SettingsError
from include.records.isolation import run_each
from include.records.shown_text import shown_text
from include.records.symbols import read_symbol

# Airflow creates it, and lets nobody delete it.
DEFAULT_POOL = "default_pool"
LOCAL_EXECUTORS = ("LocalExecutor", "SequentialExecutor")
# A container's own layer: no other container sees it, and it goes with the container.
CONTAINER_LAYERS = ("overlay", "aufs")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)", re.MULTILINE)


class NotKnownError(Exception):
    """A part cannot be judged from a task; the message says how to see it."""


@dataclass(frozen=True)
class Check:
    """A part of a deployment, and how to ask about it.

    Attributes:
        part: Its name, in a few words.
        ask: Returns what was found, in one line. It raises where the part is missing or wrong, with
            what to do, and NotKnownError where a task cannot tell.
        needs: Parts without which it cannot be asked about.
    """

    part: str
    ask: Callable[[], str]
    needs: tuple[str, ...] = ()


@dataclass
class Findings:
    """What became of each check, by its part, in their order.

    Attributes:
        fine: What was found.
        missing: Why it is missing or wrong, and what to do.
        unknown: What a task cannot tell, and how to see it.
    """

    fine: dict[str, str] = field(default_factory=dict)
    missing: dict[str, Exception] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return one line for each part that is missing, in one list: what, and what to do."""
        return [shown_text(f"{part}: {_told(error)}") for part, error in self.missing.items()]


def _told(error: Exception) -> str:
    # Airflow's own errors tell what to do as well; any other is a program error.
    is_told = isinstance(error, MarketDataError) or type(error).__module__.startswith("airflow.")
    return str(error) if is_told else f"a program error: {type(error).__name__}: {error}"


def run_checks(checks: Sequence[Check]) -> Findings:
    """Ask about every part, in order; one that is missing stops only those that need it."""
    findings = Findings()
    for check in checks:
        lacking = [part for part in check.needs if part not in findings.fine]
        if lacking:
            findings.unknown[check.part] = f"it needs {' and '.join(lacking)} first"
            continue
        asked = run_each([check.part], lambda _, ask=check.ask: ask())  # type: ignore[misc]
        for error in asked.failed.values():
            if isinstance(error, NotKnownError):
                findings.unknown[check.part] = shown_text(str(error))
            else:
                findings.missing[check.part] = error
        findings.fine |= {part: shown_text(found) for part, found in asked.done.items()}
    return findings


def judge_symbols(client: BinanceClient, names: Sequence[str]) -> str:
    """Return which symbols are fetched, if the exchange lists all of them.

    Raises:
        SettingsError: One is not valid, or not listed.
    """
    checked = run_each(names, read_symbol)
    valid = [*checked.done.values()]
    listed = client.symbol_infos(valid) if valid else {}
    wrong = [
        *map(str, checked.failed.values()),
        *(f"{name!r} is not listed by the exchange" for name in valid if name not in listed),
    ]
    if wrong:
        raise SettingsError(f"{'; '.join(wrong)}: correct the Airflow Variable 'symbols'")
    return ", ".join(names)


def judge_pool(name: str, slots: Callable[[str], int | None] | None) -> str:
    """Return how many fetch tasks the pool lets run at a time.

    Args:
        name: Of the pool that fetch tasks run in.
        slots: Returns a pool's slots, and None where there is no such pool; None where a task
            cannot look.

    Raises:
        SettingsError: There is no such pool: its tasks would never start.
        NotKnownError: A task cannot look.
    """
    if name == DEFAULT_POOL:
        return f"{name}, which every Airflow has"
    if slots is None:
        raise NotKnownError(
            f"see that Admin > Pools lists {name!r}, as FETCH_POOL says: without it no fetch starts"
        )
    found = slots(name)
    if found is None:
        raise SettingsError(
            f"there is no pool {name!r}, so no fetch would ever start: create it under Admin > "
            f"Pools, or take FETCH_POOL out of the environment to use {DEFAULT_POOL}"
        )
    return f"{name} with {found} slots"


def judge_versions(
    requirements: str, installed: Callable[[str], str | None], python: tuple[int, int]
) -> str:
    """Return how many packages are installed as requirements.txt pins them.

    Args:
        requirements: Its text.
        installed: Returns the version of a package; None where it is not installed.
        python: Major and minor number.

    Raises:
        SettingsError: A package is missing or of another version, or Python is.
    """
    pins = {found["name"]: found["version"] for found in _PIN.finditer(requirements)}
    versions = {name: installed(name) for name in pins}
    # A build of the same version, such as Astro's, has a local label.
    wrong = [
        f"{name} is {version or 'not installed'} and not {pins[name]}"
        for name, version in versions.items()
        if version is None or version.partition("+")[0] != pins[name]
    ]
    if python not in {(3, 11), (3, 12)}:
        wrong.insert(0, f"Python is {python[0]}.{python[1]} and not 3.11 or 3.12")
    if wrong:
        raise SettingsError(
            f"{'; '.join(wrong)}: install requirements.txt again, or build the image anew"
        )
    return f"{len(pins)} packages as requirements.txt pins them"


def filesystem_of(folder: str, mounts: str) -> str:
    """Return the kind of file system that a folder is on.

    Args:
        folder: Absolute, without links.
        mounts: Linux's /proc/self/mounts: device, mount point, kind and more on each line.

    Returns:
        Such as ext4, nfs4 or overlay; empty where the list does not say.
    """
    kinds = {PurePosixPath(parts[1]): parts[2] for parts in map(str.split, mounts.splitlines())}
    path = PurePosixPath(folder)
    return next((kinds[each] for each in (path, *path.parents) if each in kinds), "")


def judge_shared(what: str, place: str, filesystem: str, executor: str) -> str:
    """Return how the API server and other workers see what this worker has written.

    Args:
        what: Names the place, such as "the Airflow Variable 'storage_url'".
        place: An absolute path, or the URL of an object store.
        filesystem: That a path is on here, as `filesystem_of` has it.
        executor: Airflow's setting.

    Raises:
        NotKnownError: A task cannot tell; the message says what has to be so.
    """
    see = "open Plugins > Data quality after the first minutes to see that it does"
    if "://" in place and not place.startswith(("file://", "local://")):
        raise NotKnownError(
            f"the API server reads {place} with its own role, which must be permitted to: {see}"
        )
    each = [part.rpartition(":")[2].rpartition(".")[2].strip() for part in executor.split(",")]
    if filesystem in CONTAINER_LAYERS:
        raise NotKnownError(
            f"{place} is in this container's own layer: a worker or an API server in another one "
            "does not see it, and it goes with the container. Mount a volume or a share there, or "
            f"name another place in {what}: {see}"
        )
    if not all(name in LOCAL_EXECUTORS for name in each):
        raise NotKnownError(
            f"with {executor} the API server and every worker must have the same folder at {place} "
            f"(here {filesystem or 'of an unknown kind'}): {see}"
        )
    return f"{place}, on the machine that runs every task"
