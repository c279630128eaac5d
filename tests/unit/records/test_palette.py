import re
from pathlib import Path

from include.records.palette import COLOURS, light, style_sheet
from include.records.prices import NOT_PUBLISHED, Flag

INCLUDE = Path(__file__).parents[3] / "include"
USED = re.compile(r"var\(--(\w+)\)|colour\(\"(\w+)\"\)")


def test_every_cause_has_a_colour():
    assert {*Flag, NOT_PUBLISHED} <= {*COLOURS}


def test_writes_each_colour_for_light_and_for_dark():
    """Twice dark: where the system is, and where the page is told so."""
    text = style_sheet()

    assert light("bad") == "#b3261e"
    assert text.count("--bad: #b3261e;") == 1
    assert text.count("--bad: #ff8a80;") == 2


def test_has_every_colour_that_a_page_names():
    files = [
        file
        for pattern in ("web/static/*.*", "web/*.j2", "reports/*.j2", "gx/static/data_docs.css")
        for file in INCLUDE.glob(pattern)
    ]
    named = {
        first or second for file in files for first, second in USED.findall(file.read_text("utf-8"))
    }

    assert len(named) > 10
    assert named - {*COLOURS} == set()


def test_no_page_has_a_colour_of_its_own():
    files = [*INCLUDE.glob("web/static/*.*"), *INCLUDE.glob("*/*.j2")]
    own = {
        file.name: found
        for file in files
        if (found := re.findall(r"#[0-9a-fA-F]{6}\b", file.read_text("utf-8")))
    }

    assert own == {}
