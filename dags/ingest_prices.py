"""Extracts one-second prices from Binance, checks every batch, and stores what is good.

**Runs** every minute, from each symbol's watermark in Cassandra: what was missed is made up.

**Updates** `price_by_second`, `exchange_minute`, `quarantined_row`, `batch_log`, `watermark` and
the asset `extracted_prices`. A failed symbol does not stop another.

**Safe to re-run**: the same second twice is one row, and the watermark only grows.

**When it fails**: `fetch` names the symbol and what the exchange said; `load` stores what is good
and names the symbols whose batch is missing or was refused. Nothing is lost, the next run asks
for the same window again. See docs/runbook.md.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.orchestration.alerts import alert
from include.orchestration.assets import EXTRACTED_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, EVERY_MINUTE, START
from include.orchestration.messages import BatchMessage, CheckedMessage, PlanMessage


@dag(
    schedule=EVERY_MINUTE,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["extract", "store"],
    doc_md=__doc__,
)
def ingest_prices() -> None:
    @task
    def plan() -> list[PlanMessage]:
        from include.orchestration import steps

        return steps.plan()

    # A slow one must not hold up the others; the next run asks for its window again.
    @task(
        pool="binance",
        map_index_template="{{ symbol }}",
        multiple_outputs=False,
        retries=0,
        execution_timeout=timedelta(seconds=15),
    )
    def fetch(window: PlanMessage) -> BatchMessage:
        from include.orchestration import steps

        get_current_context()["symbol"] = window["symbol"]  # type: ignore[typeddict-unknown-key]
        return steps.fetch(window)

    @task(trigger_rule="all_done")
    def validate(batches: list[BatchMessage]) -> list[CheckedMessage]:
        from include.orchestration import checks

        # Read at once: iterating asks for one more than there are, logged as an error.
        return checks.validate(batches[:])

    @task(outlets=[EXTRACTED_PRICES], on_success_callback=alert, on_failure_callback=alert)
    def load(batches: list[CheckedMessage], windows: list[PlanMessage]) -> None:
        from include.orchestration import steps

        steps.load(batches, windows)

    windows = plan()
    load(validate(fetch.expand(window=windows)), windows)  # type: ignore[arg-type]


ingest_prices()
