"""Keep no cookie of the exchange: none is needed, and a damaged one would spoil later requests."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """Return a jar that takes none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
