"""Count the files below a folder, and remove the old ones, in a local folder or an object store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from upath import UPath

from include.storage.whole_files import DRAFT, DRAFT_HOURS, LOCAL

# Objects removed with one call: S3 takes up to a thousand.
OBJECTS_A_CALL = 500


@dataclass(frozen=True)
class FoundFile:
    """A file below a folder.

    Attributes:
        path: Relative to the folder, with slashes.
        size_bytes: Its length.
        modified_at: Aware UTC; None where the store does not say.
    """

    path: str
    size_bytes: int
    modified_at: datetime | None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Tally:
    """Some files.

    Attributes:
        count: How many.
        size_bytes: Their length, all together.
    """

    count: int = 0
    size_bytes: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.size_bytes + other.size_bytes)

    @classmethod
    def of(cls, files: Sequence[FoundFile]) -> Tally:
        """Count files."""
        return cls(len(files), sum(file.size_bytes for file in files))


@dataclass(frozen=True)
class Clearing:
    """What became of the files below a folder.

    Attributes:
        found: Those looked at.
        old: Of them, those to be removed.
        removed: Of these, those that were.
        problem: Why the first one that could not be removed stays; empty without one.
        is_finished: All files were looked at: the time was not up before.
    """

    found: Tally = Tally()
    old: Tally = Tally()
    removed: Tally = Tally()
    problem: str = ""
    is_finished: bool = True

    def __add__(self, other: Clearing) -> Clearing:
        return Clearing(
            self.found + other.found,
            self.old + other.old,
            self.removed + other.removed,
            self.problem or other.problem,
            self.is_finished and other.is_finished,
        )


@dataclass(frozen=True)
class Limits:
    """How files are cleared.

    Attributes:
        only_count: Remove nothing.
        is_time_up: Asked between two groups of files; once it says so, the rest stays.
        say: Called with what was done so far, after each group.
    """

    only_count: bool
    is_time_up: Callable[[], bool]
    say: Callable[[Clearing], None]


def clear(folder: UPath, is_old: Callable[[FoundFile], bool], limits: Limits) -> Clearing:
    """Remove the old files below a folder, and local folders that become empty by it.

    One that cannot be removed does not stop the others; one that is gone by then counts as
    removed. Links are not followed.

    Args:
        folder: Need not exist.
        is_old: Tells which files to remove.
        limits: Of the work.
    """
    done = Clearing()
    is_local = folder.protocol in LOCAL
    groups = _local_groups(Path(folder.path)) if is_local else _object_groups(folder)
    emptied: set[str] = set()
    for parent, files in groups:
        if limits.is_time_up():
            return done + Clearing(is_finished=False)
        old = [file for file in files if is_old(file)]
        done += Clearing(found=Tally.of(files), old=Tally.of(old))
        if not limits.only_count:
            if old:
                remove = _remove_here if is_local else _remove_objects
                done += remove(folder, old)
            # Others are left alone: one that is empty may just have been made.
            if is_local and parent and (old or parent in emptied):
                _remove_empty(Path(folder.path), parent, emptied)
        limits.say(done)
    return done


def is_abandoned(file: FoundFile, now: datetime) -> bool:
    """Tell whether a file is the draft of a writer that was killed, for a day or longer."""
    is_draft = file.name.startswith(".") and file.name.endswith(DRAFT)
    longest = timedelta(hours=DRAFT_HOURS)
    return is_draft and file.modified_at is not None and file.modified_at < now - longest


def _local_groups(root: Path) -> Iterator[tuple[str, list[FoundFile]]]:
    """Yield each folder below a root with its own files, the deepest first."""
    for parent, _, names in os.walk(root, topdown=False):
        place = os.path.relpath(parent, root)
        inner = "" if place == "." else place
        files = []
        for name in names:
            with suppress(FileNotFoundError):
                held = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - a million of them
                modified = datetime.fromtimestamp(held.st_mtime, UTC)
                path = f"{inner}/{name}" if inner else name
                files.append(FoundFile(path, held.st_size, modified))
        yield inner, files


def _object_groups(root: UPath) -> Iterator[tuple[str, list[FoundFile]]]:
    """Yield the objects under a prefix, in groups for one call each."""
    listed = root.fs.find(root.path, detail=True)
    files = [
        FoundFile(
            path.removeprefix(root.path).lstrip("/"), int(info.get("size") or 0), _modified(info)
        )
        for path, info in listed.items()
    ]
    for place in range(0, len(files), OBJECTS_A_CALL):
        yield "", files[place : place + OBJECTS_A_CALL]


def _modified(info: dict[str, object]) -> datetime | None:
    # Each store names it in its own way.
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        if isinstance(moment := info.get(name), datetime):
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _remove_here(root: UPath, files: Sequence[FoundFile]) -> Clearing:
    done = Clearing()
    for file in files:
        try:
            Path(root.path, file.path).unlink(missing_ok=True)
        except OSError as error:
            done += Clearing(problem=f"{root}/{file.path}: {error.strerror or error}")
        else:
            done += Clearing(removed=Tally.of([file]))
    return done


def _remove_objects(root: UPath, files: Sequence[FoundFile]) -> Clearing:
    try:
        root.fs.rm([f"{root.path.rstrip('/')}/{file.path}" for file in files])
    except FileNotFoundError:
        # All of them: another run was here.
        return Clearing(removed=Tally.of(files))
    except OSError as error:
        return Clearing(problem=f"{root}/{files[0].path} and others: {error.strerror or error}")
    return Clearing(removed=Tally.of(files))


def _remove_empty(root: Path, folder: str, emptied: set[str]) -> None:
    """Remove a folder below a root if it is empty, and note that its parent may be now."""
    with suppress(OSError):
        (root / folder).rmdir()
        emptied.add(os.path.dirname(folder))  # noqa: PTH120 - the parent of a relative path, as text
