"""Prices, reports and a run's batches as pages of Airflow's UI; health and metrics for programs."""

from airflow.plugins_manager import AirflowPlugin

from include.mart.reach import ask_mart
from include.web.health import HealthCheck, add_health
from include.web.health_exchange import ExchangeQuestion
from include.web.health_probes import Probes, SymbolReader, ask_airflow
from include.web.metrics import FactsReader, Metrics, add_metrics, needs_login
from include.web.order_gate import OrderGate
from include.web.prices_page import app

probes = Probes(
    ask_airflow=ask_airflow,
    read_symbols=SymbolReader(),
    ask_exchange=ExchangeQuestion(),
    ask_mart=ask_mart,
)
health = HealthCheck(probes.facts)
add_health(app, health)
add_metrics(app, Metrics(FactsReader(), needs_login))


class PricesPlugin(AirflowPlugin):
    """Two navigation entries and a tab on each DAG run, served by one application; and a check.

    The check is of the orders that somebody sends to Airflow by its forms or its API.
    """

    name = "prices"
    fastapi_apps = [  # noqa: RUF012 - Airflow reads a list
        {"app": app, "url_prefix": "/prices", "name": "Prices"}
    ]
    fastapi_root_middlewares = [  # noqa: RUF012 - Airflow reads a list
        {"middleware": OrderGate, "name": "Orders"}
    ]
    external_views = [  # noqa: RUF012 - Airflow reads a list
        {"name": "Prices", "href": "prices/", "destination": "nav", "url_route": "prices"},
        {
            "name": "Report",
            "href": "prices/report/",
            "destination": "nav",
            "url_route": "price-report",
        },
        {
            "name": "Batches",
            "href": "prices/run?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "price-batches",
        },
    ]
