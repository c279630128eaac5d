"""Addresses that messages may be posted to: never a server of the network that this one is in."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

LOOPBACK_NAME = "localhost"
NO_URL = "the address is not a URL: write it like https://hooks.example.com"
# IPv6 addresses that stand for one of IPv4, which a gateway then connects to (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")
# Decimal, octal and hexadecimal forms that a resolver, but no reader, takes for an address.
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def problem_with_url(url: str, private_hosts: Collection[str] = ()) -> str | None:
    """Return why nothing may be posted to a URL, judged by its text; None where it may.

    The address that its host leads to is judged when it is known: see `may_connect`.

    Args:
        url: Absolute.
        private_hosts: Names and addresses that may be in a private network, in lower case.

    Returns:
        What is wrong and what to write; it repeats no more of the URL than its host.
    """
    try:
        parts = urlsplit(url)
        host, has_login, _ = (parts.hostname or "").lower(), "@" in parts.netloc, parts.port
    except ValueError:
        return NO_URL
    if not host or parts.scheme not in {"http", "https"} or "\\" in url or not url.isprintable():
        return NO_URL
    if has_login:
        return "the address has a login in it: write that in the connection's login and password"
    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]) and not _address(host):
        return f"the host {host!r} is a number: write a name, or an address like 192.0.2.1"
    if parts.scheme != "https" and not is_this_machine(host):
        return f"the host {host!r} is not asked by https: only this machine may do without"
    is_refused = _address(host) and not may_connect(host, host, private_hosts)
    return _private(host) if is_refused else None


def may_connect(host: str, address: str, private_hosts: Collection[str] = ()) -> bool:
    """Tell whether the address that a URL's host has led to may be posted to.

    Args:
        host: In the URL, without brackets.
        address: IPv4 or IPv6, of the other end of the connection.
        private_hosts: Names and addresses that may be in a private network, in lower case.
    """
    found = _address(address)
    if found is None:
        return False
    if is_this_machine(host):
        return found.is_loopback
    return host.lower() in private_hosts or (found.is_global and not found.is_multicast)


def is_this_machine(host: str) -> bool:
    """Tell whether a URL's host names this machine, without asking any resolver."""
    address = _address(host)
    return host.lower() == LOOPBACK_NAME if address is None else address.is_loopback


def refusal_to_connect(host: str, address: str) -> str:
    """Return why a connection was ended before anything was sent."""
    return f"leads to {address}: {_private(host)}"


def _private(host: str) -> str:
    return (
        f"the host {host!r} is in a private network; if it may be posted to, name it in the "
        "Airflow Variable 'private_webhook_hosts'"
    )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, of IPv4 where one of IPv6 stands for it; None for a name."""
    try:
        # A link-local address may name an interface.
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return found if isinstance(found, IPv4Address) else _inner(found) or found


def _inner(address: IPv6Address) -> IPv4Address | None:
    if isinstance(_NAT64, IPv6Network) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
