"""A load that is cut off ends with every row once; ./dev/bench outage loads half a million."""

from dev.bench_outage import kill_loader, kill_server
from include.marketdata.session import SESSIONS

ROWS = 60_000


def test_goes_on_by_itself_after_the_server_was_killed(tmp_path):
    """With SIGKILL in the middle, and started again: nothing that was acknowledged is lost."""
    outage = kill_server(tmp_path, rows=ROWS, outage_seconds=3.0)
    SESSIONS.close()

    assert ROWS // 2 <= outage.acknowledged < ROWS
    assert outage.kept == outage.acknowledged
    assert outage.found == ROWS


def test_ends_with_every_row_once_when_it_was_killed_and_is_run_again(tmp_path):
    outage = kill_loader(tmp_path, rows=ROWS)
    SESSIONS.close()

    assert ROWS // 2 <= outage.acknowledged < ROWS
    assert outage.kept == outage.acknowledged
    assert outage.found == ROWS
