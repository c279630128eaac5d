from collections import Counter

from tests.defects.catalogue import BAD_ROWS, DEFECTS

REPORTED = 25


def test_numbers_every_defect_once_and_the_reported_ones_first():
    assert list(DEFECTS) == list(range(1, len(DEFECTS) + 1))
    assert len(DEFECTS) >= REPORTED


def test_says_of_each_what_becomes_of_it_and_who_says_so():
    assert all(defect.name and defect.expected and defect.source for defect in DEFECTS.values())


def test_has_rows_of_known_defects_alone_and_none_twice():
    assert {row.defect for row in BAD_ROWS} <= set(DEFECTS)
    cells = Counter((row.interval, *sorted(row.cells.items())) for row in BAD_ROWS)
    assert max(cells.values()) == 1
