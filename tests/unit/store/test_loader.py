"""How fast rows are sent; that all arrive is shown on the real server."""

from cassandra.protocol import OverloadedErrorMessage, WriteTimeoutErrorMessage

from include.store.loader import Pace

OVERLOADED = OverloadedErrorMessage(0x1001, "busy", None)
TIMED_OUT = WriteTimeoutErrorMessage(0x1100, "late", None)


def test_halves_its_pace_for_an_overloaded_server_down_to_one_request():
    pace = Pace(8)

    seen = [pace.note([OVERLOADED]) or pace.in_flight for _ in range(4)]

    assert seen == [4, 2, 1, 1]


def test_comes_back_to_its_pace_by_one_request_a_round():
    pace = Pace(8)
    pace.note([OVERLOADED])

    seen = [pace.note([]) or pace.in_flight for _ in range(5)]

    assert seen == [5, 6, 7, 8, 8]


def test_keeps_its_pace_when_something_else_fails():
    pace = Pace(8)

    pace.note([TIMED_OUT])

    assert pace.in_flight == 8
