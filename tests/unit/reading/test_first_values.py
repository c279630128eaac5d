from include.reading.first_values import first_values, newest_valued
from include.records.prices import Flag
from include.store.candles import CauseRow

MINUTE_MS = 60_000


def row(place, revision, delay_ms, flag):
    """A revision of the minute of that number, so long after its end."""
    return CauseRow(place * MINUTE_MS, revision, (place + 1) * MINUTE_MS + delay_ms, flag.value)


def test_measures_to_the_first_value_and_counts_the_gap_before_it():
    """Minute 0 at once, 1 after a gap, 2 still a gap, 3 silent, 4 a gap only after its value."""
    rows = [
        row(0, 1, 7_000, Flag.OK),
        row(0, 2, 90_000, Flag.OK),
        row(1, 1, 20_000, Flag.INGEST_GAP),
        row(1, 2, 80_000, Flag.PARTIAL),
        row(2, 1, 20_000, Flag.INGEST_GAP),
        row(3, 1, 9_000, Flag.NO_TRADES),
        row(4, 1, 8_000, Flag.OK),
        row(4, 2, 30_000, Flag.INGEST_GAP),
    ]

    found = first_values(rows)

    assert found.delays_ms == {0: 7_000, MINUTE_MS: 80_000, 4 * MINUTE_MS: 8_000}
    assert found.gap_first_count == 1


def test_the_newest_with_a_value_is_known_since_its_first_value():
    rows = [
        row(0, 1, 20_000, Flag.INGEST_GAP),
        row(0, 2, 25_000, Flag.OK),
        row(0, 3, 60_000, Flag.OK),
        row(1, 1, 20_000, Flag.INGEST_GAP),
    ]

    assert newest_valued(rows) == rows[1]
    assert newest_valued(rows[3:]) is None
