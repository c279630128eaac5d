"""The colours of pages, reports, pictures and Data Docs: one table, light and dark.

Causes are those of Okabe and Ito, which colour-blind people can tell apart
(https://jfly.uni-koeln.de/color/). The VWAP and the marks have the colour of ink: their shapes tell
them apart, and among the ribbons a cause has its colour for itself.
"""

from __future__ import annotations

# By name: in light, in dark. A name is a custom property of the style sheets, --page and so on.
COLOURS = {
    "page": ("#fbfbfa", "#14171a"),
    "card": ("#ffffff", "#1c2024"),
    "ink": ("#1a1d21", "#e8eaed"),
    "soft": ("#5b6470", "#a2abb5"),
    "rule": ("#dfe2e6", "#343a41"),
    "shade": ("#f1f3f5", "#242930"),
    "shadow": ("rgb(0 0 0 / .25)", "rgb(255 255 255 / .25)"),
    "link": ("#1f5fbf", "#7fb0ff"),
    "focus": ("#1f5fbf", "#7fb0ff"),
    "band": ("#5b647038", "#a2abb540"),
    "good": ("#0b7a4b", "#5fcf9c"),
    "bad": ("#b3261e", "#ff8a80"),
    "warn": ("#8a6100", "#e5b93a"),
    "OK": ("#009e73", "#1faf86"),
    "PARTIAL": ("#e69f00", "#f0b429"),
    "NO_TRADES": ("#999999", "#77818c"),
    "HALTED": ("#cc79a7", "#d993b8"),
    "EXCHANGE_OUTAGE": ("#d55e00", "#ec7a2b"),
    "SOURCE_GAP": ("#56b4e9", "#6cc3ee"),
    "INGEST_GAP": ("#0072b2", "#3d95d6"),
    "NOT_PUBLISHED": ("#e9ebee", "#2b3036"),
    "vwap": ("#1a1d21", "#e8eaed"),
    "filled": ("#d55e00", "#d55e00"),
    "rise": ("#009e73", "#009e73"),
    "fall": ("#d55e00", "#d55e00"),
}


def light(name: str) -> str:
    """Return a colour on white, #rrggbb."""
    return COLOURS[name][0]


def style_sheet() -> str:
    """Return the colours as custom properties of CSS.

    A page is dark where the system is, unless its root element has data-theme="light", and where
    that says "dark"; on paper it is always light.
    """
    day, night = (
        "".join(f"  --{name}: {shades[index]};\n" for name, shades in COLOURS.items())
        for index in (0, 1)
    )
    return (
        f":root {{ color-scheme: light;\n{day}}}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f':root:not([data-theme="light"]) {{ color-scheme: dark;\n{night}}}\n'
        "}\n"
        f':root[data-theme="dark"] {{ color-scheme: dark;\n{night}}}\n'
        # As specific as what it overrides.
        f"@media print {{\n:root:root {{ color-scheme: light;\n{day}}}\n}}\n"
    )
