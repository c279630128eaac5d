"""Facts in, verdict out."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.reading.health import Code, Facts, State, SymbolFacts, causes_of
from include.reading.health_values import health_values
from include.records.windows import MINUTE

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
CLOSED = NOW.replace(second=0)
PARTS = ("airflow_database", "scheduler", "store", "exchange", "mart")


def fresh(symbol="BTCUSDT", **changes):
    """A symbol whose last closed minute is published."""
    facts = SymbolFacts(
        symbol=symbol,
        freshest_minute=CLOSED - MINUTE,
        accounted_until=CLOSED,
        done_until=CLOSED,
        wanted_minutes=60,
        valued_minutes=60,
    )
    return replace(facts, **changes)


WELL = Facts(
    checked_at=NOW, **dict.fromkeys(PARTS, State.ANSWERS), symbols=(fresh(), fresh("ETHUSDT"))
)


def facts(*symbols, **changes):
    return replace(WELL, **changes, **({"symbols": symbols} if symbols else {}))


def codes(found):
    return [each.code for each in causes_of(found)]


def test_names_no_cause_when_all_is_well():
    values = health_values(WELL)

    assert (values["status"], values["causes"]) == ("ok", [])
    assert values["symbols"][0] == {
        "symbol": "BTCUSDT",
        "freshest_minute": "2026-03-01T11:59:00Z",
        "age_seconds": 30,
        "completeness_ratio": "1.000000",
        "missing_minutes": 0,
        "backlog_minutes": 0,
    }


def test_keeps_its_fields_whatever_happens():
    """Somebody's monitoring reads them."""
    unknown = Facts(NOW, *[State.UNKNOWN] * 5)

    assert (
        [*health_values(unknown)]
        == [*health_values(WELL)]
        == [
            "status",
            "checked_at",
            "causes",
            "scheduler_runs",
            "store_answers",
            "exchange_answers",
            "mart_answers",
            "breaker_open_until",
            "backlog_minutes",
            "symbols",
        ]
    )


@pytest.mark.parametrize(
    ("part", "code", "field"),
    [
        ("scheduler", Code.SCHEDULER, "scheduler_runs"),
        ("store", Code.CASSANDRA, "store_answers"),
        ("exchange", Code.EXCHANGE, "exchange_answers"),
        ("mart", Code.MART, "mart_answers"),
    ],
)
def test_names_the_part_that_does_not_answer(part, code, field):
    found = facts(**{part: State.SILENT})

    values = health_values(found)

    assert codes(found) == [code]
    assert values["status"] == "failing"
    assert {name: values[name] for name in values if values[name] is False} == {field: False}


def test_names_several_causes():
    found = facts(
        fresh(accounted_until=CLOSED - 3 * MINUTE),
        scheduler=State.SILENT,
        exchange=State.SILENT,
        mart=State.SILENT,
    )

    assert codes(found) == [Code.SCHEDULER, Code.EXCHANGE, Code.MART, Code.LATE]


def test_does_not_call_the_exchange_silent_when_the_budget_cannot_be_read():
    """It is in Cassandra, and no request may be sent without it."""
    found = facts(store=State.SILENT, exchange=State.SILENT)

    assert codes(found) == [Code.CASSANDRA]
    assert health_values(found)["exchange_answers"] is None


def test_blames_nothing_else_when_airflows_database_does_not_answer():
    """Connections are in it."""
    found = facts(**dict.fromkeys(PARTS, State.SILENT))

    values = health_values(found)

    assert codes(found) == [Code.AIRFLOW_DATABASE]
    assert {values[name] for name in values if name.endswith("_answers")} == {None}


def test_says_that_something_is_not_set_up():
    found = facts(store=State.MISCONFIGURED, mart=State.MISCONFIGURED, symbols=())

    (cause,) = causes_of(found)

    assert cause.code is Code.SETTINGS
    assert "of: store, mart;" in cause.problem


