"""Two processes that publish the same minutes at once lose nothing and number nothing twice."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from include.records.windows import MINUTE, Window
from include.store.store import connect
from tests.fakes.builders import NOON, average

MINUTES = 1000
ROUNDS = 3
WINDOW = Window(NOON, NOON + MINUTES * MINUTE)


def publish(settings, worker, barrier):
    """Publish each minute's own value of this worker and round; return the revisions written."""
    table = connect(settings).minute_prices
    written = []
    for number in range(ROUNDS):
        barrier.wait()
        known_at = datetime.now(UTC)
        known_at = known_at.replace(microsecond=known_at.microsecond // 1000 * 1000)
        value = f"{worker + 1}.{number}"
        written += table.append(
            [average(minute, vwap=value) for minute in WINDOW.minutes()], known_at
        )
    return written


def test_numbers_the_revisions_of_two_processes_without_hole_or_double(empty):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as shared, ProcessPoolExecutor(2, mp_context=context) as pool:
        barrier = shared.Barrier(2)
        both = [pool.submit(publish, empty, worker, barrier) for worker in range(2)]
        written = [price for process in both for price in process.result()]

    history = connect(empty).minute_prices.history("BTCUSDT", WINDOW)
    by_minute = {}
    for price in history:
        by_minute.setdefault(price.average.minute, []).append(price)
    assert list(by_minute) == list(WINDOW.minutes())
    for revisions in by_minute.values():
        assert [price.revision for price in revisions] == list(range(1, len(revisions) + 1))
        known = [price.known_at for price in revisions]
        assert known == sorted(known)
    # What each process was told it wrote is there, and nothing else.
    assert sorted(written, key=lambda p: (p.average.minute, p.revision)) == history
    # Both wrote: the race was one.
    assert {str(price.average.vwap)[0] for price in history} == {"1", "2"}
