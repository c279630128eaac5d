import signal
import threading

import pytest

from include.records.errors import RetryableError
from include.records.isolation import run_each


def halved(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


@pytest.mark.parametrize("at_a_time", [1, 3])
def test_does_the_others_when_one_fails(at_a_time):
    apart = run_each([4, 3, 2, 4], halved, at_a_time=at_a_time)

    assert apart.done == {4: 2, 2: 1}
    assert {key: str(error) for key, error in apart.failed.items()} == {3: "3 is odd"}


def test_works_at_some_at_a_time():
    """Each waits for the other, so that one after the other would never end."""
    both = threading.Barrier(2, timeout=10)

    assert len(run_each(["one", "two"], lambda _: both.wait(), at_a_time=2).done) == 2


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_ends_at_once_for_what_the_others_would_meet_too(at_a_time):
    def ask(_):
        raise RetryableError("nobody answers")

    with pytest.raises(RetryableError):
        run_each([1, 2], ask, at_a_time=at_a_time, stop_on=RetryableError)


def test_does_not_hold_back_what_ends_a_process():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_each([1], stop)


def test_a_time_limit_does_not_wait_for_the_threads():
    """Airflow's, too, is a signal whose handler raises: one thread here hangs until the end."""
    is_over, ended = threading.Event(), []

    class TimeOverError(BaseException):
        pass

    def end(*_):
        raise TimeOverError

    def hang(number):
        is_over.wait(20)
        ended.append(number)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeOverError):
            run_each([1, 2], hang, at_a_time=2)
        assert ended == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        is_over.set()
