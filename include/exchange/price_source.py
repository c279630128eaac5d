"""Where the prices of an answer come from: the exchange itself, or a simulator.

A source is one short line, the same in the batch log, the mart, the files and on the pages:
"LIVE data-api.binance.vision", "ARCHIVE data.binance.vision", "REPLAY of 2020-01-01", "GENERATED".
"""

from __future__ import annotations

from urllib.parse import urlsplit

from include.exchange.hosts import ARCHIVE_HOST, HOSTS
from include.records.shown_text import shown_text

# What a simulator says of the symbol that it answers about (docs/simulator.md).
SOURCE_HEADER = "x-simulator-source"
LONGEST_SOURCE = 120
SIMULATED = ("REPLAY", "GENERATED")


def price_source(base_url: str, said: str, kind: str = "LIVE") -> str:
    """Return the source of an answer.

    Args:
        base_url: Whose answer; only Binance's hosts and a simulator's are ever asked.
        said: Its SOURCE_HEADER; empty without one. Only a simulator is believed.
        kind: What the exchange's own host gives: LIVE prices, or its ARCHIVE.
    """
    parts = urlsplit(base_url)
    if parts.hostname in {*HOSTS, ARCHIVE_HOST}:
        return f"{kind} {parts.hostname}"
    text = shown_text(said)[:LONGEST_SOURCE]
    # Whatever it is, it is not the exchange.
    return text if text.startswith(SIMULATED) else f"REPLAY by {parts.netloc}"
