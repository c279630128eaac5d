import re
from pathlib import Path

import pytest

from include.records.palette import COLOURS, light, style_sheet
from include.records.prices import NOT_PUBLISHED, Flag

INCLUDE = Path(__file__).parents[3] / "include"
USED = re.compile(r"var\(--(\w+)\)|colour\(\"(\w+)\"\)")


def test_every_cause_has_a_colour():
    assert {*Flag, NOT_PUBLISHED} <= {*COLOURS}


def test_the_line_of_prices_has_the_colour_of_no_cause():
    """Blue was the VWAP, a revision and a gap of ours."""
    for theme in (0, 1):
        causes = {COLOURS[cause][theme] for cause in (*Flag, NOT_PUBLISHED)}

        assert COLOURS["vwap"][theme] not in causes
        assert len(causes) == len([*Flag]) + 1


def test_writes_each_colour_for_light_for_dark_and_for_paper():
    """Twice dark: where the system is, and where the page is told so. Paper is light, and last."""
    text = style_sheet()

    assert light("bad") == "#b3261e"
    assert text.count("--bad: #b3261e;") == 2
    assert text.count("--bad: #ff8a80;") == 2
    assert text.rindex("--bad: #b3261e;") > text.index("@media print") > text.rindex("#ff8a80")


def luminance(colour):
    """As WCAG 2 defines it, of #rrggbb."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "card", "shade"])
@pytest.mark.parametrize("text", ["ink", "soft", "link", "good", "bad", "warn"])
def test_every_text_can_be_read_on_every_ground(text, ground, theme):
    """WCAG 2 asks for 4.5; axe-core does not judge a text over the shades of a wide table."""
    lighter, darker = sorted(
        (luminance(COLOURS[name][theme]) for name in (text, ground)), reverse=True
    )

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


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
