"""Delivery of announcements by Airflow's notifiers, whose connections hold every secret."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http.client import HTTPException

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from include.records.errors import RetryableError
from include.watch.settings import Channel, Slack, Smtp, Webhook
from include.watch.states import Announcement

TIMEOUT_SECONDS = 10
# A webhook that redirects, to a login page for instance, has not accepted the message.
WEBHOOK_OPTIONS = {"timeout": TIMEOUT_SECONDS, "max_redirects": 0}
# What Airflow's notifiers raise when called: for a connection that is missing or wrong, and for a
# server that is down or refuses. Errors of smtplib, requests and ssl are OSErrors.
_AIRFLOW = (AirflowException, AirflowRuntimeError, OSError)


class UndeliveredError(RetryableError):
    """A channel did not accept a message, or did not confirm it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"did not accept the message: {type(cause).__name__}: {cause}")


def deliver(channel: Channel, announcements: Sequence[Announcement]) -> None:
    """Send announcements, at least one, in one message.

    A webhook gets {"text": "a line each", "announcements": [{"rule": …, "symbol": …,
    "change": "fired", "judged_at": "2026-03-01T12:04:10Z", "text": …}]}.

    Raises:
        UndeliveredError: It was not delivered, or delivery was not confirmed.
    """
    texts = [each.text for each in announcements]
    match channel:
        case Smtp():
            _mail(channel, texts)
        case Slack():
            _post_to_slack(channel, texts)
        case Webhook():
            told = [each.model_dump(mode="json") for each in announcements]
            _post(channel, {"text": "\n".join(texts), "announcements": told})


# Each notifier takes a second to import, and most runs have nothing to send.
def _mail(channel: Smtp, texts: Sequence[str]) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415

    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    notifier = SmtpNotifier(
        to=[*channel.to],
        subject=f"prices: {texts[0]}{more}",
        html_content="<br>".join(map(escape, texts)),
        smtp_conn_id=channel.connection,
    )
    try:
        notifier({})
    # An invalid number in the connection's extra.
    except (*_AIRFLOW, ValueError) as error:
        raise UndeliveredError(error) from error


def _post_to_slack(channel: Slack, texts: Sequence[str]) -> None:
    from airflow.providers.slack.notifications.slack_webhook import (  # noqa: PLC0415
        SlackWebhookNotifier,
    )
    from slack_sdk.errors import SlackClientError  # noqa: PLC0415

    notifier = SlackWebhookNotifier(
        slack_webhook_conn_id=channel.connection, text="\n".join(texts), timeout=TIMEOUT_SECONDS
    )
    try:
        notifier({})
    # slack_sdk sends with urllib, which raises ValueError for an invalid address.
    except (*_AIRFLOW, SlackClientError, HTTPException, ValueError) as error:
        raise UndeliveredError(error) from error


def _post(channel: Webhook, body: dict[str, object]) -> None:
    from airflow.providers.http.notifications.http import HttpNotifier  # noqa: PLC0415

    notifier = HttpNotifier(
        http_conn_id=channel.connection,
        endpoint=channel.endpoint,
        json=body,
        extra_options=WEBHOOK_OPTIONS,
    )
    try:
        notifier({})
    # What the provider raises for a connection without a scheme.
    except (*_AIRFLOW, ValueError) as error:
        raise UndeliveredError(error) from error
