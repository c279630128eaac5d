"""Whether a file is there, and what is in it, wherever it is; tests/contract asks a real S3."""

from uuid import uuid4

import pytest
from upath import UPath

from include.storage import object_stores
from include.storage.object_stores import is_there, read_file


@pytest.fixture(params=["folder", "memory", "store"])
def file(request, tmp_path, monkeypatch):
    """A file in a folder, in memory, and in memory that counts as an object store."""
    if request.param == "store":
        monkeypatch.setattr(object_stores, "OBJECT_STORES", {"memory"})
    root = str(tmp_path) if request.param == "folder" else f"memory://{uuid4().hex}"
    return UPath(root) / "file.txt"


def test_a_file_is_there_once_it_is_written(file):
    before = is_there(file)
    file.fs.pipe_file(file.path, b"a,b")

    assert (before, is_there(file), read_file(file)) == (False, True, b"a,b")


def test_one_that_is_not_there_cannot_be_read(file):
    with pytest.raises(FileNotFoundError):
        read_file(file)


def test_only_the_errors_of_s3_are_translated():
    """Others' clients raise OSError, or what is not theirs to explain."""
    place = UPath("memory://anywhere")

    with pytest.raises(ValueError, match="ours"), object_stores.as_os_error(place):
        raise ValueError("ours")
