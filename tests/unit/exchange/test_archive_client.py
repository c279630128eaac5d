import hashlib
import io
import zipfile
from datetime import date
from pathlib import Path

import httpx
import pytest
import stamina

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.archive_files import ArchiveFile, read_klines
from include.records.errors import (
    ArchiveDamagedError,
    ArchiveNotFoundError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)
from include.records.klines import Interval

RECORDED = Path("tests/data/binance/BTCUSDT-1m-2020-01-02.zip")
DAY = ArchiveFile("BTCUSDT", Interval.MINUTE, date(2020, 1, 2))
ROW = "{open},100.0,101.0,99.0,100.5,2.0,{close},201.0,3,1.0,100.5,0"


@pytest.fixture(autouse=True)
def _no_waits():
    with stamina.set_testing(True, attempts=4):
        yield


class Archive:
    """An archive of one file that can be cut off, changed and made to fail."""

    def __init__(self, content=None):
        self.content = RECORDED.read_bytes() if content is None else content
        self.checksum = hashlib.sha256(self.content).hexdigest()
        self.asked = []
        self.cut_at = None
        self.failures = []

    def __call__(self, request):
        asked_range = request.headers.get("range")
        self.asked.append((request.url.path.rsplit("/", 1)[-1], asked_range))
        if self.failures:
            return self.failures.pop(0)
        if request.url.path.endswith(".CHECKSUM"):
            return streamed(200, f"{self.checksum}  {DAY.name}\n".encode())
        start = int(asked_range[6:-1]) if asked_range else 0
        if start >= len(self.content):
            return streamed(416, b"")
        rest = self.content[start:]
        if self.cut_at:
            rest, self.cut_at = rest[: self.cut_at], None
            return httpx.Response(200, stream=Broken(rest))
        return streamed(206 if start else 200, rest)


class Broken(httpx.SyncByteStream):
    def __init__(self, start):
        self._start = start

    def __iter__(self):
        yield self._start
        raise httpx.ReadError("connection reset")


def streamed(status, content):
    headers = {"content-length": str(len(content))}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


def client(archive, folder, **settings):
    return ArchiveClient(ArchiveSettings(folder, **settings), httpx.MockTransport(archive))


def zipped(*members, **options):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return made.getvalue()


def klines_of(tmp_path, content, file=DAY):
    path = tmp_path / file.name
    path.write_bytes(content)
    return list(read_klines(file, path))


def test_fetches_a_day_whole_and_tells_its_progress(tmp_path):
    seen = []

    with client(Archive(), tmp_path) as archives:
        path = archives.fetch(DAY, lambda have, of: seen.append((have, of)))

    assert archives.source == "ARCHIVE data.binance.vision"
    assert path == tmp_path / "BTCUSDT-1m-2020-01-02.zip"
    assert path.read_bytes() == RECORDED.read_bytes()
    assert seen[-1] == (RECORDED.stat().st_size, RECORDED.stat().st_size)
    assert [entry.name for entry in tmp_path.iterdir()] == [DAY.name]


def test_asks_for_the_paths_of_the_archive():
    assert DAY.path == "/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2020-01-02.zip"


def test_goes_on_where_it_was_cut_off(tmp_path):
    archive = Archive()
    archive.cut_at = 5000

    with client(archive, tmp_path) as archives:
        path = archives.fetch(DAY)

    assert path.read_bytes() == RECORDED.read_bytes()
    assert [asked for name, asked in archive.asked if name == DAY.name] == [None, "bytes=5000-"]


def test_starts_over_when_the_archive_sends_the_whole_again(tmp_path):
    archive = Archive()
    part = tmp_path / f"{DAY.name}.{archive.checksum[:16]}.part"
    part.write_bytes(b"x" * 100)
    whole = streamed(200, archive.content)
    answers = iter([streamed(200, f"{archive.checksum}  {DAY.name}".encode()), whole])

    with client(lambda _: next(answers), tmp_path) as archives:
        assert archives.fetch(DAY).read_bytes() == archive.content


def test_needs_no_more_when_the_part_is_the_whole(tmp_path):
    archive = Archive()
    (tmp_path / f"{DAY.name}.{archive.checksum[:16]}.part").write_bytes(archive.content)

    with client(archive, tmp_path) as archives:
        assert archives.fetch(DAY).read_bytes() == archive.content


def test_does_not_fetch_again_what_is_there(tmp_path):
    archive = Archive()
    with client(archive, tmp_path) as archives:
        archives.fetch(DAY)

        archives.fetch(DAY)

    assert [name for name, _ in archive.asked].count(DAY.name) == 1


def test_fetches_a_day_again_that_was_issued_anew(tmp_path):
    with client(Archive(), tmp_path) as archives:
        archives.fetch(DAY)
    anew = Archive(zipped(("BTCUSDT-1m-2020-01-02.csv", "")))

    with client(anew, tmp_path) as archives:
        path = archives.fetch(DAY)

    assert path.read_bytes() == anew.content


def test_deletes_what_is_not_as_its_checksum_says_and_starts_clean(tmp_path):
    archive = Archive()
    archive.checksum = "0" * 64

    with client(archive, tmp_path) as archives, pytest.raises(ArchiveDamagedError, match=DAY.name):
        archives.fetch(DAY)

    assert list(tmp_path.iterdir()) == []


