"""What is clean passes: no row of a recording is refused, and hardly a minute flagged."""

import pytest

from tests.defects.alarms import alarms_on
from tests.defects.recordings import recordings


def marked(recording):
    marks = [pytest.mark.defect(recording.defect)] if recording.defect else []
    return pytest.param(recording, id=recording.name, marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("recording", [*map(marked, recordings())])
def test_refuses_no_row_of_a_clean_recording(checkpoints, recording):
    assert alarms_on(checkpoints, recording).hard == 0


@pytest.mark.slow
def test_flags_less_than_one_minute_of_a_symbol_and_day(checkpoints):
    found = [alarms_on(checkpoints, recording) for recording in recordings()]

    assert sum(each.soft for each in found) < sum(each.symbol_days for each in found)
