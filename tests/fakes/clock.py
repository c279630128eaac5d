"""A clock that a test moves."""

from datetime import timedelta

from tests.fakes.builders import NOON


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, now=NOON):
        self.now = now
        self.on_tick = lambda: None

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.on_tick()