def test_says_that_the_check_itself_is_broken():
    found = facts(mart=State.BROKEN)

    assert codes(found) == [Code.CHECK]


def test_says_until_when_the_exchange_may_not_be_asked():
    """Whether it answers is not known meanwhile."""
    found = facts(exchange=State.UNKNOWN, breaker_open_until=NOW + MINUTE)

    (cause,) = causes_of(found)

    assert cause.code is Code.BREAKER
    assert "before 2026-03-01T12:01:30Z" in cause.problem
    assert health_values(found)["breaker_open_until"] == "2026-03-01T12:01:30Z"


def test_says_that_nothing_is_published_yet():
    """After a fresh install there is a store, and no minute of any symbol."""
    empty = {
        "freshest_minute": None,
        "accounted_until": None,
        "done_until": None,
        "wanted_minutes": 0,
        "valued_minutes": 0,
    }
    found = facts(fresh(**empty), fresh("ETHUSDT", **empty))

    (cause,) = causes_of(found)

    assert cause.code is Code.UNPUBLISHED
    assert "turn on the DAGs" in cause.problem
    assert health_values(found)["symbols"][1]["completeness_ratio"] is None


@pytest.mark.parametrize(
    ("behind_seconds", "expected"), [(119, []), (120, []), (121, [Code.LATE]), (3600, [Code.LATE])]
)
def test_calls_a_symbol_late_two_minutes_after_its_newest_minute(behind_seconds, expected):
    """A minute between two publications, and sixty seconds to make one."""
    until = NOW - timedelta(seconds=behind_seconds)

    assert codes(facts(fresh(accounted_until=until), fresh("ETHUSDT"))) == expected


def test_does_not_call_a_halted_symbol_late():
    """Its minutes are published without a value, and each with its reason."""
    halted = fresh(freshest_minute=CLOSED - timedelta(hours=5), wanted_minutes=0, valued_minutes=0)

    assert causes_of(facts(halted)) == []


def test_calls_a_symbol_late_that_has_nothing_while_others_have():
    found = facts(fresh(), fresh("FOOUSDT", freshest_minute=None, accounted_until=None))

    (cause,) = causes_of(found)

    assert cause.code is Code.LATE
    assert cause.problem.endswith(": FOOUSDT")


def test_names_a_few_symbols_of_many():
    late = [fresh(f"A{place}USDT", accounted_until=None) for place in range(8)]

    (cause,) = causes_of(facts(*late, fresh()))

    assert cause.problem.endswith(": A0USDT, A1USDT, A2USDT, A3USDT, A4USDT and 3 more")


@pytest.mark.parametrize(("minutes", "expected"), [(5, []), (6, [Code.BACKLOG])])
def test_calls_more_than_five_due_minutes_a_backlog(minutes, expected):
    """At 12:00:30 the minute that ended at 12:00 is not due yet."""
    found = facts(fresh(done_until=CLOSED - MINUTE - minutes * MINUTE), fresh("ETHUSDT"))

    assert codes(found) == expected
    assert health_values(found)["backlog_minutes"] == minutes


@pytest.mark.parametrize(("missing", "expected"), [(6, []), (7, [Code.INCOMPLETE])])
def test_misses_more_than_a_tenth_of_an_hour(missing, expected):
    found = facts(fresh(valued_minutes=60 - missing))

    assert codes(found) == expected
    assert health_values(found)["symbols"][0]["missing_minutes"] == missing


def test_completeness_is_what_has_a_value_of_what_may_have_traded():
    """59 of 60."""
    found = facts(fresh(valued_minutes=59))

    assert health_values(found)["symbols"][0]["completeness_ratio"] == "0.983333"


def test_is_json():
    assert json.loads(json.dumps(health_values(WELL)))["checked_at"] == "2026-03-01T12:00:30Z"


@pytest.mark.parametrize("code", [*Code])
def test_each_cause_has_a_heading_of_its_own(code):
    assert code.heading.path == f"docs/runbook.md#health-{code.value}"
