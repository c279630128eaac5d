import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from dev import screenshots
from dev.errors import SetupError
from dev.pictures import PICTURES, smaller
from include.simulator.faults import Fault


def test_takes_all_pages_unless_some_are_named():
    assert screenshots.chosen([]) == list(PICTURES)
    assert [each.name for each in screenshots.chosen(["data-docs"])] == ["data-docs"]


def test_says_which_pages_there_are():
    with pytest.raises(SetupError, match=r"no page is called prises; there are .*data-docs"):
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


def test_keeps_the_size_of_a_picture_and_saves_bytes():
    colours = Image.effect_noise((200, 100), 90).convert("RGB")
    png = io.BytesIO()
    colours.save(png, "PNG")

    small = smaller(png.getvalue())

    with Image.open(io.BytesIO(small)) as picture:
        assert (picture.size, picture.mode) == ((200, 100), "P")
    assert len(small) < len(png.getvalue())


def test_asks_for_faults_that_the_simulator_knows():
    wanted = screenshots.faults(datetime(2026, 11, 25, 12, tzinfo=UTC))

    assert [Fault.model_validate(each).symbol for each in wanted] == ["ETHUSDT", "BTCUSDT"]
