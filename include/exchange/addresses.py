"""The exchange's address, in every form in which a connection can have it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from include.exchange.hosts import HOSTS, is_simulator
from include.records.errors import SettingsError

SCHEMES = ("http", "https")
TLS_PORT = 443
LARGEST_PORT = 65_535
EXAMPLE = f"https://{HOSTS[0]}"
CURE = (
    f"set the connection 'binance_default' to {EXAMPLE}, to https:// and another of "
    f"{', '.join(sorted(HOSTS[1:]))}, or to a simulator on loopback like http://127.0.0.1:8900"
)
# A name or an address of IPv4, as a host is written, without a scheme or a port.
_PLAIN_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_SHOWN = 100


@dataclass(frozen=True)
class AddressFields:
    """The fields of a connection that say where the exchange is.

    Airflow fills them from a form, JSON or a URI: of `https://data-api.binance.vision` the scheme
    becomes the type of the connection, and of `http://host/https` the path becomes the schema.

    Attributes:
        host: A name, an address of IPv4 or IPv6, or either with scheme and port.
        kind: The connection's type. `https` asks for TLS; any other says nothing, as every
            connection by HTTP has the type `http`.
        schema: Empty, or the scheme, as Airflow's own HTTP hook reads it.
        port: None where the host has it, or the scheme's own is meant.
    """

    host: str
    kind: str = ""
    schema: str = ""
    port: int | None = None


def allowed_base_urls(fields: AddressFields, simulator_host: str = "") -> tuple[str, ...]:
    """Validate an address; return it with Binance's other hosts, to use when it refuses us.

    Args:
        fields: Of the connection.
        simulator_host: The one host beyond loopback that may be a simulator; empty for none.

    Returns:
        Scheme, host and, unless it is the scheme's own, port, like https://data-api.binance.vision.
        Where no scheme is stated it is https for the exchange and http for a simulator.

    Raises:
        SettingsError: It is neither https to a host of Binance nor a simulator, or more than an
            address; the message says what to write.
    """
    stated, parts = _split(fields)
    host = _host(fields, parts)
    port = _port(fields, parts)
    scheme = _scheme(fields, stated)
    if host in HOSTS:
        if (scheme or "https") != "https":
            raise _refusal(fields, "the exchange is asked by https only")
        if port not in {None, TLS_PORT}:
            raise _refusal(fields, f"the exchange answers on port {TLS_PORT} only")
        return tuple(f"https://{each}" for each in (host, *(h for h in HOSTS if h != host)))
    if not is_simulator(host, simulator_host):
        raise _refusal(
            fields,
            f"{host[:_SHOWN]!r} is neither a host of the exchange nor loopback, and a simulator "
            "elsewhere needs its host in the Airflow Variable 'simulator_host'",
        )
    if scheme is None and fields.kind.lower() == "https":
        scheme = "https"
    shown = f"[{host}]" if ":" in host else host
    return (f"{scheme or 'http'}://{shown}{f':{port}' if port else ''}",)


def is_elsewhere(fields: AddressFields) -> bool:
    """Tell whether an address is neither the exchange's nor on loopback: only a named simulator's.

    Raises:
        SettingsError: It is more than an address, or cannot be read.
    """
    host = _host(fields, _split(fields)[1])
    return host not in HOSTS and not is_simulator(host)


def read_simulator_host(text: str) -> str:
    """Return the one host beyond loopback that may be a simulator, in lower case; or nothing.

    Raises:
        SettingsError: It is more than a host, or several.
    """
    host = text.strip().lower()
    if host and not _PLAIN_HOST.fullmatch(host):
        raise SettingsError(
            f"the Airflow Variable 'simulator_host' is {text[:_SHOWN]!r}; set it to one host "
            "without scheme and port, like simulator, or delete it"
        )
    return host


def _split(fields: AddressFields) -> tuple[str, SplitResult]:
    """Return the scheme that the host states, if any, and its parts."""
    text = fields.host.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if _is_ipv6(rest):
        rest = f"[{rest}]"
    if not rest.isprintable() or "\\" in rest or re.search(r"\s", rest):
        raise _refusal(fields, "it has characters that no address has")
    try:
        parts = urlsplit(f"//{rest}")
    except ValueError:
        raise _refusal(fields, "it cannot be read") from None
    if scheme and scheme.lower() not in SCHEMES:
        raise _refusal(fields, f"its scheme is {scheme[:_SHOWN]!r}")
    return scheme.lower(), parts


def _host(fields: AddressFields, parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise _refusal(fields, "it has a login in it, and none is needed")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _refusal(fields, "it has more than scheme, host and port")
    if not parts.hostname:
        raise _refusal(fields, "it names no host")
    return parts.hostname


def _port(fields: AddressFields, parts: SplitResult) -> int | None:
    try:
        own = parts.port
    except ValueError:
        raise _refusal(fields, f"its port is no number from 1 to {LARGEST_PORT}") from None
    named = {port for port in (own, fields.port) if port is not None}
    if not all(0 < port <= LARGEST_PORT for port in named):
        raise _refusal(fields, f"its port is no number from 1 to {LARGEST_PORT}")
    if len(named) > 1:
        raise _refusal(fields, f"its host says port {own}, and its port {fields.port}")
    return next(iter(named), None)


def _scheme(fields: AddressFields, stated: str) -> str | None:
    """Return the scheme that the host or the schema states; None where neither does."""
    schema = fields.schema.strip().strip("/").lower()
    if schema and schema not in SCHEMES:
        raise _refusal(fields, "it has a path, or a schema that is neither http nor https")
    named = {each for each in (stated, schema) if each}
    if len(named) > 1:
        raise _refusal(fields, f"its host says {stated}, and its schema {schema}")
    return next(iter(named), None)


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6  # noqa: PLR2004 - the protocol's number
    except ValueError:
        return False


def _refusal(fields: AddressFields, reason: str) -> SettingsError:
    # What stands before an @ may be a password, with a scheme or without one.
    shown = fields.host.rpartition("@")[2][:_SHOWN]
    return SettingsError(f"the exchange's address {shown!r} is not allowed: {reason}; {CURE}")
