"""Send the gauges through Airflow's own metrics client: StatsD or OpenTelemetry, as configured."""

import logging
from collections.abc import Sequence

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from include.orchestration.connections import binance_settings
from include.orchestration.context import now
from include.reading.gauge_facts import GaugeReader
from include.reading.gauges import Sample, samples_of
from include.records.isolation import run_each
from include.store.store import Store

# Of the section `metrics`, in the order in which Airflow asks for them: the first that is on wins.
DATADOG, STATSD, OTEL = "statsd_datadog_enabled", "statsd_on", "otel_on"
TAGS_IN_NAMES = "statsd_influxdb_enabled"
METRICS = "metrics"

log = logging.getLogger(__name__)


def send_gauges(store: Store, symbols: Sequence[str]) -> None:
    """Read and send every gauge; nothing is read while Airflow's metrics are off.

    A failure is logged and fails nobody.
    """
    client = next((each for each in (DATADOG, STATSD, OTEL) if _is_on(each)), None)
    if client is None:
        return
    sent = run_each([client], lambda _: _send(client, store, symbols))
    for error in sent.failed.values():
        log.warning("the gauges were not sent: %s: %s", type(error).__name__, error)


def _send(client: str, store: Store, symbols: Sequence[str]) -> None:
    facts = GaugeReader().read(store, symbols, binance_settings(), now())
    for sample in samples_of(facts):
        name, tags = _named(client, sample)
        # All three have floats only.
        stats.gauge(name, float(sample.value), tags=tags)


def _named(client: str, sample: Sample) -> tuple[str, dict[str, str]]:
    """Return the name and tags of a sample; StatsD proper has no tags, so the name has the symbol.

    Airflow refuses names and StatsD's tags that are not ASCII, as some symbols are.
    """
    name, symbol = sample.gauge.metric, sample.symbol
    if symbol is None:
        return name, {}
    if client == OTEL:
        return name, {"symbol": symbol}
    plain = stats.normalize_name_for_stats(symbol, log_warning=False)
    if client == DATADOG or _is_on(TAGS_IN_NAMES):
        return name, {"symbol": plain}
    return f"{name}.{plain}", {}


def _is_on(switch: str) -> bool:
    return bool(conf.getboolean(METRICS, switch, fallback=False))
