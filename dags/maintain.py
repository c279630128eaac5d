"""Removes what is older than its setting from everything that grows, kind by kind.

**Runs** every day at 03:30 UTC, when no other daily DAG does, behind the live prices: at a low
priority, one kind after another, half an hour each at most. It is not paused at first. By hand,
its form can ask to only count.

**Updates** Airflow's metadata and task logs; `landing/`, `gx/`, `reports/` and `exports/` in the
folder of the Variable `storage_url`; `quarantined_row`. How long each is kept is a Variable, and
exports, daily reports and settled rows are kept until one says otherwise: docs/operations.md.
Batches that may not be loaded, open rows, unfinished runs and the newest run of a DAG stay.

**Safe to re-run**: each kind removes what is old now, and what was interrupted is continued.

**When it fails**: the kind is named in its task, with the setting that is not valid, the server
that does not answer or the file that cannot be removed; the other kinds are cleared. See
docs/runbook.md.
"""

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from include.orchestration.defaults import DEFAULT_ARGS, UPKEEP
from include.orchestration.forms import MAINTAIN, Kind
from include.orchestration.messages import UpkeepMessage


@dag(
    description="Remove what is older than its setting from everything that grows, once a day.",
    # Without a start date the first run waits for its hour.
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    # Else disks fill up where nobody knows of it.
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS | UPKEEP,
    tags=["upkeep"],
    doc_md=__doc__,
    params=MAINTAIN,
)
def maintain() -> None:
    @task(map_index_template="{{ task.op_kwargs['kind'] }}", multiple_outputs=False)
    def keep_up(kind: str) -> UpkeepMessage:
        from include.tasks import maintain

        return maintain.keep_up(kind, get_current_context()["params"])

    keep_up.expand(kind=[kind.value for kind in Kind])


maintain()
