"""Text that others wrote, made fit to be shown: in one line, and without credentials."""

from __future__ import annotations

import re

# The userinfo of a URL, to its last @: a password may have one.
_USERINFO = re.compile(r"(?<=://)[^\s/?#]+@")
_BREAKS = {"\n": " ", "\r": " ", "\t": " "}


def shown_text(text: str) -> str:
    r"""Return a text in one line of printable characters, without the credentials of its URLs.

    Nobody can add a line to a log or colour it, and no message repeats a password that somebody
    wrote into an address. Breaks and tabs become blanks; any other character that is not printable
    is escaped, like \x1b.
    """
    hidden = _USERINFO.sub("***@", text)
    return hidden if hidden.isprintable() else "".join(map(_printable, hidden))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return _BREAKS.get(character) or character.encode("unicode_escape").decode("ascii")
