import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.records.errors import InvalidAnswerError, SettingsError
from include.records.shown_text import shown_text


@given(st.text())
def test_is_always_one_printable_line(text):
    shown = shown_text(text)

    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_leaves_printable_text_as_it_is(text):
    assert shown_text(text.replace("@", "")) == text.replace("@", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo\r\n\tthree", "one two   three"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("\ud800", "\\ud800"),
        ("币安人生USDT", "币安人生USDT"),
    ],
)
def test_escapes_what_would_change_how_a_log_looks(text, shown):
    assert shown_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cr3t@db:5432/x fails", "postgresql://***@db:5432/x fails"),
        ("'http://me:s3cr3t@with@proxy:3128'", "'http://***@proxy:3128'"),
        ("s3://key:s3cr3t@bucket/a and redis://:s3cr3t@q", "s3://***@bucket/a and redis://***@q"),
        ("https://example.com/mail@example.com", "https://example.com/mail@example.com"),
        ("desk@example.com", "desk@example.com"),
    ],
)
def test_hides_the_credentials_of_addresses(text, shown):
    assert shown_text(text) == shown


def test_so_does_every_error_of_the_pipeline():
    errors = [
        SettingsError("'http://me:s3cr3t@host'\nfake line"),
        InvalidAnswerError("no\nJSON", "\x1b[31m"),
    ]

    assert all(str(error).isprintable() and "s3cr3t" not in str(error) for error in errors)
