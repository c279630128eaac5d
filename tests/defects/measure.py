"""The known defects of market data: how many are caught, and what is said of clean recordings."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from collections import defaultdict

import pytest

from include.gx.checkpoints import Checkpoints
from tests.defects.alarms import alarms_on
from tests.defects.catalogue import DEFECTS
from tests.defects.recordings import recordings

TESTS = ("tests/defects", "tests/unit", "tests/dags")


class Tally:
    """Counts, for each defect, the tests that show it."""

    def __init__(self) -> None:
        self.passed: dict[int, int] = defaultdict(int)
        self.failed: dict[int, list[str]] = defaultdict(list)
        self._numbers: dict[str, list[int]] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the tests that carry a number."""
        numbered = {
            item.nodeid: [mark.args[0] for mark in item.iter_markers("defect")] for item in items
        }
        self._numbers = {name: numbers for name, numbers in numbered.items() if numbers}
        config.hook.pytest_deselected(items=[i for i in items if i.nodeid not in self._numbers])
        items[:] = [item for item in items if item.nodeid in self._numbers]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended."""
        for number in self._numbers.get(report.nodeid, ()):
            if report.failed:
                self.failed[number].append(report.nodeid)
            elif report.when == "call" and report.passed:
                self.passed[number] += 1

    def is_caught(self, number: int) -> bool:
        """Tell whether every test of a defect passed, and there is one."""
        return bool(self.passed[number]) and not self.failed[number]


def main() -> None:
    """Run the tests that carry a defect's number, then the gate over clean recordings."""
    parser = argparse.ArgumentParser(prog="./dev/bench defects", description=__doc__)
    parser.parse_args()
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))
    # First: pytest takes the log's streams with it when it ends.
    is_clean = _show_alarms()
    tally = Tally()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        pytest.main(["-q", "-p", "no:cacheprovider", "-m", "defect", *TESTS], plugins=[tally])
    for number, defect in DEFECTS.items():
        state = "caught" if tally.is_caught(number) else "MISSED"
        print(
            f"{number:3} {state}  {defect.name}\n"
            f"             {defect.expected}; {tally.passed[number]} tests; {defect.source}"
        )
    caught = sum(map(tally.is_caught, DEFECTS))
    print(f"\n{caught} of {len(DEFECTS)} caught")
    if caught < len(DEFECTS):
        print(said.getvalue(), file=sys.stderr)
    sys.exit(caught < len(DEFECTS) or not is_clean)


def _show_alarms() -> bool:
    """Print what is said of clean recordings; tell whether that is little enough."""
    with tempfile.TemporaryDirectory() as folder:
        found = [
            (recording.name, alarms_on(Checkpoints(folder), recording))
            for recording in recordings()
        ]
    print("clean recordings: rows judged, hard and soft false alarms; confirmed jumps")
    for name, alarms in found:
        print(f"  {name}: {alarms.rows:,}, {alarms.hard}, {alarms.soft}; {alarms.confirmed}")
    days = sum(alarms.symbol_days for _, alarms in found)
    hard = sum(alarms.hard for _, alarms in found)
    soft = sum(alarms.soft for _, alarms in found)
    print(
        f"  {hard} hard, {soft} soft in {days:.3f} symbol-days ({soft / days:.2f} a symbol-day)\n"
    )
    return bool(hard == 0 and soft < days)


if __name__ == "__main__":
    main()