def test_says_that_there_is_no_such_day(tmp_path):
    archive = Archive()
    archive.failures = [streamed(404, b"")]

    with client(archive, tmp_path) as archives, pytest.raises(ArchiveNotFoundError, match="listed"):
        archives.fetch(DAY)

    assert len(archive.asked) == 1


def test_asks_again_after_a_passing_failure(tmp_path):
    archive = Archive()
    archive.failures = [streamed(503, b""), streamed(429, b"")]

    with client(archive, tmp_path) as archives:
        assert archives.fetch(DAY).exists()


def test_gives_up_with_a_cause(tmp_path):
    def answer(_request):
        raise httpx.ConnectError("refused")

    with client(answer, tmp_path) as archives, pytest.raises(RetryableError, match="refused"):
        archives.fetch(DAY)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"abc  BTCUSDT-1m-2020-01-02.zip", b"0" * 64 + b"  ETHUSDT-1m.zip"]
)
def test_refuses_what_is_no_checksum_of_the_file(tmp_path, body):
    with (
        client(lambda _: streamed(200, body), tmp_path) as archives,
        pytest.raises(InvalidAnswerError, match="not a checksum"),
    ):
        archives.fetch(DAY)


def test_follows_no_redirect(tmp_path):
    archive = Archive()
    archive.failures = [httpx.Response(302, headers={"location": "https://evil.example/"})]

    with client(archive, tmp_path) as archives, pytest.raises(InvalidAnswerError, match="302"):
        archives.fetch(DAY)


@pytest.mark.parametrize(
    "url", ["http://data.binance.vision", "https://evil.example", "https://data.binance.vision@e.x"]
)
def test_refuses_another_address(tmp_path, url):
    with pytest.raises(SettingsError, match=r"data\.binance\.vision"):
        client(Archive(), tmp_path, base_url=url)


def test_reads_a_recorded_day_of_milliseconds(tmp_path):
    rows = klines_of(tmp_path, RECORDED.read_bytes())

    with zipfile.ZipFile(RECORDED) as archive:
        lines = archive.read("BTCUSDT-1m-2020-01-02.csv").decode().split()
    assert [[str(cell) for cell in row] for row in rows] == [line.split(",") for line in lines]
    assert rows[0][0] == 1577923200000
    assert rows[0][6] == 1577923259999
    assert isinstance(rows[0][8], int)


def test_reads_a_day_of_microseconds_as_milliseconds(tmp_path):
    """Binance's own: opens 1778198400000000, closes 1778201999999999."""
    text = ROW.format(open=1778198400000000, close=1778198459999999)

    (row,) = klines_of(tmp_path, zipped(("BTCUSDT-1m-2020-01-02.csv", text)))

    assert (row[0], row[6]) == (1778198400000, 1778198459999)


def test_passes_over_a_header(tmp_path):
    text = "open_time,open,high\n" + ROW.format(open=1577923200000, close=1577923259999)

    assert len(klines_of(tmp_path, zipped(("BTCUSDT-1m-2020-01-02.csv", text)))) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip", "damaged"),
        (RECORDED.read_bytes()[:-3000], "damaged"),
        (zipped(("BTCUSDT-1m-2020-01-02.csv", ""), ("two.csv", "")), "alone"),
        (zipped(("../BTCUSDT-1m-2020-01-02.csv", "")), "alone"),
        (zipped(("BTCUSDT-1m-2020-01-02.csv", " " * 1_000_000)), "unpacks to more than 374400"),
        (zipped(("BTCUSDT-1m-2020-01-02.csv", "1,2,3")), "line 1: not a kline"),
        (
            zipped(("BTCUSDT-1m-2020-01-02.csv", ROW.format(open=1778198400000001, close=1))),
            "the open time is not a whole millisecond",
        ),
        (zipped(("BTCUSDT-1m-2020-01-02.csv", ROW.format(open=1, close="x"))), "1: not a kline"),
    ],
    ids=["no zip", "cut off", "two", "path", "bomb", "columns", "off ms", "time"],
)  # fmt: skip
def test_refuses_a_file_that_is_no_day(tmp_path, content, words):
    with pytest.raises(InvalidAnswerError, match=words):
        klines_of(tmp_path, content)


def test_stops_at_a_bomb_that_lies_about_its_size(tmp_path):
    """The size that a zip states is only words: here 100 bytes for a megabyte."""
    bomb = bytearray(zipped(("BTCUSDT-1m-2020-01-02.csv", "1" * 1_000_000)))
    for place in (22, bomb.index(b"PK\x01\x02") + 24):
        bomb[place : place + 4] = (100).to_bytes(4, "little")

    with pytest.raises(InvalidAnswerError):
        klines_of(tmp_path, bytes(bomb))


def test_refuses_an_encrypted_file(tmp_path):
    locked = bytearray(zipped(("BTCUSDT-1m-2020-01-02.csv", "x")))
    for place in (6, locked.index(b"PK\x01\x02") + 8):
        locked[place] |= 1

    with pytest.raises(InvalidAnswerError, match="encrypted"):
        klines_of(tmp_path, bytes(locked))
