"""An exchange whose servers lag behind by half a second to three: no minute is taken too early."""

from dev.benchmarks.bench_stack import first_symbols
from include.pipeline.fetching import LOOKS
from tests.defects.settling import settle


def test_fetches_no_minute_before_it_has_settled():
    found = settle(first_symbols(3), minutes=20)

    assert len(found.waits) == 60
    assert (found.revised_count, found.wrong_count) == (0, 0)
    # Many were asked for again, and the lag of a few was over the first time.
    assert min(found.waits) < LOOKS[1].total_seconds() < max(found.waits)
    assert found.weight <= 7 * len(found.waits)
