"""The report as one picture, for a mail or a chat: each price's change and each minute's cause."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Patch

from include.records.palette import light
from include.records.prices import NOT_PUBLISHED, Flag
from include.records.vocabulary import words_of
from include.records.windows import MINUTE, Window
from include.reports.figures import SymbolFigures

LINES = (
    *map(light, ("INGEST_GAP", "PARTIAL", "OK", "EXCHANGE_OUTAGE", "HALTED", "SOURCE_GAP")),
    "#000000",
)
DASHES = ("-", "--", ":")
# Most minutes are OK: its colour is pale here, so that the others stand out.
CAUSE_COLOURS = {
    **{flag.value: light(flag.value) for flag in Flag},
    Flag.OK.value: "#cfe8df",
    NOT_PUBLISHED: "#ffffff",
}
INCHES_WIDE = 10.0
PIXELS_AN_INCH = 110
# matplotlib counts time in days.
DAY_MINUTES = 1440
FEW = 120
# Room for the names at the left and the legend at the right, in shares of the sheet.
SHEET = {"hspace": 0.06, "left": 0.085, "right": 0.79, "top": 0.9, "bottom": 0.09}


def draw_picture(figures: Sequence[SymbolFigures], window: Window, title: str, strip: str) -> bytes:
    """Draw a span: lines of change since each symbol's first price, and a ribbon of causes.

    A line is broken where a minute has no price. Double precision is enough: no number is read
    back from a picture.

    Args:
        figures: Of the symbols to show.
        window: The span.
        title: Shown above the picture.
        strip: Where the prices come from and how old the newest is, below the title.

    Returns:
        A PNG.
    """
    rows = max(len(figures), 1)
    sheet = Figure(figsize=(INCHES_WIDE, 4.4 + 0.22 * rows), dpi=PIXELS_AN_INCH)
    lines, ribbon = sheet.subplots(
        2, 1, sharex=True, height_ratios=[4.0, 0.22 * rows + 0.1], gridspec_kw=SHEET
    )
    edges = (date2num(window.start), date2num(max(window.end, window.start + MINUTE)))
    for number, item in enumerate(figures):
        _draw_line(lines, item, number, window)
    lines.axhline(0, color="#888888", linewidth=0.6)
    lines.set_ylabel("change, %")
    lines.grid(color="#dddddd", linewidth=0.5)
    if figures:
        lines.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8)
    _draw_causes(ribbon, figures, window, edges)
    lines.set_title(title, loc="left", fontsize=12, pad=20)
    # A picture is passed on without its page.
    lines.annotate(
        f"{drawable(strip)} when made",
        (0, 1),
        (0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
    )
    lines.set_xlim(*edges)
    locator = AutoDateLocator(tz="UTC")
    ribbon.xaxis.set_major_locator(locator)
    ribbon.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz="UTC"))
    content = io.BytesIO()
    FigureCanvasAgg(sheet).print_figure(content, format="png")
    return content.getvalue()


def drawable(text: str) -> str:
    """Return a text that the picture's font can show: escaped if a letter is missing in the font.

    The font that comes with matplotlib has no Chinese letters; a row of boxes names nothing.
    """
    if all(ord(letter) in _letters() for letter in text):
        return text
    return text.encode("ascii", "backslashreplace").decode("ascii")


@cache
def _letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _draw_line(axes: Axes, item: SymbolFigures, number: int, window: Window) -> None:
    valued = item.line[~np.isnan(item.line)]
    if not len(valued):
        axes.plot([], [], color="#bbbbbb", label=f"{drawable(item.symbol)}  no price")
        return
    change = item.change_ratio
    told = "" if change is None else f"  {change * 100:+.2f} %"
    axes.plot(
        date2num(window.start) + (np.arange(len(item.line)) + 0.5) / DAY_MINUTES,
        (item.line / valued[0] - 1) * 100,
        color=LINES[number % len(LINES)],
        linestyle=DASHES[number // len(LINES) % len(DASHES)],
        linewidth=1.1,
        # A price alone between two gaps.
        marker="." if len(valued) < FEW else None,
        label=f"{drawable(item.symbol)}{told}",
    )


def _draw_causes(
    axes: Axes, figures: Sequence[SymbolFigures], window: Window, edges: tuple[float, float]
) -> None:
    names = [*CAUSE_COLOURS]
    cells = [
        [names.index(run.cause) for run in item.runs for _ in range(run.window.minute_count)]
        for item in figures
    ]
    if window.minute_count and cells:
        axes.imshow(
            cells,
            cmap=ListedColormap([*CAUSE_COLOURS.values()]),
            vmin=0,
            vmax=len(names) - 1,
            aspect="auto",
            interpolation="nearest",
            extent=(*edges, len(cells) - 0.5, -0.5),
        )
    axes.set_yticks(range(len(figures)), [drawable(item.symbol) for item in figures], fontsize=7)
    axes.tick_params(axis="x", labelsize=8)
    met = {run.cause for item in figures for run in item.runs}
    axes.legend(
        handles=[
            Patch(facecolor=CAUSE_COLOURS[name], edgecolor="#888888", label=words_of(name))
            for name in names
            if name in met
        ],
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        fontsize=7,
    )
