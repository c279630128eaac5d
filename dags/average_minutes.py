"""Reads the stored prices back from Cassandra and publishes the average of every minute.

**Runs** from five seconds before each minute ends; waits for its prices to be stored. After the
grace period it publishes gaps, and goes on looking for what is late until the 40th second.

**Updates** `minute_price` (a revision where the value or its flag changed), `minute_change`,
`watermark`, `restatement` (a final average that changed), and the asset `minute_prices`, which
starts `report_prices`.

**Safe to re-run**: an unchanged minute is not written again, and a revision is never overwritten.

**Deadline**: a run that has not ended when its task's time is over (100 s as shipped) alerts the
addresses in `alert_to`, once an hour at most.

**When it fails**: Cassandra does not answer; the next run publishes what this one missed.
A symbol that cannot be averaged does not stop the others: they are published, then `unpublished`
fails and names it. Minutes flagged INGEST_GAP wait for `ingest_prices`, and are revised once it
has repaired them. See docs/runbook.md.
"""

from collections.abc import Generator

from airflow.sdk import Metadata, dag, task
from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.alerts import AT_END
from include.orchestration.assets import EXTRACTED_PRICES, MINUTE_PRICES
from include.orchestration.deadlines import PUBLISH_DEADLINE
from include.orchestration.defaults import (
    BEFORE_PUBLISHING,
    DEFAULT_ARGS,
    START,
    WAITING,
)


@dag(
    description="Average the stored prices of every minute exactly and publish the result.",
    schedule=BEFORE_PUBLISHING,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["average"],
    doc_md=__doc__,
    deadline=PUBLISH_DEADLINE,
)
def average_minutes() -> None:
    @task(
        inlets=[EXTRACTED_PRICES],
        outlets=[MINUTE_PRICES],
        **WAITING,
        **AT_END,
    )
    def publish() -> Generator[Metadata, None, list[str]]:
        from include.tasks import average_minutes

        event, problems = average_minutes.publish()
        yield Metadata(MINUTE_PRICES, extra=event)
        return problems

    # A failed task emits no asset event: published minutes would wait for their report.
    @task
    def unpublished(problem: str) -> None:
        raise AirflowFailException(problem)

    unpublished.expand(problem=publish())


average_minutes()
