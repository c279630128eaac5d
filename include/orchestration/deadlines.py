"""The deadline of a run that publishes, by Airflow's Deadline Alerts, and who is alerted of it.

The triggerer runs the callback: it does not need a place among the tasks, which may be what the run
waits for.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from airflow.sdk import (  # type: ignore[attr-defined] # the stub has no deadlines
    AsyncCallback,
    Context,
    DeadlineAlert,
    DeadlineReference,
    Variable,
)

from include.orchestration.alerts import mail, write
from include.orchestration.context import now
from include.orchestration.defaults import WAITING
from include.records.runbook import Heading, see
from include.records.windows import SECOND

# A run that is not queued behind another has ended by then, whatever it had to catch up with: its
# task is stopped before.
PUBLISHES_WITHIN = cast(timedelta, WAITING["execution_timeout"]) + 10 * SECOND
# While a fault lasts, each minute's run misses its deadline.
MAILED_EVERY = timedelta(hours=1)
MAILED_AT = "deadline_mailed_at"


async def alert_late_publication(context: Mapping[str, Any]) -> None:
    """Alert that a run has not published by its deadline; mail it once an hour at most.

    Args:
        context: The scheduler's: `dag_run` as in Airflow's REST API, and `deadline`.
    """
    # Variables, connections and mail servers block, and the triggerer's loop must not.
    await asyncio.to_thread(_alert, context)


def _alert(context: Mapping[str, Any]) -> None:
    messages, moment = [describe_miss(context["dag_run"])], now()
    write(messages)
    mailed_at: str = Variable.get(MAILED_AT, default="")
    if mailed_at and moment - datetime.fromisoformat(mailed_at) < MAILED_EVERY:
        return
    if mail(messages, cast(Context, {})):
        Variable.set(
            MAILED_AT,
            moment.isoformat(),
            description="When a missed deadline was last mailed; delete it to be mailed the next.",
        )


def describe_miss(run: Mapping[str, Any]) -> str:
    """Return the alert about a run that missed its deadline.

    Args:
        run: As in Airflow's REST API.
    """
    seconds = PUBLISHES_WITHIN // SECOND
    return see(
        f"{run['dag_id']} has not published within {seconds} s: run {run['dag_run_id']}, queued at "
        f"{run['queued_at']}, is {run['state']}",
        Heading.DEADLINE,
    )


# From when the run was queued: a run that is created late, as after a restart, has its full time,
# and a person who runs old ones alerts nobody. Until Airflow corrects it, a run cannot be cleared
# before its deadline is over (https://github.com/apache/airflow/issues/70368).
PUBLISH_DEADLINE = DeadlineAlert(
    name="publish",
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=PUBLISHES_WITHIN,
    callback=AsyncCallback(alert_late_publication),
)
