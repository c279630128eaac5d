"""The price watch, run by run, as the DAG keeps it."""

from dataclasses import replace
from datetime import timedelta

from include.records.prices import Flag
from include.records.windows import MINUTE
from include.watch.evaluation import evaluate, windows_needed
from include.watch.settings import read_watch
from include.watch.states import RuleState, watched_symbols
from tests.fakes.builders import NOON, average

ABOVE = "{name: high, kind: price_above, symbols: BTCUSDT, threshold: 100, hysteresis_ratio: 0.01}"
BELOW = "{name: low, kind: price_below, symbols: BTCUSDT, threshold: 100, hysteresis_ratio: 0.01}"
MOVE = "{name: fast, kind: move, symbols: BTCUSDT, minutes: 2, threshold_ratio: 0.02}"
QUALITY = "{name: poor, kind: quality_below, grade: B, symbols: BTCUSDT, hysteresis_minutes: 2}"
AGE = "{name: old, kind: older_than, minutes: 10, symbols: BTCUSDT}"


class Watcher:
    """A price watch over published minutes, run by run, as the DAG keeps it."""

    def __init__(self, *rules):
        self.say(*rules)
        self.published = {}
        self.states = {}

    def say(self, *rules):
        text = "rules: [" + ", ".join(rules) + "]"
        self.watched = watched_symbols(read_watch(text, "the test").rules, ("BTCUSDT",))

    def publish(self, *averages):
        self.published |= {each.minute: each for each in averages}

    def run(self, now):
        windows = windows_needed(self.watched, self.states, now).get("BTCUSDT", [])
        read = [
            each
            for each in self.published.values()
            if any(each.minute in window for window in windows)
        ]
        said, states = evaluate(self.watched, {"BTCUSDT": read}, self.states, now)
        # What is remembered travels as JSON.
        self.states = {
            key: RuleState.model_validate_json(state.model_dump_json(exclude_defaults=True))
            for key, state in states.items()
        }
        return said

    def each_minute(self, *vwaps):
        """Publish one minute after another from noon on, look after each, return what is said."""
        return [
            change
            for index, vwap in enumerate(vwaps)
            for change in self.see(NOON + index * MINUTE, vwap)
        ]

    def see(self, minute, vwap, **changes):
        flag = Flag.OK if vwap is not None else Flag.NO_TRADES
        self.publish(replace(average(minute, vwap=vwap, flag=flag), **changes))
        return [(each.change, minute) for each in self.run(minute + MINUTE + timedelta(seconds=9))]


def at(index):
    return NOON + index * MINUTE
