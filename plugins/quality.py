"""Data quality and Data Docs as pages of Airflow's UI, behind its login."""

from airflow.plugins_manager import AirflowPlugin

from include.web.quality_page import app


class QualityPlugin(AirflowPlugin):
    """Two navigation entries, served by one application."""

    name = "prices_quality"
    fastapi_apps = [  # noqa: RUF012 - Airflow reads a list
        {"app": app, "url_prefix": "/quality", "name": "Data quality"}
    ]
    external_views = [  # noqa: RUF012 - Airflow reads a list
        {
            "name": "Data quality",
            "href": "quality/",
            "destination": "nav",
            "url_route": "quality",
        },
        {
            "name": "Data Docs",
            "href": "quality/docs/index.html",
            "destination": "nav",
            "url_route": "data-docs",
        },
    ]
