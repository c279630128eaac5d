"""What the DAGs share: connections, assets, defaults, forms, alerts, notifiers."""
