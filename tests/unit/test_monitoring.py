"""The alert rules, the dashboard and the table of gauges agree with the code and the runbook."""

import json
import re
from pathlib import Path

import pytest
import yaml

from include.method.delays import LATE
from include.reading.gauges import PREFIX, Gauge
from include.reading.health import MOST_BACKLOG_MINUTES, MOST_MISSING_MINUTES
from include.records.runbook import RUNBOOK, Heading

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {gauge.metric for gauge in Gauge}
LABELS = {"instance", "job", "symbol"}
# What PromQL has of its own, as far as it is used here.
WORDS = {"absent", "max", "min", "min_over_time", "sum", "without"}
WORD = re.compile(r"\$?[a-zA-Z_][a-zA-Z0-9_]*")
SEVERITIES = {"high", "medium", "low"}


def load(name):
    return yaml.safe_load((DOCS / "monitoring" / name).read_text(encoding="utf-8"))


ALERTS = [rule for group in load("rules.yaml")["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DOCS / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
TARGETS = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]


def names_in(expression):
    """The words of an expression that are neither PromQL's nor labels, variables or durations."""
    bare = re.sub(r'"[^"]*"|\[\w+\]', "", expression)
    return {*WORD.findall(bare)} - WORDS - LABELS


def alert_of(name):
    (found,) = [each for each in ALERTS if each["alert"] == name]
    return found


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each["alert"])
def test_each_alert_is_on_gauges_that_exist(alert):
    found = names_in(alert["expr"])

    assert found
    assert found <= NAMES


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each["alert"])
def test_each_alert_names_a_heading_of_the_runbook_and_its_severity(alert):
    document, _, heading = alert["annotations"]["runbook"].partition("#")

    assert (document, Heading(heading).path) == (RUNBOOK, alert["annotations"]["runbook"])
    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each["alert"])
def test_each_alert_is_as_severe_as_its_heading(alert):
    """Where the heading has another, it is of a mail that is sent for more only."""
    heading = alert["annotations"]["runbook"].partition("#")[2]
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    sections = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"): body
        for title, body in re.findall(r"^### (.+)\n\n(.+)", text, re.MULTILINE)
    }
    said = re.match(r"\*\*(High|Medium|Low)", sections[heading])

    milder = {"MinutePricesRowsQuarantined", "MinutePricesRestated"}
    assert said
    assert (said[1].lower() == alert["labels"]["severity"]) != (alert["alert"] in milder)


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("MinutePricesBacklog", MOST_BACKLOG_MINUTES),
        ("MinutePricesIncomplete", MOST_MISSING_MINUTES),
        ("MinutePricesSlow", int(LATE.total_seconds())),
    ],
)
def test_limits_are_those_of_the_code(alert, limit):
    assert alert_of(alert)["expr"].endswith(f"> {limit}")


def test_the_rules_own_tests_know_every_alert():
    text = (DOCS / "monitoring" / "rules_test.yaml").read_text(encoding="utf-8")
    load("rules_test.yaml")

    assert [each["alert"] for each in ALERTS if each["alert"] not in text] == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each["expr"])
def test_the_dashboard_shows_gauges_that_exist(target):
    found = names_in(target["expr"])

    assert found
    assert found <= NAMES


def test_the_dashboard_shows_every_gauge():
    assert NAMES - {name for target in TARGETS for name in names_in(target["expr"])} == set()


def test_the_dashboard_loads_anywhere():
    """Its data source is a variable, and Grafana gives it its own number."""
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    sources = {each["datasource"]["uid"] for each in [*DASHBOARD["panels"], *TARGETS]}

    assert DASHBOARD["id"] is None
    assert variables["datasource"]["type"] == "datasource"
    assert sources == {"${datasource}"}
    assert {"job", "symbol"} < {*variables}
    assert [panel["id"] for panel in DASHBOARD["panels"]] == [
        *range(1, len(DASHBOARD["panels"]) + 1)
    ]


def test_no_two_panels_of_the_dashboard_overlap():
    places = [
        (place["x"] + right, place["y"] + down)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for right in range(place["w"])
        for down in range(place["h"])
    ]

    assert len(places) == len({*places})
    assert max(column for column, _ in places) < 24


def test_the_document_has_each_gauge_as_the_code_says():
    rows = [
        f"| `{gauge.metric}` | {gauge.value.unit} | "
        f"{'`symbol`' if gauge.value.is_by_symbol else ''} | {gauge.value.meaning} |"
        for gauge in Gauge
    ]
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    named = re.findall(rf"^\| `{PREFIX}_\w+` .*$", text, re.MULTILINE)

    assert named == rows
