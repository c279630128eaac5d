"""Notifies when price, move, quality or age of the data crosses a threshold; off by default.

**Runs** when minutes are published, and every five minutes, so that stale data is noticed when
nothing is. It is paused until you switch it on. Its form sends a test to every channel.

**Updates** nothing but the Variable `price_watch_state`. It notifies the channels in the Variable
`price_watch` or in include/price_watch.yaml (SMTP, Slack, webhook); without a rule, nobody.

**Safe to re-run**: a minute is judged once, and the state is saved after sending. A run
interrupted in between sends the same again.

**When it fails**: the message names the rule and field that are not valid, or the channel that did
not accept a message. The other channels get theirs; the next run that can sends the rest. See
docs/price-watch.md.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task

from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, START
from include.orchestration.forms import WATCH_PRICES


@dag(
    description="Notify people when a price, a move, quality or age crosses a threshold.",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), assets=[MINUTE_PRICES]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    # A mail server may not answer for half a minute.
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(minutes=3)},
    tags=["report"],
    doc_md=__doc__,
    params=WATCH_PRICES,
)
def watch_prices() -> None:
    @task
    def watch() -> None:
        from include.tasks import watch_prices

        watch_prices.watch(get_current_context()["params"])

    watch()


watch_prices()
