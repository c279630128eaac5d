"""Every asset, defined once; a DAG never names one by a string."""

from airflow.sdk import Asset

EXTRACTED_PRICES = Asset("extracted_prices")
MINUTE_PRICES = Asset("minute_prices")
