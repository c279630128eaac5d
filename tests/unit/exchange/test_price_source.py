import pytest

from include.exchange.price_source import LONGEST_SOURCE, price_source


@pytest.mark.parametrize(
    ("url", "said", "source"),
    [
        ("https://data-api.binance.vision", "", "LIVE data-api.binance.vision"),
        ("https://api1.binance.com", "GENERATED", "LIVE api1.binance.com"),
        ("http://127.0.0.1:8900", "GENERATED", "GENERATED"),
        ("http://127.0.0.1:8900", "REPLAY of 2020-01-01", "REPLAY of 2020-01-01"),
        ("http://127.0.0.1:8900", "", "REPLAY by 127.0.0.1:8900"),
        ("http://simulator:8900", "", "REPLAY by simulator:8900"),
        ("http://localhost:8900", "LIVE api.binance.com", "REPLAY by localhost:8900"),
    ],
    ids=[
        "the exchange",
        "not believed",
        "generated",
        "replayed",
        "silent",
        "named",
        "no simulator is live",
    ],
)
def test_only_the_exchanges_own_hosts_are_live(url, said, source):
    assert price_source(url, said) == source


def test_calls_the_exchanges_archive_so():
    url = "https://data.binance.vision"

    assert price_source(url, "", "ARCHIVE") == "ARCHIVE data.binance.vision"


def test_takes_no_more_than_one_short_line_of_a_simulator():
    said = price_source("http://127.0.0.1:8900", "REPLAY\n" + "x" * 1_000)

    assert said.startswith("REPLAY xxx")
    assert len(said) == LONGEST_SOURCE
