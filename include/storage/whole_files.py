"""Writing files whole or not at all: a reader meets the old content or the new, never a part.

Also where the writer is killed in the middle.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from upath import UPath

DRAFT = ".draft"
# A writer that is at work for longer than that has been killed.
DRAFT_HOURS = 24
LOCAL = {"", "file", "local"}
# One request puts an object there, whole; moving one would copy it.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci"}


def write_whole(target: Path | UPath, content: bytes | str, mode: int = 0o666) -> None:
    """Write a file of a folder or an object store whole; its folder is made where it is missing.

    It is written under another name beside the target, which begins with a point and ends in
    .draft, and then moved. A draft that a killed writer left is no file of any reader, and goes
    with `remove_drafts`.

    Args:
        target: Replaced where it exists.
        content: Text is written as UTF-8.
        mode: Of a local file, less the process's mask.

    Raises:
        OSError: It cannot be written; what was there before stays, and no draft does.
    """
    data = content.encode() if isinstance(content, str) else content
    if isinstance(target, UPath) and target.protocol in OBJECT_STORES:
        target.fs.pipe_file(target.path, data)
    elif isinstance(target, UPath) and target.protocol not in LOCAL:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(_draft_name(target.name))
        try:
            draft.write_bytes(data)
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)
    else:
        _write_here(_local(target), data, mode)


def remove_drafts(folder: Path | UPath) -> None:
    """Remove what writers that were killed a day ago or longer left anywhere below a local folder.

    An object store has none.
    """
    if isinstance(folder, UPath) and folder.protocol not in LOCAL:
        return
    oldest = time.time() - DRAFT_HOURS * 3600
    for draft in _local(folder).rglob(f".*{DRAFT}"):
        # One that is gone by now has been moved.
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < oldest:
                draft.unlink()


def _write_here(target: Path, data: bytes, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(_draft_name(target.name))
    # From the first byte on, nobody else may read a secret.
    opener = partial(os.open, mode=mode)
    try:
        with open(draft, "wb", opener=opener) as file:
            file.write(data)
        draft.replace(target)
    finally:
        # After the move there is none; a part of it would keep the space that is lacking.
        draft.unlink(missing_ok=True)


def _draft_name(name: str) -> str:
    # Of each writer its own: a task and its second attempt may write at once.
    return f".{name}.{uuid4().hex}{DRAFT}"


def _local(path: Path | UPath) -> Path:
    return Path(path.path if isinstance(path, UPath) else path)
