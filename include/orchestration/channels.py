"""How announcements reach people: by Airflow's notifiers, whose connections hold every secret."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http.client import HTTPException

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from include.marketdata.watch_settings import Channel, Slack, Smtp, Webhook
from include.marketdata.watch_states import Announcement

TIMEOUT_SECONDS = 10
# A webhook that sends elsewhere, to a page to log in for instance, has not taken the message.
WEBHOOK_OPTIONS = {"timeout": TIMEOUT_SECONDS, "max_redirects": 0}
# What the notifiers and the libraries below them raise: servers that are not there or refuse,
# connections that are missing or wrong. Those of smtplib, requests and ssl are OSErrors.
UNDELIVERED = (
    AirflowException,
    AirflowRuntimeError,
    OSError,
    HTTPException,
    ValueError,
    TypeError,
    RuntimeError,
)


def deliver(channel: Channel, announcements: Sequence[Announcement]) -> None:
    """Send announcements, at least one, in one message.

    A webhook gets {"text": "a line each", "announcements": [{"rule": …, "symbol": …,
    "change": "fired", "judged_at": "2026-03-01T12:04:10Z", "text": …}]}.

    Raises:
        One of UNDELIVERED: It did not get there, or nobody said that it did.
    """
    texts = [each.text for each in announcements]
    # Each notifier takes a second to import, and most runs have nothing to say.
    match channel:
        case Smtp():
            from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415

            more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
            SmtpNotifier(
                to=[*channel.to],
                subject=f"prices: {texts[0]}{more}",
                html_content="<br>".join(map(escape, texts)),
                smtp_conn_id=channel.connection,
            )({})
        case Slack():
            from airflow.providers.slack.notifications.slack_webhook import (  # noqa: PLC0415
                SlackWebhookNotifier,
            )

            SlackWebhookNotifier(
                slack_webhook_conn_id=channel.connection,
                text="\n".join(texts),
                timeout=TIMEOUT_SECONDS,
            )({})
        case Webhook():
            from airflow.providers.http.notifications.http import HttpNotifier  # noqa: PLC0415

            HttpNotifier(
                http_conn_id=channel.connection,
                endpoint=channel.endpoint,
                json={
                    "text": "\n".join(texts),
                    "announcements": [each.model_dump(mode="json") for each in announcements],
                },
                extra_options=WEBHOOK_OPTIONS,
            )({})
