"""The forms of the DAGs that are run by hand."""

from enum import StrEnum
from typing import Any

from airflow.sdk import Param

from include.orchestration.defaults import LANDING_DAYS


class Action(StrEnum):
    """What replay_quarantine may do with refused rows."""

    LIST = "list"
    """Only show open rows."""
    REPLAY = "replay"
    """Send them through the gate again."""
    CLOSE = "close"
    """Exclude them for good."""


class Kind(StrEnum):
    """What maintain clears; each is a task of its own."""

    AIRFLOW = "airflow"
    """Runs, tasks, XComs and events in Airflow's metadata."""
    TASK_LOGS = "task_logs"
    """Airflow's log files."""
    LANDING = "landing"
    """Batches as they were fetched, and their verdicts."""
    DATA_DOCS = "data_docs"
    """Results and pages that no build of Data Docs knows."""
    REPORTS = "reports"
    """Hourly and daily reports."""
    EXPORTS = "exports"
    """CSV and Parquet files, and their manifests."""
    QUARANTINE = "quarantine"
    """Refused rows that are settled."""
    DRAFTS = "drafts"
    """Files that a killed writer did not finish."""
    SNAPSHOTS = "snapshots"
    """Cassandra's snapshots: they are only named, since no client can remove them."""


REPLAY_QUARANTINE: dict[str, Any] = {
    "action": Param(
        Action.LIST.value,
        enum=[action.value for action in Action],
        description="list: only show open rows. replay: send them through the gate again. "
        "close: exclude them for good.",
    ),
    "symbols": Param(
        [], type=["array", "null"], description="One per line; empty means all of `symbols`."
    ),
    "since": Param(
        None,
        type=["string", "null"],
        format="date",
        description="First day of detection, UTC; empty means as many days up to `until` as "
        f"batches are kept (the Variable landing_days, {LANDING_DAYS}).",
    ),
    "until": Param(
        None, type=["string", "null"], format="date", description="Last day; empty means today."
    ),
    "expectations": Param(
        [],
        type=["array", "null"],
        description="Only rows that fail one of these, such as expect_prices_to_be_in_order.",
    ),
    "accept": Param(
        [],
        type=["array", "null"],
        description="Store rows that fail only these. Requires a note.",
    ),
    "rows": Param(
        [],
        type=["array", "null"],
        description="Only these rows, by the digest that list shows. Of several different rows "
        "for the same moment, at most one is accepted.",
    ),
    # Not of type string alone: Airflow's form would require one to list, too.
    "note": Param(
        None,
        type=["string", "null"],
        description="The reason, kept with the rows; required to close, or to accept.",
    ),
}

BACKFILL_PRICES: dict[str, Any] = {
    "symbols": Param(
        [], type=["array", "null"], description="One per line; empty means all of `symbols`."
    ),
    "from": Param(None, type="string", format="date", description="First day, UTC."),
    "to": Param(None, type="string", format="date", description="Last day, UTC, inclusive."),
    "source": Param(
        "auto",
        enum=["auto", "archive", "rest"],
        description="auto: the daily archives, then the REST API for what they lack. archive: "
        "the daily archives only. rest: the REST API only, a hundred requests per day and symbol.",
    ),
    "force": Param(
        False,  # noqa: FBT003 - a default, not a switch
        type="boolean",
        description="Fetch complete days too; only what differs is published again.",
    ),
}

AUDIT_PRICES: dict[str, Any] = {
    "from": Param(
        None,
        type=["string", "null"],
        format="date",
        description="First day, UTC; empty means as many days up to `to` as the Variable "
        "audit_days says (7), and without `to` some older ones, too.",
    ),
    "to": Param(
        None, type=["string", "null"], format="date", description="Last day; empty means yesterday."
    ),
}

MAINTAIN: dict[str, Any] = {
    "only_count": Param(
        False,  # noqa: FBT003 - a default, not a switch
        type="boolean",
        description="Only report what would be removed; remove nothing.",
    ),
}

WATCH_PRICES: dict[str, Any] = {
    "test": Param(
        False,  # noqa: FBT003 - a default, not a switch
        type="boolean",
        description="Check the rules and send one test message to every channel; judge nothing.",
    ),
}
