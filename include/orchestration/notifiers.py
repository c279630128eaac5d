"""Delivery of announcements by Airflow's connections, which hold every secret."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http import HTTPStatus

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError
from requests import RequestException, Session

from include.orchestration import webhooks
from include.orchestration.alerts import subject_of
from include.records.errors import RetryableError
from include.watch.settings import Channel, Slack, Smtp, Webhook
from include.watch.states import Announcement

# What Airflow's hooks raise for a connection that is missing or wrong, an invalid number in its
# extra too, and for a server that is down or refuses. Errors of smtplib and ssl are OSErrors.
_AIRFLOW = (AirflowException, AirflowRuntimeError, OSError, ValueError)


class UndeliveredError(RetryableError):
    """A channel did not accept a message, or did not confirm it."""

    def __init__(self, cause: Exception | str) -> None:
        said = cause if isinstance(cause, str) else f"{type(cause).__name__}: {cause}"
        super().__init__(f"did not accept the message: {said}")


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
            _post_to_webhook(channel, {"text": "\n".join(texts), "announcements": told})


# Each provider takes a second to import, and most runs have nothing to send. No notifier is called,
# which would render the messages as templates and log errors with the secret of an address.
def _mail(channel: Smtp, texts: Sequence[str]) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier  # noqa: PLC0415

    notifier = SmtpNotifier(
        to=[*channel.to],
        subject=subject_of(texts),
        html_content="<br>".join(map(escape, texts)),
        smtp_conn_id=channel.connection,
    )
    try:
        notifier.notify({})
    except _AIRFLOW as error:
        raise UndeliveredError(error) from error


def _post_to_slack(channel: Slack, texts: Sequence[str]) -> None:
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook  # noqa: PLC0415

    try:
        client = SlackWebhookHook(slack_webhook_conn_id=channel.connection).client
    except _AIRFLOW as error:
        raise UndeliveredError(error) from error
    session = Session()
    if client.proxy:
        session.proxies = {"http": client.proxy, "https": client.proxy}
    # Slack's own three: a text may neither link nor call a channel.
    text = escape("\n".join(texts), quote=False)
    _post(session, client.url, {"text": text})


def _post_to_webhook(channel: Webhook, body: dict[str, object]) -> None:
    from airflow.providers.http.hooks.http import HttpHook  # noqa: PLC0415

    hook = HttpHook(http_conn_id=channel.connection)
    try:
        session = hook.get_conn()
        url = hook.url_from_endpoint(channel.endpoint)
    except _AIRFLOW as error:
        raise UndeliveredError(error) from error
    _post(session, url, body)


def _post(session: Session, url: str, body: dict[str, object]) -> None:
    try:
        status = webhooks.post(session, url, body)
    except RequestException as error:
        # Not chained: its text, and so the log's traceback, has the path, which may be the secret.
        raise UndeliveredError(_reason(error)) from None
    # One that redirects, to a login page for instance, has not accepted the message.
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise UndeliveredError(f"HTTP {status}")


def _reason(error: RequestException) -> str:
    """Return what went wrong, without the address."""
    cause = error.args[0] if error.args else None
    inner = getattr(cause, "reason", cause)
    said = f"{type(inner).__name__}: {inner}" if isinstance(inner, Exception) else ""
    return f"{type(error).__name__} {said}".strip()
