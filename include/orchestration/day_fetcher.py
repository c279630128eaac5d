"""The fetcher of whole days, opened from Airflow's connections."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from include.exchange.archive_client import ArchiveClient, ArchiveSettings
from include.exchange.days import DayFetcher
from include.exchange.hosts import is_simulator
from include.orchestration.connections import open_exchange
from include.orchestration.context import now
from include.store.store import Store

# Its share of the weight that all workers may use: live prices need a small part.
BUDGET_SHARE = 0.5
# Others may use up a minute's share; the next minute has its own.
PATIENCE_SECONDS = 300.0


@contextmanager
def open_fetcher(store: Store) -> Iterator[DayFetcher]:
    """Open the archive, and the exchange within a share of the budget.

    Args:
        store: Holds the budget.
    """
    access = open_exchange(store, share=BUDGET_SHARE, patience_seconds=PATIENCE_SECONDS)
    base_url, named = access.settings.base_urls[0], access.settings.simulator_host
    with tempfile.TemporaryDirectory() as folder:
        settings = ArchiveSettings(Path(folder))
        # A simulator serves the archive next to the API.
        if is_simulator(urlsplit(base_url).hostname or "", named):
            settings = ArchiveSettings(Path(folder), base_url, simulator_host=named)
        with ArchiveClient(settings) as archive, access.client(now) as exchange:
            yield DayFetcher(archive, exchange, now)
