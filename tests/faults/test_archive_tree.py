"""The archive's client against the simulator's archive tree, over a socket."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile, read_klines
from include.records.errors import ArchiveNotFoundError
from include.records.klines import Interval
from tests.faults.conftest import ANSWER_SECONDS

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def get(url, **options):
    return httpx.get(url, timeout=ANSWER_SECONDS, **options)


@pytest.mark.parametrize("interval", [Interval.MINUTE, Interval.SECOND])
def test_holds_the_same_klines_as_the_api(simulator, tmp_path, interval):
    """The last thousand of the day, digit for digit; XRPUSDT is quick to make."""
    file = ArchiveFile("XRPUSDT", interval, YESTERDAY)
    end_ms = int(datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=UTC).timestamp())
    end_ms = (end_ms + 86_400) * 1000 - 1

    with ArchiveClient(ArchiveSettings(tmp_path, simulator.url)) as archives:
        rows = list(read_klines(file, archives.fetch(file)))

    served = get(
        f"{simulator.url}/api/v3/klines",
        params={"symbol": "XRPUSDT", "interval": interval, "endTime": end_ms, "limit": 1000},
    ).json()
    assert len(rows) == 86_400_000 // interval.length_ms
    assert rows[-1000:] == served


def test_has_no_day_that_is_not_over(simulator, tmp_path):
    today = ArchiveFile("XRPUSDT", Interval.MINUTE, datetime.now(UTC).date())

    with (
        ArchiveClient(ArchiveSettings(tmp_path, simulator.url)) as archives,
        pytest.raises(ArchiveNotFoundError),
    ):
        archives.fetch(today)


@pytest.mark.parametrize(
    "path",
    [
        "klines/XRPUSDT/1m/ADAUSDT-1m-2026-11-01.zip",
        "klines/XRPUSDT/1m/XRPUSDT-1s-2026-11-01.zip",
        "klines/NOSUCH/1m/NOSUCH-1m-2026-11-01.zip",
        "klines/XRPUSDT/1m/XRPUSDT-1m-2026-02-30.zip",
        "klines/XRPUSDT/1m/",
    ],
)
def test_has_nothing_else(simulator, path):
    assert get(f"{simulator.url}/data/spot/daily/{path}").status_code == 404


def test_continues_from_an_offset_and_keeps_its_bytes(simulator):
    path = f"{simulator.url}/data/spot/daily/trades/XRPUSDT/XRPUSDT-trades-{YESTERDAY}.zip"
    whole = get(path)

    rest = get(path, headers={"range": "bytes=1000-"})
    beyond = get(path, headers={"range": f"bytes={len(whole.content)}-"})

    assert (whole.status_code, rest.status_code, beyond.status_code) == (200, 206, 416)
    assert rest.content == whole.content[1000:]
    assert rest.headers["etag"] == whole.headers["etag"]
