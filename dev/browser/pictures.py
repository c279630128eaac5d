"""Take pictures of this project's pages in Airflow's UI, light and dark, for the documents."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Error, Page

from dev.machine.console import step
from dev.machine.errors import StartError
from include.storage.whole_files import write_whole

FOLDER = Path("docs") / "images"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RUN_ID = "RUN_ID"
NEWEST_RUN = "/api/v2/dags/ingest_prices/dagRuns?state=success&order_by=-start_date&limit=1"
# The frame in which Airflow shows a plugin's page.
FRAME = "iframe"
COLOURS = 256
# Airflow's scripts take some seconds to run on a small machine.
PAGE_TIMEOUT_MS = 60_000
# For what is drawn after the heading: charts and animations.
SETTLE_MS = 1_500


@dataclass(frozen=True)
class Picture:
    """One page to take.

    Attributes:
        name: The file's, before -light.png and -dark.png.
        path: Where Airflow shows it, like /plugin/quality; RUN_ID in it is a run of ingest_prices.
        ready: A heading that exists once the page has loaded, in Airflow's frame if it has one.
        drawn: A CSS selector that also matches once everything is drawn.
        press: The element to focus, then the keys to press there.
        width: Of the window, pixels.
        height: Of the window, pixels.
        schemes: Colour schemes to take it in.
    """

    name: str
    path: str
    ready: str
    drawn: str = "h1"
    press: tuple[str, ...] = ()
    width: int = 1280
    height: int = 800
    schemes: tuple[Scheme, ...] = SCHEMES


PICTURES = (
    Picture("prices", "/plugin/prices", "Prices", "#board[aria-busy=false]", height=900),
    # A click on a minute opens a panel below the chart.
    Picture(
        "prices-minute",
        "/plugin/prices",
        "Prices",
        "#board[aria-busy=false]",
        press=("#axis", "End", "Shift+ArrowLeft"),
        height=1500,
    ),
    # Without Airflow's navigation, which takes a quarter of a phone's screen.
    Picture(
        "prices-phone",
        "/prices/",
        "Prices",
        "#board[aria-busy=false]",
        width=380,
        schemes=("dark",),
    ),
    Picture("report", "/plugin/price-report", "Report", "#which:enabled", height=900),
    Picture("batches", f"/dags/ingest_prices/runs/{RUN_ID}/plugin/price-batches", "Batches", "td"),
    Picture("data-quality", "/plugin/quality", "Data quality"),
    Picture("data-docs", "/plugin/data-docs", "Data Docs"),
)


def take(browser: Browser, url: str, pictures: Iterable[Picture], folder: Path) -> None:
    """Write NAME-light.png and NAME-dark.png of each page.

    Raises:
        StartError: A page did not load, or there is no run to show.
    """
    for scheme in SCHEMES:
        with browser.new_context(color_scheme=scheme, locale="en-GB") as context:
            context.set_default_timeout(PAGE_TIMEOUT_MS)
            page = context.new_page()
            for picture in (each for each in pictures if scheme in each.schemes):
                file = folder / f"{picture.name}-{scheme}.png"
                with step(f"{picture.path} by {scheme}", "some seconds"):
                    write_whole(file, smaller(_picture(page, url, picture)))


def _picture(page: Page, url: str, picture: Picture) -> bytes:
    page.set_viewport_size({"width": picture.width, "height": picture.height})
    path = picture.path
    if RUN_ID in path:
        path = path.replace(RUN_ID, _newest_run(page, url))
    try:
        page.goto(f"{url}{path}")
        shown = page.frame_locator(FRAME) if "/plugin/" in path else page
        shown.get_by_role("heading", name=picture.ready).first.wait_for()
        shown.locator(picture.drawn).first.wait_for(state="attached")
        if picture.press:
            focus, *keys = picture.press
            shown.locator(focus).focus()
            for key in keys:
                page.keyboard.press(key)
    except Error as error:
        raise StartError(
            f"{url}{path} did not show {picture.ready!r} within "
            f"{PAGE_TIMEOUT_MS // 1000} s (does Airflow ask for a login?): {error.message}"
        ) from error
    page.wait_for_timeout(SETTLE_MS)
    return page.screenshot(animations="disabled")


def _newest_run(page: Page, url: str) -> str:
    answer = page.request.get(f"{url}{NEWEST_RUN}")
    runs = answer.json()["dag_runs"] if answer.ok else []
    if not runs:
        raise StartError(f"{url} shows no run of ingest_prices that succeeded: is the DAG on?")
    return str(runs[0]["dag_run_id"])


def smaller(png: bytes) -> bytes:
    """Return a picture reduced to 256 colours: pages have few, and files shrink to a third."""
    with Image.open(io.BytesIO(png)) as picture:
        # The default method turns a single amber number red; dithering sprinkles plain grounds.
        few = picture.convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
