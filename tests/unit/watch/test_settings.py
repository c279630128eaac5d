"""What the rules of the price watch may say, and what is said of those that are wrong."""

from decimal import Decimal
from pathlib import Path

import pytest

from include.records.errors import SettingsError
from include.watch.rules import Move, OlderThan, PriceAbove
from include.watch.settings import Slack, Smtp, Webhook, read_watch

PROJECT = Path(__file__).parents[3]
HIGH = "{name: high, kind: price_above, symbols: BTCUSDT, threshold: 61250.1}"


def rule(text):
    (only,) = read_watch(f"rules: [{text}]", "the test").rules
    return only


@pytest.mark.parametrize("text", ["", "# rules:\n", "rules:\n#  - name: a\nnotify:\n"])
def test_is_off_without_a_rule(text):
    assert (read_watch(text, "").rules, read_watch(text, "").notify) == ((), ())


@pytest.mark.parametrize("written", ["61250.1", '"61250.1"', "61_250.10", "+61250.1"])
def test_takes_a_number_as_it_is_written_never_by_way_of_a_float(written):
    assert rule(HIGH.replace("61250.1", written)).threshold == Decimal("61250.1")


def test_keeps_more_digits_than_a_float_has():
    digits = "0.000012345678901234567"

    assert rule(HIGH.replace("61250.1", digits)).threshold == Decimal(digits)


def test_takes_json_as_well():
    """With tabs, which YAML does not take."""
    text = '{\n\t"rules": [{"name": "a", "kind": "price_above", "symbols": ["BTCUSDT"],\n\t'
    text += '"threshold": 61250.1}]}'

    assert read_watch(text, "").rules[0].threshold == Decimal("61250.1")


def test_has_a_sensible_hysteresis_for_each_kind():
    """A thousandth of a price; half of a move; half of an age; five good minutes."""
    assert rule(HIGH).back == Decimal("61188.8499")
    assert rule("{name: m, kind: move, minutes: 5, threshold_ratio: 0.02}").back == Decimal("0.01")
    assert rule("{name: o, kind: older_than, minutes: 10}").back == 5
    assert rule("{name: q, kind: quality_below, grade: B}").back_minutes == 5


@pytest.mark.parametrize(
    ("written", "symbols"),
    [
        ("BTCUSDT", ("BTCUSDT",)),
        ("'BTCUSDT, ETHUSDT'", ("BTCUSDT", "ETHUSDT")),
        ("[BTCUSDT, ETHUSDT, BTCUSDT]", ("BTCUSDT", "ETHUSDT")),
        ("1000SATSUSDT", ("1000SATSUSDT",)),
    ],
    ids=["one", "commas", "a list", "digits"],
)
def test_takes_one_symbol_or_several(written, symbols):
    assert rule(HIGH.replace("BTCUSDT", written)).symbols == symbols


def test_all_symbols_where_none_is_named():
    assert rule("{name: o, kind: older_than, minutes: 10}").symbols == ()


def test_reads_every_channel():
    text = "notify: [{kind: smtp, to: 'a@x.org, b@x.org'}, {kind: slack}, "
    text += "{kind: webhook, connection: desk, endpoint: hooks/prices}]"

    assert read_watch(text, "").notify == (
        Smtp(kind="smtp", to=("a@x.org", "b@x.org"), connection="smtp_default"),
        Slack(kind="slack", connection="slack_default"),
        Webhook(kind="webhook", connection="desk", endpoint="hooks/prices"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: 3", "rules must be a list"),
        ("- a", "begin with 'rules:'"),
        ("alerts: []", "alerts is not known; it may have rules and notify"),
        ("rules: [3]", "rule 1: kind is null; write one of price_above, price_below, move, "),
        ("rules: [{name: a, kind: above}]", 'rule "a": kind is "above"; write one of price_above'),
        (
            f"rules: [{HIGH.replace('threshold', 'treshold')}]",
            'is missing; write a price above 0 in the quote asset, such as 61250.1; rule "high": t',
        ),
        (f"rules: [{HIGH[:-1]}, treshold: 1}}]", "treshold is not known to price_above; it may h"),
        (f"rules: [{HIGH.replace('61250.1', '-1')}]", 'threshold is "-1"; write a price above 0'),
        (f"rules: [{HIGH.replace('61250.1', '1e999999')}]", 'threshold is "1e999999"; write a p'),
        (f"rules: [{HIGH.replace('61250.1', '1.0e-999999')}]", "write a price above 0"),
        (f"rules: [{HIGH.replace('61250.1', '.inf')}]", 'threshold is ".inf"; write a price'),
        (f"rules: [{HIGH.replace('61250.1', '.nan')}]", 'threshold is ".nan"; write a price'),
        (f"rules: [{HIGH.replace('61250.1', '61.250,1')}]", "threshold"),
        (f"rules: [{HIGH.replace('BTCUSDT', 'btcusdt')}]", 'symbols is "btcusdt"; write a symbol'),
        (f"rules: [{HIGH.replace('symbols: BTCUSDT, ', '')}]", "symbols is missing; write a sy"),
        (f"rules: [{HIGH.replace('high', chr(34) + '{{ x }}' + chr(34))}]", "name is"),
        (
            "rules: [{name: m, kind: move, minutes: 5, threshold_ratio: 2}]",
            'is "2"; write a share of the price from 0.0001 to 1, such as 0.02 for 2 %',
        ),
        (
            "rules: [{name: o, kind: older_than, minutes: 2.5}]",
            'minutes is "2.5"; write a whole number of minutes from 2 to 240',
        ),
        ("rules: [{name: q, kind: quality_below, grade: F}]", 'grade is "F"; write one of A, B, C'),
        (f"rules: [{HIGH}, {HIGH}]", 'rule "high" is defined twice; give each its own name'),
        ("rules:\n- name: a\n  kind: move\n  name: b", "name appears twice; is a '-' missing"),
        ("notify: [{kind: smtp, to: nobody}]", 'channel 1: to is "nobody"; write an address'),
        ("notify: [{kind: slack, token: x}]", "channel 1: token is not known to slack; it may ha"),
        ("notify: [{kind: pager}]", 'channel 1: kind is "pager"; write one of smtp, slack, webh'),
        ("{", "is neither JSON nor YAML"),
        ("rules: [{? [a] : b}]", "is neither JSON nor YAML"),
        ("rules: [", "is neither JSON nor YAML"),
    ],
)
def test_names_the_rule_the_field_and_what_to_write(text, message):
    with pytest.raises(SettingsError) as raised:
        read_watch(text, "the Variable")

    assert message in str(raised.value)
    assert str(raised.value).startswith("the Variable")
    assert "\n" not in str(raised.value)


def test_kinds_are_told_apart():
    kinds = [
        rule(HIGH),
        rule("{name: m, kind: move, minutes: 5, threshold_ratio: 0.02}"),
        rule("{name: o, kind: older_than, minutes: 10}"),
    ]

    assert [type(each) for each in kinds] == [PriceAbove, Move, OlderThan]


def test_the_example_in_the_documents_is_right():
    page = (PROJECT / "docs" / "price-watch.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]

    told = read_watch(example, "the example")

    assert {rule.kind for rule in told.rules} == {
        "price_above",
        "price_below",
        "move",
        "quality_below",
        "older_than",
    }
    assert {channel.kind for channel in told.notify} == {"smtp", "slack", "webhook"}
