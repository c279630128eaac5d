"""Objects of a store such as S3: asked for by one request each, and errors as of a file system."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from upath import UPath

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci"}
S3 = {"s3", "s3a"}


@contextmanager
def as_os_error(place: UPath) -> Iterator[None]:
    """Raise what an object store's client raises without an answer as OSError.

    s3fs translates the answers of S3, such as 403 or 404, but neither a missing login nor a server
    that cannot be reached.

    Args:
        place: What is read or written within the block.

    Raises:
        OSError: In place of the client's own error.
    """
    try:
        yield
    except _errors_of(place) as error:
        raise OSError(errno.EIO, " ".join(str(error).split())) from error


def _errors_of(place: UPath) -> tuple[type[Exception], ...]:
    if place.protocol not in S3:
        return ()
    # It is there wherever s3fs is, which raised it.
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    return (BotoCoreError,)


def read_file(file: UPath) -> bytes:
    """Return the content of a file as it is now.

    fsspec remembers what an object store listed for as long as a process lives: by that, a file
    that came later would be missing. Asked for by its range, an object is read by one request
    that looks at nothing else.

    Args:
        file: An object is not empty.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read.
    """
    with as_os_error(file):
        start = 0 if file.protocol in OBJECT_STORES else None
        content: bytes = file.fs.cat_file(file.path, start=start)
    return content


def is_there(file: UPath) -> bool:
    """Tell whether a file is there now.

    An object by one request: `exists` asks a store twice where there is none, the second time for
    a listing, the most expensive of all requests, and tasks ask many times.

    Args:
        file: An object is not empty.

    Raises:
        OSError: That cannot be seen.
    """
    if file.protocol not in OBJECT_STORES:
        return bool(file.exists())
    try:
        with as_os_error(file):
            file.fs.cat_file(file.path, start=0, end=1)
    except FileNotFoundError:
        return False
    return True
