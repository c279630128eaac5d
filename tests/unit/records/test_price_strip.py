from datetime import UTC, datetime, timedelta

import pytest

from include.records.price_strip import Level, PriceStrip, duration_text, source_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def strip(age_seconds, minute=NOON):
    """The newest price is of the minute; its end is so many seconds ago."""
    return PriceStrip("GENERATED", minute, minute + timedelta(seconds=60 + age_seconds))


@pytest.mark.parametrize(
    ("age_seconds", "level", "words"),
    [
        (23, Level.FRESH, "23 s old"),
        (89.9, Level.FRESH, "89 s old"),
        (90, Level.LATE, "90 s old"),
        (179, Level.LATE, "2 min old"),
        (180, Level.STALE, "3 min old"),
    ],
)
def test_says_how_old_the_price_is_and_what_that_means(age_seconds, level, words):
    made = strip(age_seconds)

    assert (made.level, made.text) == (level, f"GENERATED · price of 12:00, {words}")


def test_a_minute_that_still_runs_is_not_of_the_future():
    assert strip(-30).age == timedelta(0)


def test_names_the_day_of_an_older_price():
    assert strip(3 * 86_400).age_text == "price of 2026-03-01 12:00, 3 d old"


def test_no_price_is_as_bad_as_a_stale_one():
    made = PriceStrip("GENERATED", None, NOON)

    assert (made.level, made.age_text, made.values()["age_seconds"]) == (
        Level.STALE,
        "no price",
        None,
    )


def test_hands_its_limits_on_to_the_pages():
    values = strip(23).values()

    assert (values["late_after_seconds"], values["stale_after_seconds"]) == (90, 180)
    assert (values["age_seconds"], values["minute_text"]) == (23, "12:00")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_writes_a_duration_in_its_largest_unit(seconds, text):
    assert duration_text(timedelta(seconds=seconds)) == text


def test_names_the_symbols_only_where_sources_differ():
    one = {"BTCUSDT": "GENERATED", "ETHUSDT": "GENERATED"}
    several = {
        "BTCUSDT": "REPLAY of 2020-01-01",
        **{f"M{number}USDT": "GENERATED" for number in range(7)},
        "OLDUSDT": None,
    }

    assert source_text(one) == "GENERATED"
    assert source_text(several) == (
        "REPLAY of 2020-01-01 (BTCUSDT); GENERATED (7 symbols); source not noted (OLDUSDT)"
    )
    assert source_text({}) == "source not noted"


def test_names_the_kinds_in_a_word():
    source = source_text({"BTCUSDT": "GENERATED", "ETHUSDT": "REPLAY of 2020-01-01"})

    assert PriceStrip(source, None, NOON).kinds == "REPLAY+GENERATED"
