"""Extracts one-second prices from Binance, checks every batch, and stores what is good.

**Runs** every minute. The window comes from each symbol's watermark in Cassandra, so a run
that was missed is made up by the next one.

**Updates** `price_by_second`, `exchange_minute`, `quarantined_price`, `batch_log` and
`watermark`, and the asset `extracted_prices`. A failed symbol does not stop another.

**Safe to re-run**: the same second written twice is one row, and the watermark only grows.

**When it fails**: `fetch` names the symbol and what the exchange said, `load` names the
batches that the checkpoint refused; nothing is lost, the next run asks for the same window
again. See docs/runbook.md.
"""

from airflow.sdk import dag, get_current_context, task

from include.orchestration.assets import EXTRACTED_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, EVERY_MINUTE, START
from include.orchestration.messages import BatchMessage, PlanMessage


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

    @task(pool="binance", map_index_template="{{ symbol }}", multiple_outputs=False)
    def fetch(window: PlanMessage) -> BatchMessage:
        from include.orchestration import steps

        get_current_context()["symbol"] = window["symbol"]  # type: ignore[typeddict-unknown-key]
        return steps.fetch(window)

    @task(trigger_rule="all_done")
    def validate(batches: list[BatchMessage]) -> list[BatchMessage]:
        from include.orchestration import steps

        # Read at once: iterating asks for one more than there are, which Airflow logs as an error.
        return steps.validate(batches[:])

    @task(outlets=[EXTRACTED_PRICES])
    def load(batches: list[BatchMessage]) -> None:
        from include.orchestration import steps

        steps.load(batches)

    load(validate(fetch.expand(window=plan())))  # type: ignore[arg-type]


ingest_prices()
