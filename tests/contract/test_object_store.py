"""The pipeline's files in an S3 server: what one process writes, another reads, and each error."""

import gzip
import json
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest
import s3fs
from upath import UPath

from dev.machine.home import Home
from dev.machine.ports import any_free_port
from dev.machine.processes import Processes
from dev.stack import object_store
from dev.stack.object_store import BUCKET, Refusal, refusing
from include.gx.docs_index import Index
from include.orchestration.failures import explain_disk_full
from include.pipeline.landing import (
    has_verdict,
    is_checked,
    is_fetched,
    land_batch,
    land_failure,
    land_verdict,
    read_batch,
    read_verdict,
    unloaded_batch,
)
from include.records.errors import LostBatchError, RetryableError
from include.storage.object_stores import read_file
from include.storage.whole_files import write_whole
from include.web.prices_page import _reports as reports_of
from include.web.responses import file_below
from tests.fakes.builders import NOON, batch, verdict

BATCH = f"{object_store.URL}/landing/2026-01-01/BTCUSDT/1200-1201-00000000.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def port(home):
    """Of an object store that runs as long as this module's tests."""
    chosen, processes = any_free_port(), Processes(home.run, home.logs)
    try:
        object_store.start_object_store(home, processes, chosen)
        yield chosen
    finally:
        processes.stop()


@pytest.fixture
def url(port, monkeypatch):
    """Its folder for the pipeline, reached as a worker reaches it: by the environment."""
    for name, value in object_store.surroundings(port).items():
        monkeypatch.setenv(name, value)
    # Otherwise a refused request is tried again for a minute.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    yield object_store.URL
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def other(port):
    """Another process, as far as what is remembered goes: a client of its own."""
    return object_store.client(port)


@pytest.mark.usefixtures("url")
def test_a_batch_is_read_as_it_was_landed():
    landed = batch()
    land_batch(BATCH, landed)

    assert is_fetched(BATCH)
    assert read_batch(BATCH) == landed


def test_a_batch_takes_eight_requests_from_fetch_to_load(url, monkeypatch):
    """A listing costs as much as a dozen of them; docs/scaling.md multiplies these."""
    asked = Counter()
    call = s3fs.S3FileSystem._call_s3  # noqa: SLF001 - all of them pass here

    async def counted(self, method, *arguments, **options):
        asked[method] += 1
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    counted_url = f"{url}/landing/2026-01-04/BTCUSDT/1200-1201-00000000.json"

    land_batch(counted_url, batch())
    assert is_fetched(counted_url)
    read_batch(counted_url)
    assert not has_verdict(counted_url)
    land_verdict(counted_url, verdict())
    assert is_checked(counted_url)
    read_batch(counted_url)
    read_verdict(counted_url)
    assert asked == {"put_object": 2, "get_object": 6}

    assert is_fetched(f"{url}/landing/absent.json") is None
    assert asked == {"put_object": 2, "get_object": 8}


def test_a_batch_that_lands_elsewhere_is_seen_by_who_waits_for_it(url, other):
    awaited = f"{url}/landing/2026-01-02/BTCUSDT/1200-1201-00000000.json"
    assert is_fetched(awaited) is None
    # Lists the folder.
    assert unloaded_batch(url, "BTCUSDT", NOON, NOON.date()) is None

    other.pipe_file(awaited, gzip.compress(json.dumps({}).encode()))

    assert is_fetched(awaited)


def test_a_note_that_nothing_will_land_is_seen(url):
    missing = f"{url}/landing/2026-01-03/BTCUSDT/1200-1201-00000000.json"
    land_failure(missing, "no answer")

    assert is_fetched(missing) is False


def test_a_lost_batch_is_named(url):
    with pytest.raises(LostBatchError, match=r"absent\.json cannot be read"):
        read_batch(f"{url}/landing/absent.json")


def test_a_page_shows_reports_that_came_after_its_last_look(url, other):
    folder = UPath(url) / "reports"
    other.pipe_file(f"{url}/reports/hourly/2026-01-01T10.html", b"ten")
    assert reports_of(folder)["hourly"] == ["hourly/2026-01-01T10"]

    other.pipe_file(f"{url}/reports/hourly/2026-01-01T11.html", b"eleven")
    other.pipe_file(f"{url}/reports/latest.html", b"eleven")

    assert reports_of(folder) == {
        "latest": ["latest"],
        "hourly": ["hourly/2026-01-01T11", "hourly/2026-01-01T10"],
        "daily": [],
    }


def test_a_file_that_has_grown_is_served_whole(url, other):
    """Its size was ten bytes when the folder was listed."""
    folder = UPath(url) / "grown"
    other.pipe_file(f"{url}/grown/latest.html", b"0123456789")
    assert [*folder.glob("*.html")]
    other.pipe_file(f"{url}/grown/latest.html", b"0123456789 and more")

    assert file_below(folder, "latest.html", (".html",)).body == b"0123456789 and more"


def test_a_file_that_came_after_a_listing_is_served(url, other):
    folder = UPath(url) / "later"
    other.pipe_file(f"{url}/later/first.html", b"1")
    assert [*folder.glob("*.html")]
    other.pipe_file(f"{url}/later/second.html", b"2")

    assert file_below(folder, "second.html", (".html",)).body == b"2"


@pytest.mark.usefixtures("url")
def test_an_index_asks_for_no_bucket(port):
    """A role that may only use a bucket must not have to create one."""
    Index(UPath("s3://absent/data/gx"))

    names = httpx.get(object_store.endpoint_url(port), trust_env=False).text
    assert f"<Name>{BUCKET}</Name>" in names
    assert "absent" not in names


@contextmanager
def told(cause):
    """Expect the one sentence of a file that cannot be written."""
    cure = "create the bucket, make it reachable, or permit Airflow's workers"
    with pytest.raises(RetryableError, match=rf"cannot be written \(.*{cause}.*\): {cure}"):
        yield


@pytest.mark.usefixtures("url")
def test_a_missing_bucket_is_named():
    with told("bucket does not exist"), explain_disk_full("s3://absent/data"):
        write_whole(UPath("s3://absent/data/batch.json"), b"{}")


def test_a_role_without_permission_is_told(url, home):
    with refusing(home, Refusal.ACCESS_DENIED), told("Access Denied"), explain_disk_full(url):
        write_whole(UPath(url) / "batch.json", b"{}")


def test_a_server_that_cannot_be_reached_is_told(url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{any_free_port()}")
    s3fs.S3FileSystem.clear_instance_cache()

    with told("Could not connect"), explain_disk_full(url):
        write_whole(UPath(url) / "batch.json", b"{}")
    with pytest.raises(OSError, match="Could not connect"):
        read_file(UPath(url) / "batch.json")


def test_an_outage_loses_nothing(url, home):
    file = UPath(url) / "kept.csv"
    write_whole(file, b"a,b")

    with refusing(home, Refusal.SLOW_DOWN):
        with pytest.raises(OSError, match="reduce your request rate"):
            write_whole(file, b"c,d")
        with pytest.raises(OSError, match="reduce your request rate"):
            read_file(file)

    assert read_file(file) == b"a,b"
