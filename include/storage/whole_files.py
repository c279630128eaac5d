"""Write files atomically: a reader sees the old content or the new, never a part.

This holds even if the writer is killed halfway.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from uuid import uuid4

from upath import UPath

from include.storage.object_stores import OBJECT_STORES, as_os_error

DRAFT = ".draft"
# A writer that takes longer than this has been killed.
DRAFT_HOURS = 24
LOCAL = {"", "file", "local"}


def write_whole(target: Path | UPath, content: bytes | str, mode: int = 0o666) -> None:
    """Write a file atomically, to a folder or an object store; create its folder if missing.

    It is written next to the target, under a name that begins with a dot and ends in .draft, and
    then moved. Readers ignore a draft left by a killed writer; the DAG `maintain` deletes it.

    Args:
        target: Replaced if it exists.
        content: Text is written as UTF-8.
        mode: Of a local file, less the process's mask.

    Raises:
        OSError: It cannot be written; the previous content is kept, and no draft is left.
    """
    data = content.encode() if isinstance(content, str) else content
    if isinstance(target, UPath) and target.protocol in OBJECT_STORES:
        # One request writes a whole object; moving one would copy it.
        with as_os_error(target):
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


def _write_here(target: Path, data: bytes, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(_draft_name(target.name))
    # Nobody else may read a secret, from the first byte on.
    opener = partial(os.open, mode=mode)
    try:
        with open(draft, "wb", opener=opener) as file:
            file.write(data)
        draft.replace(target)
    finally:
        # After a move there is no draft; a partial one would use up scarce disk space.
        draft.unlink(missing_ok=True)


def _draft_name(name: str) -> str:
    # Unique to each writer: a task and its second attempt may write at the same time.
    return f".{name}.{uuid4().hex}{DRAFT}"


def _local(path: Path | UPath) -> Path:
    return Path(path.path if isinstance(path, UPath) else path)
