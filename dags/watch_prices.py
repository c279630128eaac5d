"""Says when a price, a move, the quality or the age of the data crosses a line; off by default.

**Runs** when minutes are published, and every five minutes, so that age is noticed when nothing
is. It is paused until you switch it on. Its form sends a test to every channel.

**Updates** nothing but the Variable `price_watch_state`. It tells the channels of the Variable
`price_watch` or of include/price_watch.yaml (SMTP, Slack, webhook); without a rule, nobody.

**Safe to re-run**: a minute is judged once, and what is remembered is written after it was sent.
A run that is cut off in between says the same again.

**When it fails**: the message names the rule and the field that are wrong, or the channel that
did not take a message. The other channels have theirs; what is left is sent by the next run that
can. See docs/price-watch.md.
"""

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task

from include.orchestration.assets import MINUTE_PRICES
from include.orchestration.defaults import DEFAULT_ARGS, START
from include.orchestration.forms import WATCH_PRICES


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), assets=[MINUTE_PRICES]
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    # A mail server may take half a minute to say nothing.
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
