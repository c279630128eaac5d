"""A ban in the middle of the flow: the first who hears of it stops all others."""

from datetime import UTC, datetime

from include.marketdata.windows import MINUTE, floor_minute
from include.simulator.markets import MARKETS

BAN_SECONDS = 120


def name_symbols(product, symbols):
    with product.stack.rest() as api:
        body = {"key": "symbols", "value": ",".join(symbols)}
        api.patch("/variables/symbols", json=body).raise_for_status()


def test_meets_a_ban_once_and_fills_every_window_after_it(product):
    """Twenty mapped fetches; the exchange bans the address while they wait for their minute."""
    symbols = list(MARKETS)[:20]
    name_symbols(product, symbols)
    product.wait_until_published(floor_minute(datetime.now(UTC)), symbols=symbols)
    product.wait_for(
        lambda: len(product.task_instances("ingest_prices", task_id="fetch", state="running")) > 1,
        seconds=90,
        what="a run whose fetches wait for their minute",
    )

    asked = product.simulator.post("/bans", json={"seconds": BAN_SECONDS}).raise_for_status()

    ends_at = datetime.fromtimestamp(asked.json()["banned_until_ms"] / 1000, UTC)
    began_ms = asked.json()["banned_until_ms"] - BAN_SECONDS * 1000
    banned_minute = floor_minute(ends_at) - MINUTE
    product.wait_until_published(floor_minute(ends_at), symbols=symbols, seconds=300)
    requests = product.simulator.get("/requests").json()
    during = [entry for entry in requests if began_ms <= entry["at_ms"] < began_ms + 120_000]
    assert [entry["status"] for entry in during] == [418]
    for symbol in symbols:
        minutes = product.minutes(symbol, banned_minute - MINUTE, floor_minute(ends_at) + MINUTE)
        assert [price.average.flag.value for price in minutes] == ["OK"] * 3
