"""Fetches past days: from the daily archives first, from the REST API what those lack.

**Runs** by hand, with a form: symbols, first and last day, source, and whether to fetch complete
days too. One task for each symbol and day, two at a time, behind the live prices.

**Updates** `price_by_second`, `exchange_minute`, `quarantined_row`, `batch_log`, `backfilled_day`,
`minute_price` (a revision where the value or a flag changed), `restatement`, and the asset
`minute_prices`, which starts `report_prices`. The same gate, loader and averages as live.

**Safe to re-run**: a day is skipped when each of its minutes has a value, or a cause that will not
change; unchanged values are not written again. After an interruption only the remaining days are
fetched, and `finish` names those that are still incomplete. It ends with a sentence and a link to
the days on the page Prices.

**When it fails**: the order is not valid, and the form or `plan` says what to correct; or a day is
not available anywhere, its file is damaged, or the gate refuses it: its own task says so, the
others continue, and `finish` names the days that failed. See docs/runbook.md.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.orchestration.alerts import alert
from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, START
from include.orchestration.forms import BACKFILL_PRICES
from include.orchestration.messages import DayMessage, DoneMessage


@dag(
    description="Fetch past days from the daily archives, or from the REST API what those lack.",
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=30)},
    tags=["extract", "store", "average"],
    doc_md=__doc__,
    params=BACKFILL_PRICES,
)
def backfill_prices() -> None:
    @task
    def plan() -> list[DayMessage]:
        from include.tasks import backfill_prices

        return backfill_prices.plan(get_current_context()["params"])

    @task(
        # By what is known before the task begins: it has its name while it runs, too.
        map_index_template="{{ task.op_kwargs['day'].symbol }} {{ task.op_kwargs['day'].day }}",
        multiple_outputs=False,
        max_active_tis_per_dag=2,
        on_success_callback=alert,
    )
    def backfill(day: DayMessage) -> DoneMessage:
        from include.tasks import backfill_prices

        return backfill_prices.backfill_day(day)

    @task(trigger_rule="all_done_min_one_success", outlets=[MINUTE_PRICES], multiple_outputs=False)
    def finish(planned: list[DayMessage], done: list[DoneMessage]) -> str:
        from include.tasks import backfill_prices

        return backfill_prices.finish(planned, done[:])

    planned = plan()
    finish(planned, backfill.expand(day=planned))  # type: ignore[arg-type] # promises


backfill_prices()
