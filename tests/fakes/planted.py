"""Search everything that was written for secrets that a test has planted."""

import base64
import gzip
import os
import zlib
from pathlib import Path
from urllib.parse import quote

LONGEST_FILE = 200_000_000


def find_secrets(folder, secrets, allowed=()):
    """Return where secrets are, each as "name in path": in no file that is written for others.

    Each is looked for as it is, percent-encoded, in base64, and in files packed by gzip.

    Args:
        folder: Searched with all below it.
        secrets: By name; of eight characters or more, which are nowhere by chance.
        allowed: Paths below the folder, files or folders, where secrets belong.
    """
    root = Path(folder)
    looked_for = {name: _forms(secret) for name, secret in secrets.items()}
    found = []
    for file in _files(root):
        path = file.relative_to(root)
        if not any(path.is_relative_to(each) for each in allowed):
            found += [f"{name} in {path}" for name in _held(_content(file), looked_for)]
    return found


def _files(root):
    """Regular files only: servers have sockets there. What goes meanwhile is left out."""
    for folder, _, names in os.walk(root):
        files = (Path(folder) / name for name in sorted(names))
        yield from (file for file in files if file.is_file() and not file.is_symlink())


def find_in_text(text, secrets):
    """Return the names of the secrets in a text."""
    content = text.encode("utf-8", "replace")
    return _held(content, {name: _forms(secret) for name, secret in secrets.items()})


def _held(content, looked_for):
    return [name for name, forms in looked_for.items() if any(form in content for form in forms)]


def _forms(secret):
    assert len(secret) >= 8, "too short to be told from other text"
    raw = secret.encode()
    # In base64 a text looks different at each of three places; its ends are shared with others.
    packed = {base64.b64encode(b"\0" * place + raw)[place and 4 : -4] for place in range(3)}
    return {raw, quote(secret, safe="").encode(), *packed}


def _content(file):
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST_FILE)
    except FileNotFoundError:
        return b""
    if content[:2] == b"\x1f\x8b":
        try:
            return content + gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return content
    return content
