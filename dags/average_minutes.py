"""Reads the stored prices back from Cassandra and publishes the average of every minute.

**Runs** every minute; waits until the closed minute is stored, at most the grace period.

**Updates** `minute_price` (a revision where the value or its flag changed), `minute_change`,
`watermark`, `restatement` (a final average that changed), and the asset `minute_prices`, which
starts `report_prices`.

**Safe to re-run**: a minute that has not changed is not written again, and a revision is
never overwritten.

**When it fails**: Cassandra does not answer; the next run publishes what this one missed.
Minutes flagged INGEST_GAP wait for `ingest_prices` and are revised when it has repaired
them. See docs/runbook.md.
"""

from collections.abc import Iterator

from airflow.sdk import Metadata, dag, task

from include.orchestration.alerts import AT_END
from include.orchestration.assets import EXTRACTED_PRICES, MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, EVERY_MINUTE, START


@dag(
    schedule=EVERY_MINUTE,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["average"],
    doc_md=__doc__,
)
def average_minutes() -> None:
    @task(
        inlets=[EXTRACTED_PRICES],
        outlets=[MINUTE_PRICES],
        **AT_END,
    )
    def publish() -> Iterator[Metadata]:
        from include.orchestration import checks

        yield Metadata(MINUTE_PRICES, extra=checks.publish())

    publish()


average_minutes()
