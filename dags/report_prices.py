"""Turns published minutes into the mart, export files and reports.

**Runs** when `average_minutes` has published minutes. The event is only a wake-up call: new
minutes are found by the mart's own watermark, so a merged, duplicate or lost event does no harm.

**Updates** the tables of the mart behind the connection `mart` (docs/mart.md);
`exports/minute_prices/` with a CSV and a Parquet file for each UTC day and symbol with new minutes,
and a manifest; `reports/latest`, `daily/` and `hourly/`, each as .html, .png and .txt; and Data
Docs in `gx/docs/`. The files are in the folder of the Variable `storage_url`.

**Safe to re-run**: a minute is replaced only by a later revision, hours and days are recomputed
from their minutes, files appear whole or not at all, and the watermark moves last.

**When it fails**: prices are still published, and the next run covers everything since the last
one that finished. `refresh_mart` needs Cassandra and the mart's database,
`publish_report` the mart and the storage folder. See docs/runbook.md.
"""

import os
from datetime import timedelta

from airflow.sdk import dag, task

from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, NICENESS, START
from include.orchestration.messages import NewsMessage


@dag(
    description="Turn published minutes into the mart, CSV and Parquet files and reports.",
    schedule=MINUTE_PRICES,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    # The first run loads a week of minutes, and one after a backfill all that was backfilled.
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=30)},
    tags=["report"],
    doc_md=__doc__,
)
def report_prices() -> None:
    @task(multiple_outputs=False)
    def refresh_mart() -> NewsMessage:
        from include.tasks import report_prices

        os.nice(NICENESS)
        return report_prices.refresh_mart()

    @task
    def publish_report(news: NewsMessage) -> None:
        from include.tasks import report_prices

        os.nice(NICENESS)
        report_prices.publish_report(news)

    @task
    def build_data_docs() -> str:
        from include.tasks import report_prices

        os.nice(NICENESS)
        return report_prices.data_docs()

    build_data_docs()
    publish_report(refresh_mart())  # type: ignore[arg-type] # a promise of it, as yet


report_prices()
