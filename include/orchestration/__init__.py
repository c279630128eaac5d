"""What the DAGs share in Airflow: connections, assets, defaults, forms, alerts, notifiers."""
