"""Prices, reports and a run's batches as pages of Airflow's UI, behind its login."""

from airflow.plugins_manager import AirflowPlugin

from include.web.prices_page import app


class PricesPlugin(AirflowPlugin):
    """Two navigation entries and a tab on each DAG run, served by one application."""

    name = "prices"
    fastapi_apps = [  # noqa: RUF012 - Airflow reads a list
        {"app": app, "url_prefix": "/prices", "name": "Prices"}
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
