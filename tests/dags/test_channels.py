"""Airflow's notifiers, as a task calls them, against servers that are really there."""

import base64
import json
import socket

import pytest

from include.orchestration import notifiers
from include.orchestration.notifiers import UndeliveredError, deliver
from include.watch.settings import read_watch
from include.watch.states import Announcement, Change
from tests.fakes.builders import NOON
from tests.fakes.sinks import http_sink, mail_sink

TEXT = "high: BTCUSDT is above 100: VWAP 105 in the minute 2026-03-01 12:00 UTC, grade A"


def announcement(text=TEXT):
    return Announcement(
        rule="high", symbol="BTCUSDT", change=Change.FIRED, judged_at=NOON, text=text
    )


def channel(text):
    (only,) = read_watch(f"notify: [{text}]", "the test").notify
    return only


@pytest.fixture
def mails(monkeypatch):
    with mail_sink() as server:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": server.port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "prices@x.org"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield server


@pytest.fixture
def posts(monkeypatch):
    """One server behind both connections, Slack's and the webhook's."""
    with http_sink() as server:
        host = f"http://127.0.0.1:{server.port}"
        slack = {"conn_type": "slackwebhook", "host": f"{host}/services", "password": "T0/B0/X"}
        desk = {"conn_type": "http", "host": host, "login": "prices", "password": "secret"}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(slack))
        monkeypatch.setenv("AIRFLOW_CONN_DESK", json.dumps(desk))
        yield server


SMTP = channel("{kind: smtp, to: 'a@x.org, b@x.org'}")
SLACK = channel("{kind: slack}")
WEBHOOK = channel("{kind: webhook, connection: desk, endpoint: hooks/prices}")


def test_mails_everyone_in_one_message(mails):
    deliver(SMTP, [announcement("Öl: ETHUSDT & more"), announcement()])

    (mail,) = mails.taken
    assert mail.recipients == ["a@x.org", "b@x.org"]
    assert mail.message["From"] == "prices@x.org"
    assert mail.message["Subject"] == "prices: Öl: ETHUSDT & more (and 1 more)"
    body = mail.message.get_body().get_content()
    assert body.strip() == f"Öl: ETHUSDT &amp; more<br>{TEXT}"


def test_posts_to_slack_a_line_each(posts):
    deliver(SLACK, [announcement(), announcement("low")])

    (post,) = posts.taken
    assert (post.path, post.body) == ("/services/T0/B0/X", {"text": f"{TEXT}\nlow"})


def test_posts_to_an_address_that_is_itself_the_secret(monkeypatch, posts):
    """Whole, as the password: what Slack's format has in common with Mattermost and others."""
    url = f"http://127.0.0.1:{posts.port}/hooks/secret"
    connection = {"conn_type": "slackwebhook", "password": url}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))

    deliver(SLACK, [announcement()])

    assert posts.taken[0].path == "/hooks/secret"


def test_posts_to_a_webhook_what_a_program_can_read(posts):
    deliver(WEBHOOK, [announcement()])

    (post,) = posts.taken
    assert post.path == "/hooks/prices"
    assert base64.b64decode(post.headers["Authorization"].split()[1]) == b"prices:secret"
    assert post.body == {
        "text": TEXT,
        "announcements": [
            {
                "rule": "high",
                "symbol": "BTCUSDT",
                "change": "fired",
                "judged_at": "2026-03-01T12:00:00Z",
                "text": TEXT,
            }
        ],
    }


@pytest.mark.parametrize("status", [404, 429, 500])
@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_what_does_not_take_the_message_has_failed(posts, to, status):
    posts.status = status

    with pytest.raises(UndeliveredError, match=str(status)):
        deliver(to, [announcement()])


def test_a_webhook_that_answers_with_a_page_to_log_in_has_taken_nothing(posts):
    """The page itself is there, and answers 200."""
    posts.status = 302

    with pytest.raises(UndeliveredError):
        deliver(WEBHOOK, [announcement()])


def test_a_mail_server_that_knows_nobody_has_failed(mails):
    mails.refuses = True

    with pytest.raises(UndeliveredError, match="no such mailbox"):
        deliver(SMTP, [announcement()])


@pytest.mark.parametrize("to", [SMTP, SLACK, WEBHOOK], ids=["smtp", "slack", "webhook"])
def test_a_server_that_is_not_there_has_failed(monkeypatch, to):
    """Nothing listens on port 9 of this machine."""
    url = "http://127.0.0.1:9"
    gone = {
        "SMTP_DEFAULT": {"conn_type": "smtp", "host": "127.0.0.1", "port": 9},
        "SLACK_DEFAULT": {"conn_type": "slackwebhook", "host": url, "password": "x"},
        "DESK": {"conn_type": "http", "host": url},
    }
    for name, connection in gone.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))

    with pytest.raises(UndeliveredError):
        deliver(to, [announcement()])


@pytest.mark.slow
@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_a_server_that_says_nothing_has_failed_after_a_while(monkeypatch, to):
    """It takes the connection, and no more."""
    monkeypatch.setattr(notifiers, "TIMEOUT_SECONDS", 1)
    monkeypatch.setitem(notifiers.WEBHOOK_OPTIONS, "timeout", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = {"host": f"http://127.0.0.1:{silent.getsockname()[1]}", "password": "x"}
        for name, kind in (("SLACK_DEFAULT", "slackwebhook"), ("DESK", "http")):
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": kind} | address))

        with pytest.raises(UndeliveredError, match="timed out"):
            deliver(to, [announcement()])
