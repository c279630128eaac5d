"""What is old goes, in a folder and in an object store; what is not, and what is new, stays."""

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from upath import UPath

from include.storage import clearing
from include.storage.clearing import Clearing, FoundFile, Limits, Tally, clear, is_abandoned
from tests.fakes.builders import NOON


@pytest.fixture(params=["folder", "memory"])
def root(request, tmp_path):
    roots = {"folder": str(tmp_path / "kept"), "memory": f"memory://kept-{uuid4().hex}"}
    return UPath(roots[request.param])


def write(root, *paths):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("12345")


def held(root):
    found = root.fs.find(root.path) if root.exists() else []
    return sorted(path.removeprefix(root.path).lstrip("/") for path in found)


def limits(*, only_count=False, is_time_up=lambda: False, say=lambda _: None):
    return Limits(only_count, is_time_up, say)


def is_old(file):
    return "old" in file.path


def test_removes_what_is_old_and_counts_it(root):
    """Two of three files, of five bytes each."""
    write(root, "a/old.txt", "b/new.txt", "c/d/old.txt")

    done = clear(root, is_old, limits())

    assert held(root) == ["b/new.txt"]
    assert done == Clearing(Tally(3, 15), Tally(2, 10), Tally(2, 10))


def test_removes_nothing_where_it_only_counts(root):
    write(root, "a/old.txt", "b/new.txt")

    done = clear(root, is_old, limits(only_count=True))

    assert held(root) == ["a/old.txt", "b/new.txt"]
    assert done == Clearing(Tally(2, 10), Tally(1, 5), Tally())


def test_does_nothing_the_second_time(root):
    write(root, "old.txt", "new.txt")
    clear(root, is_old, limits())

    assert clear(root, is_old, limits()) == Clearing(Tally(1, 5))


def test_has_nothing_to_do_where_there_is_no_folder(root):
    assert clear(root / "absent", is_old, limits()) == Clearing()


def test_stops_when_the_time_is_up_and_goes_on_the_next_time(root, monkeypatch):
    """Each look at the time lets one more folder, or one more group of objects, through."""
    monkeypatch.setattr(clearing, "OBJECTS_A_CALL", 1)
    write(root, *(f"{number}/old.txt" for number in range(5)))
    looks = iter([False, False, True])

    done = clear(root, is_old, limits(is_time_up=lambda: next(looks)))

    assert done.removed.count == 2
    assert not done.is_finished
    assert len(held(root)) == 3
    assert clear(root, is_old, limits()).is_finished
    assert held(root) == []


def test_says_how_far_it_is_after_each_group(root):
    write(root, "a/old.txt", "b/new.txt")
    said = []

    done = clear(root, is_old, limits(say=said.append))

    assert said[-1] == done


def test_removes_folders_that_it_has_emptied_and_no_others(tmp_path):
    """One that is empty already may just have been made, by a writer that is about to write."""
    root = UPath(tmp_path)
    write(root, "a/b/c/old.txt", "d/old.txt", "d/new.txt")
    (tmp_path / "made").mkdir()

    clear(root, is_old, limits())

    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "made"]
    assert tmp_path.exists()


def test_one_that_cannot_be_removed_is_named_and_stops_no_other(tmp_path, monkeypatch):
    root = UPath(tmp_path)
    write(root, "a/old.txt", "b/old.txt", "c/old.txt")
    unlink = clearing.Path.unlink

    def refuse(self, **options):
        if self.parent.name == "b":
            raise PermissionError(13, "Permission denied")
        unlink(self, **options)

    monkeypatch.setattr(clearing.Path, "unlink", refuse)

    done = clear(root, is_old, limits())

    assert held(root) == ["b/old.txt"]
    assert done.problem == f"{tmp_path}/b/old.txt: Permission denied"
    assert (done.old.count, done.removed.count) == (3, 2)


def test_follows_no_link_out_of_the_folder(tmp_path):
    write(UPath(tmp_path), "other/old.txt", "root/a/new.txt")
    (tmp_path / "root" / "old_link").symlink_to(tmp_path / "other")

    clear(UPath(tmp_path / "root"), is_old, limits())

    assert (tmp_path / "other" / "old.txt").exists()


def test_knows_when_a_local_file_was_written(tmp_path):
    write(UPath(tmp_path), "a.txt")
    os.utime(tmp_path / "a.txt", (NOON.timestamp(), NOON.timestamp()))
    seen = []

    clear(UPath(tmp_path), lambda file: bool(seen.append(file)), limits())

    assert seen == [FoundFile("a.txt", 5, NOON)]


def test_a_draft_is_abandoned_after_a_day():
    """Its writer would have ended, or been killed, long before."""
    yesterday = NOON - timedelta(hours=25)

    def found(name, moment):
        return is_abandoned(FoundFile(f"csv/{name}", 4, moment), NOON)

    assert found(".latest.csv.1.draft", yesterday)
    assert not found(".latest.csv.1.draft", NOON - timedelta(hours=23))
    assert not found(".latest.csv.1.draft", None)
    assert not found("latest.csv", datetime(2020, 1, 1, tzinfo=UTC))
    assert not found("notes.draft", yesterday)
