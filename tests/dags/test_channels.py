"""Airflow's notifiers, as a task calls them, against servers that are really there."""

import base64
import json
import socket
import ssl
import traceback

import pytest

from include.orchestration import webhooks
from include.orchestration.notifiers import UndeliveredError, deliver
from include.records.errors import SettingsError
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


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_a_webhook_that_answers_with_a_page_to_log_in_has_taken_nothing(posts, to, status):
    """The page itself is there, and answers 200; it is not asked for."""
    posts.status = status

    with pytest.raises(UndeliveredError, match=str(status)):
        deliver(to, [announcement()])

    assert len(posts.taken) == 1


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
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = {"host": f"http://127.0.0.1:{silent.getsockname()[1]}", "password": "x"}
        for name, kind in (("SLACK_DEFAULT", "slackwebhook"), ("DESK", "http")):
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": kind} | address))

        with pytest.raises(UndeliveredError, match="timed out"):
            deliver(to, [announcement()])


TEMPLATE = "{{ 7 * 7 }} {% for each in () %}{% endfor %} {{ conn.desk.password }}"


@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_posts_a_text_as_it_is_and_renders_nothing(posts, to):
    """Airflow's notifiers take every text for a template, with all connections at hand."""
    deliver(to, [announcement(TEMPLATE)])

    assert posts.taken[0].body["text"] == TEMPLATE


def test_mails_a_text_as_it_is_and_renders_nothing(mails):
    deliver(SMTP, [announcement(TEMPLATE)])

    (mail,) = mails.taken
    assert mail.message["Subject"] == f"prices: {TEMPLATE}"
    assert mail.message.get_body().get_content().strip() == TEMPLATE


def test_a_text_adds_no_header_to_a_mail(mails):
    deliver(SMTP, [announcement("one\r\nBcc: everyone@x.org\r\n\r\nanother body")])

    (mail,) = mails.taken
    assert (mail.recipients, mail.message["Bcc"]) == (["a@x.org", "b@x.org"], None)
    assert "Bcc: everyone@x.org" in mail.message["Subject"]


def test_a_text_calls_nobody_and_links_nowhere_on_slack(posts):
    deliver(SLACK, [announcement("<!channel> <https://evil.example|log in>")])

    said = posts.taken[0].body["text"]
    assert said == "&lt;!channel&gt; &lt;https://evil.example|log in&gt;"


@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_no_failure_tells_the_path_which_may_be_the_secret(monkeypatch, caplog, to):
    """Nothing listens on port 9 of this machine."""
    url = "http://127.0.0.1:9/hooks/s3cr3t?token=s3cr3t"
    for name, kind in (("SLACK_DEFAULT", "slackwebhook"), ("DESK", "http")):
        connection = {"conn_type": kind, "host": url, "password": url}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))

    with caplog.at_level("DEBUG"), pytest.raises(UndeliveredError) as caught:
        deliver(to, [announcement()])

    told = "".join(traceback.format_exception(caught.value))
    assert "Connection refused" in told
    assert "s3cr3t" not in told + caplog.text


@pytest.fixture
def names(monkeypatch):
    """Where names lead, for this test's process."""
    known, resolve = {}, socket.getaddrinfo

    def resolved(host, port, *more, **options):
        if host in known:
            family = socket.AF_INET6 if ":" in known[host] else socket.AF_INET
            place = (known[host], port, 0, 0) if ":" in known[host] else (known[host], port)
            return [(family, socket.SOCK_STREAM, 6, "", place)]
        return resolve(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return known


@pytest.fixture
def by_tls(tmp_path, monkeypatch, posts):
    """The web server behind TLS, with a certificate for a name that this process trusts."""
    # The tools of dev/ bring it; the environment of a deployment has none.
    authority = pytest.importorskip("trustme").CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.com").configure_cert(context)
    posts.socket = context.wrap_socket(posts.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    url = f"https://hooks.example.com:{posts.port}"
    for name, kind in (("SLACK_DEFAULT", "slackwebhook"), ("DESK", "http")):
        connection = {"conn_type": kind, "host": url, "password": "T0"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    return posts


@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_posts_nothing_to_a_name_that_leads_into_a_private_network(names, by_tls, to):
    """A name that lately led elsewhere, too: the address is that of the connection itself."""
    names["hooks.example.com"] = "127.0.0.1"

    with pytest.raises(SettingsError, match=r"leads to 127\.0\.0\.1: .*private_webhook_hosts"):
        deliver(to, [announcement()])

    assert by_tls.taken == []


@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_posts_into_a_private_network_where_a_setting_names_the_host(
    names, by_tls, monkeypatch, to
):
    names["hooks.example.com"] = "127.0.0.1"
    monkeypatch.setenv("AIRFLOW_VAR_PRIVATE_WEBHOOK_HOSTS", "other, Hooks.example.com")

    deliver(to, [announcement()])

    assert len(by_tls.taken) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1",
        "https://[::ffff:10.0.0.1]",
        "https://2130706433",
        "https://user:s3cr3t@hooks.example.com",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("to", [SLACK, WEBHOOK], ids=["slack", "webhook"])
def test_asks_for_no_name_where_the_address_itself_is_wrong(monkeypatch, to, url):
    def fail(*_arguments, **_options):
        raise AssertionError("it was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for name, kind in (("SLACK_DEFAULT", "slackwebhook"), ("DESK", "http")):
        connection = {"conn_type": kind, "host": url, "password": url}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))

    with pytest.raises(SettingsError) as caught:
        deliver(to, [announcement()])

    assert "s3cr3t" not in str(caught.value)
