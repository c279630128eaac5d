"""What a task leaves behind although it fails, and alerts: in the log, and by mail where set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, Variable, get_current_context

KEY = "alerts"
# Of what a task returns.
RESULT_KEY = "return_value"

log = logging.getLogger(__name__)


def queue_alerts(messages: Sequence[str]) -> None:
    """Leave word for `alert`, which Airflow calls when the task has ended."""
    if messages:
        task_instance: Any = get_current_context()["ti"]
        task_instance.xcom_push(key=KEY, value=[*messages])


def push_result(value: object) -> None:
    """Give the tasks that follow what this one would return, before it fails.

    Args:
        value: JSON. Outside of a running task there is nobody to give it to.
    """
    try:
        task_instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return
    task_instance.xcom_push(key=RESULT_KEY, value=value)


def alert(context: Context) -> None:
    """Say what the task that has just ended left word of.

    A callback for success and failure alike. Each message goes to the log as an error, and all in
    one mail to the addresses of the Variable `alert_to`, by the connection `smtp_default`.
    """
    task_instance: Any = context["ti"]
    own = {"task_ids": task_instance.task_id, "map_indexes": task_instance.map_index}
    messages = task_instance.xcom_pull(**own, key=KEY) or []
    for message in messages:
        log.error("alert: %s", message)
    recipients: str = Variable.get("alert_to", default="")
    if messages and recipients.strip():
        # Every DAG file imports this module, and none should wait for this one.
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415

        SmtpNotifier(
            to=[address.strip() for address in recipients.split(",")],
            subject=f"prices: {messages[0]}",
            html_content="<br>".join(messages),
        )(context)


AT_END: dict[str, Any] = {"on_success_callback": alert, "on_failure_callback": alert}
