"""The apps of the pages over a store in memory: what is shown is what a test has put there."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from dev.machine.ports import any_free_port
from include.reading.recent_minutes import RecentMinutes
from include.web import prices_api, prices_page, quality_page
from include.web.access import may_read
from include.web.prices_api import Deployment

LONGEST_START_SECONDS = 30


def current_time():
    return datetime.now(UTC)


@contextmanager
def serving(store, symbols, storage="/nowhere"):
    """Serve the apps as Airflow does, without its login; yield their address.

    Args:
        store: In memory.
        symbols: Those that are fetched.
        storage: The folder with Data Docs and reports.
    """
    recent = RecentMinutes(store.minute_rows, current_time)
    port = any_free_port()
    apps = {"/prices": prices_page.app, "/quality": quality_page.app}
    app = Starlette(routes=[Mount(path, each) for path, each in apps.items()])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prices_api, "deployment", lambda: Deployment(symbols, store, recent, "here"))
        patch.setattr(quality_page, "open_store", lambda: store)
        patch.setattr(quality_page, "symbols", lambda: symbols)
        for module in (prices_page, quality_page):
            patch.setattr(module, "storage_url", lambda: str(storage))
        for each in apps.values():
            each.dependency_overrides[may_read] = lambda: "somebody"
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            gives_up_at = time.monotonic() + LONGEST_START_SECONDS
            while not server.started and time.monotonic() < gives_up_at:
                time.sleep(0.05)
            assert server.started
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
            for each in apps.values():
                each.dependency_overrides.clear()
