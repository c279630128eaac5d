"""Compares published minutes with the exchange's daily archive, and restates those that differ.

**Runs** every day at 06:00 UTC, when yesterday's archive is out; each run checks the last seven
days (the Variable `audit_days`) and, at growing intervals, older days up to half a year back, so
that a late or reissued archive is noticed. By hand, its form takes other days.

**Updates** `audited_day`; where minutes differ, `price_by_second` and `exchange_minute` from the
archive, `minute_price` (a revision), `restatement`, and the asset `minute_prices`.

**Safe to re-run**: a minute is audited once against each issue of its archive.

**When it fails**: the archive does not answer, a file does not match its checksum, or the gate
refuses the archive's day: the message names it, the other days and symbols continue. A difference
above 0.10 % raises an alert, and so does an archive that lacks minutes or reports no trades where
trades are known: those values are kept. See docs/runbook.md.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.orchestration.alerts import AT_END
from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, START
from include.orchestration.forms import AUDIT_PRICES
from include.orchestration.messages import AuditMessage


@dag(
    description="Compare published minutes with the daily archive and restate those that differ.",
    schedule="0 6 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=30)},
    tags=["average", "quality"],
    doc_md=__doc__,
    params=AUDIT_PRICES,
)
def audit_prices() -> None:
    @task
    def plan() -> list[AuditMessage]:
        from include.tasks import audit_prices

        return audit_prices.plan(get_current_context()["params"])

    @task(
        map_index_template="{{ task.op_kwargs['days']['symbol'] }}",
        outlets=[MINUTE_PRICES],
        multiple_outputs=False,
        max_active_tis_per_dag=2,
        **AT_END,
    )
    def audit(days: AuditMessage) -> str:
        from include.tasks import audit_prices

        return audit_prices.audit(days)

    audit.expand(days=plan())


audit_prices()
