import json
import re
from pathlib import Path

import pytest

from include.records.prices import DUE, NOT_PUBLISHED, Flag, Grade, SoftFlag
from include.records.revisions import MinuteState
from include.records.verdicts import State
from include.records.vocabulary import (
    CAUSES,
    GRADES,
    GROUPS,
    ROW_STATES,
    SOFT_FLAGS,
    STATES,
    script,
    words_of,
)

INCLUDE = Path(__file__).parents[3] / "include"
WORDS = [word for group in GROUPS.values() for word in group]


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        (CAUSES, [*Flag, NOT_PUBLISHED, DUE]),
        (SOFT_FLAGS, [*SoftFlag]),
        (STATES, [*MinuteState]),
        (GRADES, [*Grade]),
        (ROW_STATES, [*State]),
    ],
    ids=["causes", "soft flags", "states", "grades", "rows"],
)
def test_has_a_word_for_every_code(group, codes):
    assert [word.code for word in group] == codes


def test_a_word_is_its_code_in_small_letters():
    assert [words_of(code) for code in ("INGEST_GAP", "JUMP_CONFIRMED", "OK", "A", "DUE")] == [
        "ingest gap",
        "jump confirmed",
        "OK",
        "A",
        "due",
    ]


def test_shows_a_code_without_a_word_as_it_is():
    assert words_of("LAST_VWAP") == "LAST_VWAP"


def test_no_two_words_are_the_same():
    assert len({word.words for word in WORDS}) == len({word.code for word in WORDS}) == len(WORDS)


def test_a_meaning_follows_a_colon_and_precedes_a_full_stop():
    wrong = [word.meaning for word in WORDS if not re.fullmatch(r"[a-z].*[a-z0-9]", word.meaning)]

    assert wrong == []


def test_the_pages_have_the_same_words():
    lines = script().splitlines()

    given = {
        name: json.loads(text)
        for name, text in (
            re.fullmatch(r"export const (\w+) = (.*);", line).groups() for line in lines
        )
    }

    assert [*given] == [name.upper() for name in GROUPS]
    assert given["CAUSES"][6] == {
        "code": "INGEST_GAP",
        "words": "ingest gap",
        "meaning": "we could not fetch it; it gets a value once we can",
    }


def test_the_pages_draw_every_cause():
    drawn = (INCLUDE / "web" / "static" / "causes.js").read_text("utf-8")

    assert re.findall(r"^  ([A-Z_]+): \{ height", drawn, re.MULTILINE) == [
        word.code for word in CAUSES
    ]


@pytest.mark.parametrize("file", ["web/static/*.html", "web/*.j2", "reports/*.j2"])
def test_no_page_has_other_words_for_a_cause(file):
    """What pages and reports once called them."""
    others = re.compile("our gap|not fetched by us|trading halted|with a remark", re.IGNORECASE)

    found = {path.name: others.findall(path.read_text("utf-8")) for path in INCLUDE.glob(file)}

    assert {name: words for name, words in found.items() if words} == {}
