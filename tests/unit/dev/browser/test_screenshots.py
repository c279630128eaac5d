import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from dev.browser import screenshots
from dev.browser.pictures import PICTURES, smaller
from dev.machine.errors import SetupError
from include.simulator.faults.faults import Fault


def test_takes_all_pages_unless_some_are_named():
    assert screenshots.chosen([]) == list(PICTURES)
    assert [each.name for each in screenshots.chosen(["data-docs"])] == ["data-docs"]


def test_says_which_pages_there_are():
    with pytest.raises(SetupError, match=r"no page is called prises; choose from .*data-docs"):
        screenshots.chosen(["prises"])


@pytest.mark.parametrize(
    ("words", "message"),
    [(["prises"], "no page is called"), (["--url", "localhost"], "no Airflow answers")],
    ids=["unknown page", "no address"],
)
def test_ends_with_2_and_one_message_before_anything_starts(words, message, capsys, monkeypatch):
    monkeypatch.setattr(screenshots.signal, "signal", lambda *_: None)
    monkeypatch.setattr(screenshots, "chromium", lambda: "chromium")

    assert screenshots.main(words) == 2
    assert message in capsys.readouterr().err


def test_names_each_picture_once():
    assert len({each.name for each in PICTURES}) == len(PICTURES)


def test_keeps_the_size_and_a_rare_colour_and_saves_bytes():
    """One amber dot among a thousand greys and reds."""
    colours = Image.effect_noise((200, 100), 90).convert("RGB")
    colours.paste((255, 60, 50), (0, 0, 100, 20))
    colours.putpixel((150, 50), (229, 185, 58))
    png = io.BytesIO()
    colours.save(png, "PNG")

    small = smaller(png.getvalue())

    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == (200, 100)
        amber = picture.convert("RGB").getpixel((150, 50))
    assert max(abs(got - was) for got, was in zip(amber, (229, 185, 58), strict=True)) < 16
    assert len(small) < len(png.getvalue())


def test_asks_for_faults_that_the_simulator_knows():
    wanted = screenshots.faults(datetime(2026, 11, 25, 12, tzinfo=UTC))

    assert [Fault.model_validate(each).symbol for each in wanted] == ["ETHUSDT", "BTCUSDT"]
