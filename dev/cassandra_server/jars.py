"""Cassandra's jars: fetched once per user, and checked against the committed list."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jgo.maven
import requests
from rich.progress import track

from dev.machine.console import CONSOLE
from dev.machine.errors import SetupError

LIST = Path(__file__).with_name("jars.sha256")
REQUEST_TIMEOUT_SECONDS = 60
DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Jar:
    """One line of the list.

    Attributes:
        sha256: The file's hash, hexadecimal.
        path: Its path in a Maven repository: group/artifact/version/file.
    """

    sha256: str
    path: PurePosixPath


def listed_jars(text: str) -> list[Jar]:
    """Parse the list, whose lines are those of `sha256sum`."""
    pairs = (line.split() for line in text.splitlines())
    return [Jar(sha256, PurePosixPath(path)) for sha256, path in pairs]


def default_folder() -> Path:
    """Return the user's cache of jars, shared by every checkout."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "minute-prices" / "jars"


def cassandra_jars(folder: Path | None = None) -> list[Path]:
    """Return the jars of the Cassandra server, every one checked against the list.

    Args:
        folder: Where they are kept; the user's cache when None. Missing ones are fetched
            from Maven Central; if none is missing, no network is used.

    Raises:
        SetupError: A jar cannot be fetched, or is not the one in the list.
    """
    jars = listed_jars(LIST.read_text())
    folder = folder or default_folder()
    with _locked(folder):
        missing = [jar for jar in jars if not _is_right(folder, jar)]
        if missing:
            _fetch(folder, missing)
    return [folder / jar.path for jar in jars]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_right(folder: Path, jar: Jar) -> bool:
    try:
        content = (folder / jar.path).read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(content).hexdigest() == jar.sha256


def _fetch(folder: Path, jars: list[Jar]) -> None:
    context = jgo.maven.MavenContext(repo_cache=folder, timeout=REQUEST_TIMEOUT_SECONDS)

    def fetch(jar: Jar) -> None:
        # jgo accepts any existing file, even half a download.
        (folder / jar.path).unlink(missing_ok=True)
        _artifact(context, jar).resolve()
        if not _is_right(folder, jar):
            (folder / jar.path).unlink()
            raise SetupError(
                f"{jar.path.name} from Maven Central is not the file that {LIST.name} names; "
                "it was deleted. Run the command again; if this repeats, something between this "
                "machine and Maven Central changes downloads"
            )

    pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
    try:
        fetched = pool.map(fetch, jars)
        title = f"Cassandra: fetching {len(jars)} jars (65 MiB, once per user)"
        for _ in track(fetched, title, total=len(jars), console=CONSOLE):
            pass
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise SetupError(
            f"Cassandra's jars cannot be fetched from Maven Central: {error}. "
            "The first start needs a network; run the command again, fetched jars are kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _artifact(context: jgo.maven.MavenContext, jar: Jar) -> jgo.maven.Artifact:
    *group, artifact, version, _ = jar.path.parts
    classifier = jar.path.stem.removeprefix(f"{artifact}-{version}").removeprefix("-")
    component = context.project(".".join(group), artifact).at_version(version)
    return component.artifact(classifier=classifier)
