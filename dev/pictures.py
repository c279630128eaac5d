"""Pictures of this project's pages in Airflow's UI, by day and by night, for the documents."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Error, Page

from dev.console import step
from dev.errors import StartError

FOLDER = Path("docs") / "images"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The frame in which Airflow shows a plugin's page.
FRAME = "iframe"
COLOURS = 256
# Airflow's scripts take some seconds to run on a small machine.
PAGE_TIMEOUT_MS = 60_000
# What is drawn after the heading: charts, and what slides in.
SETTLE_MS = 1_500


@dataclass(frozen=True)
class Picture:
    """One page to take.

    Attributes:
        name: The file's, before -light.png and -dark.png.
        path: Where Airflow shows it, like /plugin/quality.
        ready: A heading, in Airflow's frame or outside, that is there when the page is.
        width: Of the window, pixels.
        height: Of the window, pixels.
    """

    name: str
    path: str
    ready: str
    width: int = 1280
    height: int = 800


PICTURES = (
    Picture("data-quality", "/plugin/quality", "Data quality"),
    Picture("data-docs", "/plugin/data-docs", "Data Docs"),
)


def take(browser: Browser, url: str, pictures: Iterable[Picture], folder: Path) -> None:
    """Write NAME-light.png and NAME-dark.png of each page.

    Raises:
        StartError: A page did not come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        with browser.new_context(color_scheme=scheme, locale="en-GB") as context:
            context.set_default_timeout(PAGE_TIMEOUT_MS)
            page = context.new_page()
            for picture in pictures:
                file = folder / f"{picture.name}-{scheme}.png"
                with step(f"{picture.path} by {scheme}", "some seconds"):
                    file.write_bytes(smaller(_picture(page, url, picture)))


def _picture(page: Page, url: str, picture: Picture) -> bytes:
    page.set_viewport_size({"width": picture.width, "height": picture.height})
    try:
        page.goto(f"{url}{picture.path}")
        framed = page.frame_locator(FRAME).get_by_role("heading", name=picture.ready)
        framed.or_(page.get_by_role("heading", name=picture.ready)).first.wait_for()
    except Error as error:
        raise StartError(
            f"{url}{picture.path} did not show {picture.ready!r} within "
            f"{PAGE_TIMEOUT_MS // 1000} s (does Airflow ask for a login?): {error.message}"
        ) from error
    page.wait_for_timeout(SETTLE_MS)
    return page.screenshot(animations="disabled")


def smaller(png: bytes) -> bytes:
    """Return a picture with at most 256 colours: pages have few, and files a third of the size."""
    with Image.open(io.BytesIO(png)) as picture:
        # The default method turns a single amber number red; dithering sprinkles plain grounds.
        few = picture.convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
