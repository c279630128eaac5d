"""Cassandra's hosts and their port, in every form in which a connection can have them."""

from __future__ import annotations

import ipaddress
import re

from include.records.errors import SettingsError

DEFAULT_PORT = 9042
LARGEST_PORT = 65_535
# A login would be hidden in every message.
EXAMPLE = "cassandra://host1,host2:9042/prices"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]+)\](?::(?P<port>.*))?")
_DIGITS = re.compile(r"[0-9]{1,5}")
_SHOWN = 100


def contact_points(
    listed: str, port: int | None, connection_id: str
) -> tuple[tuple[str, ...], int]:
    """Read the hosts of a connection and the port that all of them share.

    Args:
        listed: Hosts separated by commas, each a name, an address of IPv4 or one of IPv6 with or
            without brackets, and each with or without a port; one of IPv6 without brackets has
            none.
        port: The connection's own; None where the hosts have it, or the default is meant.
        connection_id: Of the Airflow connection, for messages.

    Returns:
        The hosts in their order, each once, without brackets, and their port. No host where none
        is listed.

    Raises:
        SettingsError: One is not a host, or they name different ports; the message says what to
            write.
    """
    if "@" in listed:
        # What stands before it may be a password, of which a comma would be a part.
        raise _refusal(listed.rpartition("@")[2], connection_id)
    pairs = [
        _host_and_port(each.strip(), connection_id) for each in listed.split(",") if each.strip()
    ]
    ports = {own for _, own in pairs if own} | ({port} if port else set())
    if not all(0 < each <= LARGEST_PORT for each in ports):
        raise _refusal(f"port {port}", connection_id)
    if len(ports) > 1:
        raise SettingsError(
            f"the Airflow connection {connection_id!r} names the ports "
            f"{', '.join(map(str, sorted(ports)))}; Cassandra's nodes share one: write it once, in "
            f"the port, like {EXAMPLE}"
        )
    return tuple(dict.fromkeys(host for host, _ in pairs)), next(iter(ports), DEFAULT_PORT)


def _host_and_port(text: str, connection_id: str) -> tuple[str, int | None]:
    if _is_address(text):
        return text, None
    bracketed = _BRACKETED.fullmatch(text)
    host, digits = text, None
    if bracketed:
        host, digits = bracketed["host"], bracketed["port"]
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
    is_host = _is_address(host) if bracketed else _NAME.fullmatch(host) or _is_address(host)
    is_port = digits is None or (_DIGITS.fullmatch(digits) and 0 < int(digits) <= LARGEST_PORT)
    if not is_host or not is_port:
        raise _refusal(text, connection_id)
    return host, int(digits) if digits else None


def _refusal(found: str, connection_id: str) -> SettingsError:
    return SettingsError(
        f"the Airflow connection {connection_id!r} has {found[:_SHOWN]!r} among its hosts: write "
        "each as a name or an address, without scheme, login and path, like "
        f"host1,host2:{DEFAULT_PORT} or [2001:db8::1]:{DEFAULT_PORT}, and its login and password "
        "in the fields for them"
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
