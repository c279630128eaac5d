"""Results of tasks that fail, and alerts: in the log, and by mail where configured."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from html import escape
from typing import Any

from airflow.sdk import Context, Variable, get_current_context

from include.orchestration.failures import point_to_runbook
from include.records.shown_text import shown_text

KEY = "alerts"
# XCom key of a task's return value.
RESULT_KEY = "return_value"
LONGEST_SUBJECT = 200

log = logging.getLogger(__name__)


def queue_alerts(messages: Sequence[str]) -> None:
    """Queue messages for `alert`, which Airflow calls when the task has ended."""
    if messages:
        task_instance: Any = get_current_context()["ti"]
        task_instance.xcom_push(key=_key_of(task_instance.map_index), value=[*messages])


def push_result(value: object) -> None:
    """Push what this task would return to the tasks that follow, before it fails.

    Args:
        value: JSON. Outside a running task nothing is pushed.
    """
    try:
        task_instance: Any = get_current_context()["ti"]
    except RuntimeError:
        return
    task_instance.xcom_push(key=RESULT_KEY, value=value)


def alert(context: Context) -> None:
    """Send the alerts queued by the task that has just ended.

    A callback for success and failure alike. Each message goes to the log as an error, and all in
    one mail to the addresses in the Variable `alert_to`, through the connection `smtp_default`.
    """
    task_instance: Any = context["ti"]
    key = _key_of(task_instance.map_index)
    messages = task_instance.xcom_pull(task_ids=task_instance.task_id, key=key) or []
    write(messages)
    mail(messages, context)


def _key_of(map_index: int) -> str:
    """Return the XCom key of a task's alerts, which no other task of its mapping uses.

    A pull that names a map index logs an error where nothing was pushed, which is so nearly
    always; one that names none takes what all tasks of a mapping pushed.
    """
    return KEY if map_index < 0 else f"{KEY}_{map_index}"


def write(messages: Sequence[str]) -> None:
    """Write messages to the log, each as an error."""
    for message in messages:
        log.error("alert: %s", shown_text(message))


def mail(messages: Sequence[str], context: Context) -> bool:
    """Send messages in one mail to the addresses in the Variable `alert_to`.

    Args:
        messages: The first is the subject.
        context: Of the run.

    Returns:
        Whether there was something to send, and an address.
    """
    recipients: str = Variable.get("alert_to", default="")
    if not messages or not recipients.strip():
        return False
    # Every DAG file imports this module, and none should wait for this one.
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415

    notifier = SmtpNotifier(
        to=[address.strip() for address in recipients.split(",")],
        subject=subject_of(messages),
        html_content="<br>".join(map(escape, messages)),
    )
    # As written: called, it would render the messages, which quote the exchange, as templates.
    notifier.notify(context)
    return True


def subject_of(messages: Sequence[str]) -> str:
    """Return the subject of a mail: its first message, in one line, and how many more there are."""
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    return f"prices: {shown_text(messages[0])[:LONGEST_SUBJECT]}{more}"


AT_END: dict[str, Any] = {
    "on_success_callback": alert,
    "on_failure_callback": [alert, point_to_runbook],
}
