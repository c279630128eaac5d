"""Extracts one-second prices from Binance, validates every batch, and stores the good rows.

**Runs** from some seconds before each minute ends, so that its tasks are there when it does; from
each symbol's watermark in Cassandra, so that missed minutes are caught up.

**Updates** `price_by_second`, `exchange_minute`, `quarantined_row`, `batch_log`, `watermark` and
the asset `extracted_prices`. One failed symbol does not stop the others.

**Safe to re-run**, from `plan` on: the same second twice is one row, and the watermark never moves
back.

**When it fails**: `plan` names what does not answer, and the others, `validate` too, are marked
`upstream_failed` because of it, without a log. `fetch`, a task for each symbol or for a group of
them, names the symbol and the exchange's answer, and passes on what an earlier run has fetched and
not loaded; `load` stores the good rows and names the symbols whose batch is missing or was refused.
The next run fetches those again.
"""

from airflow.sdk import dag, get_current_context, task

from include.orchestration.alerts import AT_END
from include.orchestration.assets import EXTRACTED_PRICES
from include.orchestration.defaults import (
    BEFORE_FETCHING,
    DEFAULT_ARGS,
    FETCHING,
    SHARDS,
    START,
    WAITING,
)
from include.orchestration.messages import CheckedMessage, PlanMessage


@dag(
    description="Fetch one-second prices every minute, validate them and store the good rows.",
    schedule=BEFORE_FETCHING,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["extract", "store"],
    doc_md=__doc__,
)
def ingest_prices() -> None:
    @task
    def plan() -> list[list[PlanMessage]]:
        from include.tasks import ingest_prices

        return ingest_prices.plan()

    @task(multiple_outputs=False, **FETCHING)
    def fetch(group: list[PlanMessage]) -> None:
        from include.tasks import ingest_prices

        name = ingest_prices.group_name(group)
        get_current_context()["symbols"] = name  # type: ignore[typeddict-unknown-key]
        ingest_prices.fetch(group)

    # These two begin when the plan is there, and take up each batch as it lands: their start takes
    # none of the minute's time, and a late one holds up no other.
    @task(multiple_outputs=False, trigger_rule="one_success", **WAITING)
    def validate(windows: list[list[PlanMessage]], shard: int) -> list[CheckedMessage]:
        from include.tasks import validate_batches

        return validate_batches.validate(windows, shard)

    @task(outlets=[EXTRACTED_PRICES], trigger_rule="one_success", **WAITING, **AT_END)
    def load(windows: list[list[PlanMessage]]) -> None:
        from include.tasks import ingest_prices

        ingest_prices.load(windows)

    checked = validate.partial(windows=(windows := plan())).expand(shard=[*range(SHARDS)])
    fetch.expand(group=windows) >> checked >> load(windows)  # type: ignore[arg-type] # a promise


ingest_prices()
