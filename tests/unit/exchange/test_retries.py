import pytest

from include.exchange.replies import RejectedRequestError
from include.exchange.retries import retry_delay
from include.records.errors import (
    ExchangeBusyError,
    InvalidAnswerError,
    RetryableError,
    SettingsError,
)


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.4), (2, 0.8), (3, 1.6), (4, 3.2), (5, 6.4), (6, 10), (99, 10)]
)
def test_backs_off_anywhere_below_a_bound_that_doubles(attempt, longest):
    """Full jitter: the draw chooses between nothing and the bound."""
    error = RetryableError("HTTP 503")

    assert retry_delay(error, attempt, 60, draw=0.0) == 0
    assert retry_delay(error, attempt, 60, draw=0.5) == longest / 2


def test_keeps_a_pause_to_its_end_and_up_to_a_second_more():
    pause = ExchangeBusyError("HTTP 429", wait_seconds=12)

    assert retry_delay(pause, 1, 60, draw=0.0) == 12
    assert retry_delay(pause, 1, 60, draw=0.25) == 12.25


def test_does_not_wait_longer_than_the_answer_is_of_use():
    assert retry_delay(ExchangeBusyError("ban", wait_seconds=120), 1, 60, draw=0) is None
    assert retry_delay(RetryableError("HTTP 503"), 9, 4, draw=0.5) is None


def test_begins_no_attempt_that_has_no_time_left():
    """A pause of 3 s with half a second for the attempt: 3.5 s are not enough, 3.6 s are."""
    pause = ExchangeBusyError("HTTP 429", wait_seconds=3)

    assert retry_delay(pause, 1, 3.5, draw=0) is None
    assert retry_delay(pause, 1, 3.6, draw=0) == 3


@pytest.mark.parametrize(
    "error",
    [
        RejectedRequestError(-1121, "Invalid symbol."),
        InvalidAnswerError("no JSON", b"<html>"),
        SettingsError("refused"),
        ValueError("a fault of ours"),
    ],
    ids=["refused request", "invalid answer", "settings", "foreign"],
)
def test_sends_nothing_again_that_would_fail_again(error):
    assert retry_delay(error, 1, 60, draw=0.5) is None
