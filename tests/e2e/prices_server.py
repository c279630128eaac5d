"""Our pages over a store in memory: what they show is what a test has put there."""

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from dev.machine.ports import any_free_port
from include.reading.recent_minutes import RecentMinutes
from include.web import prices_api, prices_page, quality_page
from include.web.access import may_read
from include.web.prices_api import Deployment

LONGEST_START_SECONDS = 30
APPS = (prices_page.app, quality_page.app)
# What Airflow 3.3 does with a plugin's page: a frame with these rights. Its address is in Airflow's
# own after that of the plugin, and is put there whenever the frame has loaded a page.
AIRFLOW = """<!DOCTYPE html>
<html lang="en" class="light"><head><title>Airflow</title><link rel="icon" href="data:,">
<style>body { margin: 0 } iframe { border: 0; width: 100%; height: 100vh }</style></head>
<body><iframe title="page" sandbox="allow-scripts allow-same-origin allow-forms allow-downloads">
</iframe><script>
const [base] = location.pathname.match(/^[/]plugin[/][^/]+/)
const inner = location.pathname.slice(base.length)
const frame = document.querySelector("iframe")
frame.src = inner.length > 1 ? inner + location.search : "/prices/"
frame.addEventListener("load", () => {
  const { pathname, search } = frame.contentWindow.location
  history.replaceState(history.state, "", base + pathname + search)
})
</script></body></html>"""


def current_time():
    return datetime.now(UTC)


async def show_airflow(_request):
    return HTMLResponse(AIRFLOW)


@contextmanager
def serving(store, symbols, data):
    """Serve the pages as Airflow does, without its login.

    Args:
        store: In memory.
        symbols: Those that are fetched.
        data: The folder of reports and Data Docs.

    Yields:
        The address; the apps are below /prices and /quality, in Airflow's frame below /plugin.
    """
    recent = RecentMinutes(store.minute_rows, current_time)
    port = any_free_port()
    app = Starlette(
        routes=[
            Mount("/prices", prices_page.app),
            Mount("/quality", quality_page.app),
            Route("/plugin/{path:path}", show_airflow),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prices_api, "deployment", lambda: Deployment(symbols, store, recent, "here"))
        patch.setattr(quality_page, "open_store", lambda: store)
        patch.setattr(quality_page, "symbols", lambda: symbols)
        for module in (prices_page, quality_page):
            patch.setattr(module, "storage_url", lambda: str(data))
        for each in APPS:
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
            for each in APPS:
                each.dependency_overrides.clear()
