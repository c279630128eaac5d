"""No file of the repository has what looks like a secret."""

import math
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHAPES = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "key of AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "token of GitHub": r"\bgh[pousr]_\w{36,}|\bgithub_pat_\w{22,}",
    "token of GitLab": r"\bglpat-[\w-]{20,}",
    "token of Slack": r"\bxox[abeoprs]-[\w-]{10,}",
    "webhook of Slack": r"hooks\.slack\.com/services/T\w{7,}/B\w{7,}/\w{16,}",
    "token of Astra": r"\bAstraCS:\w{10,}",
    "key of Google": r"\bAIza[\w-]{35}\b",
    "token of PyPI": r"\bpypi-[\w-]{50,}",
    "JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "login in an address": r"\b[a-z][a-z0-9+]*://[\w.-]+:(?![\"'{$%<…*])[^\s/@\"'{]+@[\w[]",
}
# What has a shape and is no secret, by file; each with the reason.
ARGUED = {
    # Documents show where a password goes, and none.
    ".env.example": {"login:password@"},
    "docs/deploy.md": {"login:password@"},
    "docs/mart.md": {"prices:secret@"},
    # Passwords of servers that nobody runs, which the tests plant to see that they are not told.
    "tests/dags/test_alerts.py": {"me:s3cr3t@"},
    "tests/dags/test_channels.py": {"user:s3cr3t@"},
    "tests/dags/test_connection_forms.py": {"me:word@", "me:pa%3Ass@"},
    "tests/dags/test_metadata.py": {"user:p%40ss@", "user:pl4nted@"},
    "tests/dags/test_web_security.py": {"key:s3cr3t@"},
    "tests/unit/dev/stack/test_astro.py": {"me:secret@"},
    "tests/unit/exchange/test_addresses.py": {"me:word@"},
    "tests/unit/orchestration/test_deployment.py": {"me:word@"},
    "tests/unit/records/test_addresses.py": {"user:s3cr3t@", "127.0.0.1:s3cr3t@"},
    # The first line of a key, without one.
    "tests/unit/dev/cassandra_server/test_certificates.py": {"PRIVATE KEY"},
    "tests/unit/records/test_shown_text.py": {"me:s3cr3t@", "key:s3cr3t@"},
}
# A random text of this length has 4 bits a character or more; words and names have fewer.
TOKEN = re.compile(r"(?<![\w/+.-])[A-Za-z0-9+/_-]{32,}={0,2}(?![\w/+-])")
LEAST_BITS = 4.3
# Checksums of content security policies; paths and names with a symbol.
NO_SECRET = re.compile(r"sha256-|.*USDT")
# Files full of random text that is public, or of others' code.
RANDOM = {
    "requirements.lock",  # checksums
    "dev/cassandra_server/jars.sha256",
    "tests/foreign/locks/",
    "tests/data/binance/",  # recorded answers, with ids of a cache's requests
    "include/gx/static/",  # packed scripts and styles
    "include/web/static/vendor/",
    "tests/e2e/vendor/",
}
HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")


def tracked():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"],  # noqa: S607 - whichever git there is
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(name):
    content = (ROOT / name).read_bytes()
    return "" if b"\0" in content[:8_000] else content.decode("utf-8", "replace")


def shapes_in(name, text):
    argued = ARGUED.get(name, ())
    return [
        f"{name}: {kind}"
        for kind, pattern in SHAPES.items()
        for found in re.finditer(pattern, text)
        if not any(each in found[0] for each in argued)
    ]


def random_in(text):
    """Texts that look drawn by chance: letters of both cases and digits, and many bits."""
    return [
        token
        for token in TOKEN.findall(text)
        if bits(token) >= LEAST_BITS
        and not HEXADECIMAL.fullmatch(token)
        and not NO_SECRET.match(token)
        and all(re.search(kind, token) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    ]


def bits(token):
    return -sum(
        count / len(token) * math.log2(count / len(token)) for count in Counter(token).values()
    )


def test_no_file_has_the_shape_of_a_secret():
    assert [each for name in tracked() for each in shapes_in(name, text_of(name))] == []


def test_no_file_has_a_text_drawn_by_chance():
    found = {
        name: tokens
        for name in tracked()
        if not any(name.startswith(each) for each in RANDOM)
        if (tokens := random_in(text_of(name)))
    }

    assert found == {}


def test_no_file_is_one_that_holds_secrets():
    names = re.compile(
        r"(^|/)(\.env|.*\.(pem|key|p12|jks|kdbx|zip\.enc)|id_[a-z0-9]+|secrets\.json)$"
    )

    assert [name for name in tracked() if names.search(name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp" + "_" + "a1B2" * 9,
        "https://hooks.slack.com/services/" + "T0AAAAAAA/B0AAAAAAA/abcdefghijklmnopqrst",
        "postgresql://me:" + "hunter2@db/x",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
    ],
)
def test_would_see_a_shape(text):
    assert shapes_in("a file", f"before {text} after")


def test_would_see_a_text_drawn_by_chance():
    drawn = "q7Zp2LxV9tRk4WbN" + "c8Ym1HsJ6dGf3UeA"

    assert random_in(f'KEY = "{drawn}"') == [drawn]
    assert random_in(f"{'ab12' * 16} include/web/static/vendor/lightweight-charts/LICENSE") == []
