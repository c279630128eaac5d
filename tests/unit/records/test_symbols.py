import unicodedata

import pytest

from include.records.symbols import read_symbol


@pytest.mark.defect(39)
@pytest.mark.parametrize(
    "text",
    [
        "BTCUSDT",
        "1000SATSUSDT",
        "币安人生USDT",
        "BTCUSDT_260327",
        "BTC-USDT",
        "T",
        "ÜUSDT",
        "B" * 50,
    ],
)
def test_takes_whatever_the_exchange_can_list(text):
    assert read_symbol(text) == text


@pytest.mark.defect(39)
def test_is_one_symbol_however_it_is_typed():
    """A keyboard may send U and two dots; blanks around it come from a list with commas."""
    apart = unicodedata.normalize("NFD", "ÜUSDT")

    assert apart != "ÜUSDT"
    assert read_symbol(f" {apart} ") == "ÜUSDT"


@pytest.mark.defect(39)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "btcusdt",
        "币安人生usdt",
        "BTC/USDT",
        "BTC\\USDT",
        "BTC USDT",
        "BTC\nUSDT",
        "BTC,ETH",
        "BTC\0",
        ".",
        "..",
        "../BTCUSDT",
        ".BTCUSDT",
        "BTC?X",
        "BTC#X",
        "BTC%2F",
        "<B>",
        '"B"',
        "B" * 51,
    ],
)
def test_refuses_what_can_be_none_and_what_would_be_another_folder(text):
    with pytest.raises(
        ValueError, match="is not a valid symbol: write it in upper case, like BTCUSDT"
    ):
        read_symbol(text)
