"""The tasks of report_prices, over a store in memory and a folder of a test."""

import json

import pandas as pd
from upath import UPath

from include.reports.text_rows import COUNTS, minute_prices
from include.tasks import report_prices
from tests.fakes.memory_store import MemoryStore

SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Reporter:
    """One deployment: what is published, and the tasks that run over it.

    Args:
        monkeypatch: Of the test.
        folder: What the Airflow Variable `storage_url` names.
    """

    def __init__(self, monkeypatch, folder):
        self.store = MemoryStore()
        self.folder = UPath(folder)
        self.exports = self.folder / "exports" / "minute_prices"
        monkeypatch.setattr(report_prices, "open_store", lambda: self.store)
        exchange = {"conn_type": "http", "host": "http://127.0.0.1:8900"}
        monkeypatch.setenv("AIRFLOW_CONN_BINANCE_DEFAULT", json.dumps(exchange))
        monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", ",".join(SYMBOLS))
        monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(folder))
        monkeypatch.setenv("AIRFLOW_VAR_MART_DAYS", "3650")

    def publish(self, *prices):
        """Publish minutes, each as the next revision, known when it says."""
        for price in prices:
            self.store.minute_prices.append([price.average], price.known_at)

    def run(self):
        report_prices.publish_report(report_prices.refresh_mart())

    def published(self, window):
        """Return the latest revisions of the store, by symbol and minute."""
        return [
            price
            for symbol in SYMBOLS
            for price in self.store.minute_prices.between(symbol, window)
        ]

    def exported(self):
        """Return the minutes of all CSV files, by symbol and minute."""
        prices = [price for file in self.exports.glob("csv/*/*.csv") for price in read_csv(file)]
        return sorted(prices, key=lambda price: (price.average.symbol, price.average.minute))

    def files(self):
        """Return the content of each file of the exports and the reports."""
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for part in ("exports", "reports")
            for file in sorted((self.folder / part).rglob("*"))
            if file.is_file()
        }


def read_csv(file):
    """Return the minutes of a file as anybody would read it, as text."""
    text = pd.read_csv(file, dtype=str, keep_default_na=False).replace("", None)
    return minute_prices(text.astype(dict.fromkeys(COUNTS, "Int64")))
