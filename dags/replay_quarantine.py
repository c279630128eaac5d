"""Lists the rows that the gate refused, sends them through it again, or closes them for good.

**Runs** by hand, with a form: action, symbols, days and reason.

**Updates** `quarantined_row`; rows that pass go to `price_by_second` and `exchange_minute`, their
minutes are averaged again into `minute_price`, and the asset `minute_prices` starts
`report_prices`. Rows keep the time of their fetch, so nothing fetched later is overwritten.

**Safe to re-run**: only open rows are taken, and each is settled once. Nothing is deleted.

**When it fails**: the order is not valid, and the form or `plan` says what to correct; or Cassandra
does not answer. See docs/runbook.md.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, START
from include.orchestration.forms import REPLAY_QUARANTINE
from include.orchestration.messages import ReplayMessage


@dag(
    description="List refused rows, send them through the gate again, or close them.",
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=30)},
    tags=["store", "quality"],
    doc_md=__doc__,
    params=REPLAY_QUARANTINE,
)
def replay_quarantine() -> None:
    @task
    def plan() -> list[ReplayMessage]:
        from include.tasks import replay_quarantine

        return replay_quarantine.plan(get_current_context()["params"])

    @task(
        map_index_template="{{ task.op_kwargs['part']['symbol'] }}",
        outlets=[MINUTE_PRICES],
        multiple_outputs=False,
    )
    def settle(part: ReplayMessage) -> str:
        from include.tasks import replay_quarantine

        return replay_quarantine.settle(part)

    settle.expand(part=plan())


replay_quarantine()
