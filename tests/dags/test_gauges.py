"""Gauges through Airflow's own metrics client, as the task that publishes sends them."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from include.exchange.transport import BinanceSettings
from include.reading.gauges import Gauge
from include.records.errors import StoreSilentError
from include.records.windows import MINUTE
from include.tasks import average_minutes, gauges
from include.tasks.gauges import DATADOG, OTEL, STATSD, TAGS_IN_NAMES, send_gauges
from tests.fakes.builders import NOON, average
from tests.fakes.memory_store import MemoryStore

NOW = NOON + timedelta(seconds=30)
ODD = "币安人生USDT"


@pytest.fixture
def switches(monkeypatch):
    """Airflow's settings; all are off."""
    on = set()
    monkeypatch.setattr(
        gauges, "conf", SimpleNamespace(getboolean=lambda _, name, fallback: name in on or fallback)
    )
    return on


@pytest.fixture
def sent(monkeypatch):
    """What the client is given."""
    found = []
    monkeypatch.setattr(
        gauges.stats, "gauge", lambda name, value, *, tags: found.append((name, value, tags))
    )
    monkeypatch.setattr(gauges, "now", lambda: NOW)
    monkeypatch.setattr(
        gauges, "binance_settings", lambda: BinanceSettings(("https://data-api.binance.vision",))
    )
    return found


@pytest.fixture
def store():
    held = MemoryStore()
    for symbol in ("BTCUSDT", ODD):
        for end in (NOON - MINUTE, NOON):
            minute = average(end - MINUTE, symbol=symbol)
            held.minute_prices.append([minute], end + timedelta(seconds=4))
        held.set_stored_until(symbol, NOON)
        held.set_averaged_until(symbol, NOON)
    return held


def test_does_nothing_at_all_while_metrics_are_off(switches, sent):
    assert not switches

    send_gauges(None, None)

    assert sent == []


def test_sends_every_gauge_to_opentelemetry_with_the_symbol_as_it_is(switches, sent, store):
    switches.add(OTEL)

    send_gauges(store, ["BTCUSDT", ODD])

    assert {name for name, _, _ in sent} == {gauge.metric for gauge in Gauge}
    assert ("minute_prices_publish_delay_seconds", 4.0, {"symbol": ODD}) in sent
    assert ("minute_prices_up", 1.0, {}) in sent
    assert all(isinstance(value, float) for _, value, _ in sent)


def test_names_the_symbol_where_the_client_knows_no_tags(switches, sent, store):
    """Or the last symbol's value would be everybody's. Airflow takes ASCII only."""
    switches.add(STATSD)

    send_gauges(store, ["BTCUSDT", ODD])

    assert ("minute_prices_late.BTCUSDT", 0.0, {}) in sent
    assert ("minute_prices_late.____USDT", 0.0, {}) in sent
    assert ("minute_prices_up", 1.0, {}) in sent


@pytest.mark.parametrize("on", [{STATSD, TAGS_IN_NAMES}, {DATADOG}, {DATADOG, STATSD, OTEL}])
def test_tags_the_symbol_where_statsd_has_tags(switches, sent, store, on):
    switches |= on

    send_gauges(store, [ODD])

    assert ("minute_prices_late", 0.0, {"symbol": "____USDT"}) in sent


@pytest.mark.parametrize(("switch", "count"), [("STATSD_ON", 26), ("OTEL_ON", 26), ("NONE", 0)])
def test_asks_airflows_own_settings(monkeypatch, sent, store, switch, count):
    """Four values of no symbol, and eleven of each of two."""
    monkeypatch.setenv(f"AIRFLOW__METRICS__{switch}", "True")

    send_gauges(store, ["BTCUSDT", ODD])

    assert len(sent) == count


@pytest.mark.parametrize("error", [OSError("no route to host"), StoreSilentError("down")])
@pytest.mark.usefixtures("sent")
def test_a_failure_to_send_is_logged_and_fails_nobody(switches, store, monkeypatch, caplog, error):
    switches.add(OTEL)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(gauges.stats, "gauge", fail)

    send_gauges(store, ["BTCUSDT"])

    assert f"the gauges were not sent: {type(error).__name__}" in caplog.text


def test_the_task_sends_them_once_it_has_published(monkeypatch, store):
    """Of all symbols, whatever became of them."""
    publication = SimpleNamespace(
        prices=(),
        withheld=(),
        restated=(),
        failed={},
        window=None,
        closed_until=NOON,
        counts_by_flag=dict,
    )
    steps = []
    publisher = SimpleNamespace(
        store=store,
        symbols=("BTCUSDT", ODD),
        publish_closed_minutes=lambda: steps.append("published") or publication,
    )
    monkeypatch.setattr(average_minutes, "open_publisher", lambda _: publisher)
    monkeypatch.setattr(average_minutes, "open_checkpoints", lambda *_: None)
    monkeypatch.setattr(average_minutes, "queue_alerts", lambda _: None)
    monkeypatch.setattr(average_minutes, "send_gauges", lambda *given: steps.append(given))

    average_minutes.publish()

    assert steps == ["published", (store, ("BTCUSDT", ODD))]
