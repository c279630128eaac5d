"""The pipeline's minute DAGs with tasks that return at once, to measure Airflow's own overhead.

./dev/bench minute copies this file into a separate DAG folder, with a file of the symbols.
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task
from airflow.timetables.trigger import CronTriggerTimetable

from include.orchestration.assets import EXTRACTED_PRICES, MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, SHARDS, START

SYMBOLS_FILE = "symbols.txt"
# When a run starts is no overhead: these start with the minute, and are timed from then on.
EVERY_MINUTE = CronTriggerTimetable("* * * * *", timezone="UTC")


@dag(
    schedule=EVERY_MINUTE,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["extract", "store"],
)
def ingest_prices() -> None:
    """Pass each symbol on, in the order of the real tasks."""

    @task
    def plan() -> list[str]:
        return Path(__file__).with_name(SYMBOLS_FILE).read_text(encoding="utf-8").split()

    @task(
        pool="binance",
        multiple_outputs=False,
        retries=0,
        execution_timeout=timedelta(seconds=25),
    )
    def fetch(symbol: str) -> str:
        return symbol

    @task(trigger_rule="all_done", multiple_outputs=False)
    def validate(symbols: list[str], shard: int) -> list[str]:
        # Read at once, as the real one does.
        return symbols[:][shard::SHARDS]

    @task(trigger_rule="all_done_min_one_success", outlets=[EXTRACTED_PRICES])
    def load(symbols: list[str], planned: list[str]) -> None:
        del planned
        symbols[:]

    planned = plan()
    fetched = fetch.expand(symbol=planned)
    checked = validate.partial(symbols=fetched).expand(shard=[*range(SHARDS)])
    checked >> load(fetched, planned)  # type: ignore[arg-type] # promises


@dag(
    schedule=EVERY_MINUTE,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["average"],
)
def average_minutes() -> None:
    """Trigger the report."""

    @task(inlets=[EXTRACTED_PRICES], outlets=[MINUTE_PRICES])
    def publish() -> None:
        pass

    publish()


@dag(
    schedule=MINUTE_PRICES,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=5)},
    tags=["report"],
)
def report_prices() -> None:
    """Do nothing, three times."""

    @task
    def refresh_mart() -> list[str]:
        return []

    @task
    def publish_report(days: list[str]) -> None:
        del days

    @task
    def build_data_docs() -> str:
        return ""

    build_data_docs()
    publish_report(refresh_mart())  # type: ignore[arg-type] # a promise of the list, as yet


ingest_prices()
average_minutes()
report_prices()
