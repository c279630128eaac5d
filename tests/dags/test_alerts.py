"""What a task leaves word of reaches people."""

import logging

import pytest
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from include.orchestration import alerts

MESSAGES = ["BTCUSDT: 12 of 376 rows quarantined (3.2%)", "ETHUSDT: the batch refused"]


class TaskInstance:
    task_id = "load"
    map_index = 3

    def __init__(self, messages):
        self._messages = messages

    def xcom_pull(self, *, task_ids, key):
        assert (task_ids, key) == ("load", "alerts_3")
        return self._messages


@pytest.fixture
def mails(monkeypatch):
    """Mails as they would go to the mail server, which is not there."""
    sent = []

    def notify(self, _context):
        sent.append((self.to, self.subject, self.html_content))

    monkeypatch.setattr(SmtpNotifier, "notify", notify)
    return sent


def test_says_each_in_the_log_as_an_error(caplog, mails):
    with caplog.at_level(logging.ERROR):
        alerts.alert({"ti": TaskInstance(MESSAGES)})

    assert [record.getMessage() for record in caplog.records] == [
        f"alert: {message}" for message in MESSAGES
    ]
    assert mails == []


def test_mails_all_at_once_where_an_address_is_set(monkeypatch, mails):
    monkeypatch.setenv("AIRFLOW_VAR_ALERT_TO", "ops@example.com, desk@example.com")

    alerts.alert({"ti": TaskInstance(MESSAGES)})

    assert mails == [
        (
            ["ops@example.com", "desk@example.com"],
            f"prices: {MESSAGES[0]} (and 1 more)",
            "<br>".join(MESSAGES),
        )
    ]


def test_says_nothing_when_nothing_is_alarming(monkeypatch, caplog, mails):
    monkeypatch.setenv("AIRFLOW_VAR_ALERT_TO", "ops@example.com")

    alerts.alert({"ti": TaskInstance(None)})

    assert (caplog.records, mails) == ([], [])


HOSTILE = "{{ conn.cassandra_default.password }}<script>alert(1)</script>\r\nBcc: x@x.org\x1b[2J"


def test_what_the_exchange_sends_is_text_in_a_mail_and_one_line_in_the_log(
    monkeypatch, caplog, mails
):
    """A notifier that is called renders its texts as templates, with connections and variables."""
    monkeypatch.setenv("AIRFLOW_VAR_ALERT_TO", "ops@example.com")
    monkeypatch.setenv("AIRFLOW_CONN_CASSANDRA_DEFAULT", "cassandra://me:s3cr3t@db")

    alerts.alert({"ti": TaskInstance([HOSTILE])})

    ((_, subject, body),) = mails
    assert "{{ conn.cassandra_default.password }}" in subject
    assert "{{ conn.cassandra_default.password }}" in body
    assert "s3cr3t" not in subject + body
    assert "<script>" not in body
    assert subject.isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)
