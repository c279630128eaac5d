"""The lines of a .env file, as the Astro CLI reads them; of a name, the last line counts."""

from __future__ import annotations

from collections.abc import Mapping


def value_of(text: str, name: str) -> str | None:
    """Return the value of a name; None where no line sets it."""
    values = [_value(line) for line in text.splitlines() if _name(line) == name]
    return values[-1] if values else None


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text with values set: in place where a line sets the name, else at the end.

    Args:
        text: Of the file; every other line stays as it is.
        values: By name, each in one line without quotes: three programs read the file, and each
            treats quotes in its own way.
    """
    left = dict(values)
    lines = []
    for line in text.splitlines():
        name = _name(line)
        if name not in values:
            lines.append(line)
        elif name in left:
            lines.append(f"{name}={left.pop(name)}")
    return "\n".join([*lines, *(f"{name}={value}" for name, value in left.items())]) + "\n"


def _name(line: str) -> str:
    name, is_set, _ = line.strip().partition("=")
    return name if is_set and not name.startswith("#") else ""


def _value(line: str) -> str:
    return line.strip().partition("=")[2].strip("\"'")
