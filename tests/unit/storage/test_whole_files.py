"""Files appear whole or not at all, also where their writer is killed in the middle."""

import ast
import os
import resource
import signal
import stat
from datetime import date
from pathlib import Path

import pytest
from upath import UPath

from include.gx.batches import check_batch
from include.gx.checkpoints import Checkpoints
from include.gx.data_docs import build_data_docs
from include.gx.docs_index import Retention
from include.gx.result_store import FolderStoreBackend
from include.pipeline.landing import land_verdict, read_batch, read_verdict
from include.records.errors import LostBatchError
from include.storage import whole_files
from include.storage.whole_files import write_whole
from tests.fakes.builders import NOON, batch, land, verdict

ROOT = Path(__file__).parents[3]
# Shorter than any file of these tests.
CUT_BYTES = 64
LONG = "x" * 1000


@pytest.fixture(params=["folder", "url", "memory"])
def target(request, tmp_path):
    roots = {"folder": str(tmp_path), "url": tmp_path.as_uri(), "memory": "memory://exports"}
    return UPath(roots[request.param]) / NOON.strftime("%H%M%S") / "latest.html"


def kill_in_the_middle(write):
    """Run something in a process that is killed when a file of it grows longer than the cut."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (CUT_BYTES, CUT_BYTES))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        write()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGXFSZ


def visible(folder):
    """What readers see of a folder: all but names that begin with a point."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in Path(folder).rglob("*")
        if file.is_file() and not file.name.startswith(".")
    }


def test_replaces_a_file_and_leaves_no_draft(target):
    write_whole(target, b"old")
    write_whole(target, "new")

    assert target.read_bytes() == b"new"
    assert [file.name for file in target.parent.iterdir()] == ["latest.html"]


def test_keeps_the_old_file_where_the_new_one_cannot_be_moved(tmp_path):
    """A folder lies where the file should go; what was written of it is gone."""
    target = UPath(tmp_path) / "latest.html"
    (target / "in the way").mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        write_whole(target, b"new")

    assert [file.name for file in tmp_path.iterdir()] == ["latest.html"]


def test_puts_an_object_in_one_request(monkeypatch):
    """Moving one would copy it; and there is no time at which half of it is to be seen."""
    target = UPath("memory://bucket/latest.html")
    put = []
    monkeypatch.setattr(whole_files, "OBJECT_STORES", {"memory"})
    monkeypatch.setattr(type(target.fs), "pipe_file", lambda _, *each: put.append(each))

    write_whole(target, b"new")

    assert put == [(target.path, b"new")]


def test_lets_nobody_else_read_a_secret(tmp_path):
    write_whole(tmp_path / "passwords.json", "{}", mode=0o600)

    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    target = tmp_path / "latest.html"
    write_whole(target, "old")

    kill_in_the_middle(lambda: write_whole(target, LONG))

    assert visible(tmp_path) == {"latest.html": b"old"}


def test_a_killed_fetch_leaves_no_batch(tmp_path):
    kill_in_the_middle(lambda: land(tmp_path, batch()))

    assert visible(tmp_path) == {}


def test_a_killed_check_leaves_the_batch_and_no_verdict(tmp_path):
    url = land(tmp_path, batch())
    kill_in_the_middle(lambda: land_verdict(url, verdict()))

    with pytest.raises(LostBatchError):
        read_verdict(url)

    land_verdict(url, verdict())
    assert (read_batch(url), read_verdict(url)) == (batch(), verdict())


def test_a_killed_check_leaves_no_result(tmp_path):
    store = FolderStoreBackend(str(tmp_path), filepath_suffix=".json")
    key = ("suite", "run", "time", "batch")

    kill_in_the_middle(lambda: store.set(key, LONG))

    assert visible(tmp_path) == {}
    assert not store.has_key(key)
    # Also where any name is a key.
    assert store.list_keys() == []
    assert FolderStoreBackend(str(tmp_path)).list_keys() == [(".ge_store_backend_id",)]


def test_a_killed_build_of_data_docs_is_made_up_by_the_next(tmp_path):
    """Each file it was killed in is absent or whole; none that is half counts as a result."""
    checkpoints = Checkpoints(str(tmp_path))
    check_batch(checkpoints, batch(), symbol="BTCUSDT", stored={})
    before = visible(tmp_path)

    def build():
        return build_data_docs(str(tmp_path), date.today(), Retention())  # noqa: DTZ011

    kill_in_the_middle(build)

    assert visible(tmp_path) == before
    made = build()
    assert made.page_count == len([name for name in before if name.startswith("new/")])
    assert "</html>" in (tmp_path / "docs" / "index.html").read_text()


# Those that write in place, and why no reader can meet a part.
IN_PLACE = {
    "include/storage/whole_files.py": "it writes drafts",
    "include/exchange/archive_client.py": "downloads go to .part, and move when they are whole",
    "include/simulator/requests/request_log.py": "a log",
    "include/simulator/tapes/store.py": "a folder of its own process",
    "include/simulator/tapes/reader.py": "a folder of its own process",
    "dev/benchmarks/minute.py": "a folder of its own, before anything reads it",
    "dev/benchmarks/outage.py": "a log",
    "dev/browser/chromium.py": "a lock",
    "dev/machine/home.py": "a lock",
    "dev/cassandra_server/jars.py": "a lock",
    "dev/machine/processes.py": "a log",
}


def writes_in_place(node):
    """Tell whether a call writes a file under its own name."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    modes = [each.value for each in node.args if isinstance(each, ast.Constant)]
    return name in {"write_text", "write_bytes", "savefig", "to_csv", "to_parquet"} or (
        name in {"open", "fdopen"} and any(str(mode)[:1] in {"w", "a", "x"} for mode in modes)
    )


def test_no_module_writes_a_file_in_place_that_somebody_reads():
    folders = ("include", "dags", "plugins", "dev")
    found = {
        str(file.relative_to(ROOT))
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        if any(map(writes_in_place, ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    }

    assert found <= set(IN_PLACE), "use include.storage.whole_files.write_whole"
