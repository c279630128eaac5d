"""GET /prices/metrics: the figures to watch, for Prometheus; a setting decides about the login."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk import Variable
from fastapi import FastAPI, Request, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from include.orchestration.connections import binance_settings
from include.orchestration.context import now
from include.reading.gauge_facts import GaugeReader
from include.reading.gauges import Gauge, GaugeFacts, Sample, samples_of
from include.web.access import check_may_read
from include.web.prices_api import deployment
from include.web.probes import Fact, Probe
from include.web.shared_answers import SharedAnswer

PATH = "/metrics"
# However many scrape, the store is read once in this time.
KEPT_SECONDS = 5.0
# Of reading the setting, and then of reading the figures. Prometheus gives up after ten seconds,
# unless it is told otherwise.
LIMIT_SECONDS = 4.0
# `off` where whoever reaches the API server may read the figures.
NEED_LOGIN = "metrics_need_login"
BEARER = HTTPBearer(auto_error=False)


class Metrics:
    """One reading of the figures for all who scrape at the same time, and for some seconds.

    Args:
        read: Returns the facts of the gauges.
        ask_login: Whether only those who have logged in may read them.
        kept_seconds: How long both are given again.
        limit_seconds: How long each may take.
    """

    def __init__(
        self,
        read: Callable[[], GaugeFacts],
        ask_login: Callable[[], bool],
        *,
        kept_seconds: float = KEPT_SECONDS,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        self._facts = Probe("metrics-facts", read)
        self._login = Probe("metrics-login", ask_login)
        self._limit_seconds = limit_seconds
        self._text = SharedAnswer("metrics-text", self._expose, kept_seconds)
        self._needs_login = SharedAnswer("metrics-access", self._ask_login, kept_seconds)

    async def needs_login(self) -> bool:
        """Tell whether only those who have logged in may read the figures."""
        return await self._needs_login.get()

    async def text(self) -> bytes:
        """Return the figures of a moment ago, or new ones, in Prometheus's text format."""
        return await self._text.get()

    def _expose(self) -> bytes:
        return text_of(samples_of(self._answer(self._facts)))

    def _ask_login(self) -> bool:
        # A setting that cannot be read opens nothing.
        return self._answer(self._login) is not False

    def _answer(self, probe: Probe[Fact]) -> Fact | None:
        probe.start()
        _, found = probe.result(time.monotonic() + self._limit_seconds)
        return found


class _Families(Collector):
    """Samples as prometheus_client collects them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = [*samples]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in Gauge:
            labels = ["symbol"] if gauge.value.is_by_symbol else []
            family = GaugeMetricFamily(gauge.metric, gauge.value.meaning, labels=labels)
            for sample in self._samples:
                if sample.gauge is gauge:
                    # Prometheus has floats only.
                    family.add_metric([sample.symbol] if sample.symbol else [], float(sample.value))
            if family.samples:
                yield family


def text_of(samples: Iterable[Sample]) -> bytes:
    """Return samples in Prometheus's text format."""
    return generate_latest(_Families(samples))


def needs_login() -> bool:
    """Tell whether only those who have logged in may read the figures."""
    return str(Variable.get(NEED_LOGIN, default="on")).strip().lower() != "off"


class FactsReader:
    """Reads the facts over the store that the pages use."""

    def __init__(self) -> None:
        self._reader = GaugeReader()

    def __call__(self) -> GaugeFacts:
        """Return the facts of every gauge."""
        held = deployment()
        return self._reader.read(held.store, held.symbols, binance_settings(), now())


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Serve the figures at /metrics, for GET and HEAD.

    A plain route, which asks for the login by itself: a setting can switch it off.
    """

    async def show_metrics(request: Request) -> Response:
        if await metrics.needs_login():
            check_may_read(await get_user(request, None, await BEARER(request)))
        return Response(await metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    # Starlette adds HEAD.
    app.add_route(PATH, show_metrics, methods=["GET"], include_in_schema=False)
