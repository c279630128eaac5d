"""Which hosts may be asked for prices: the exchange's own by TLS, or a simulator."""

from __future__ import annotations

import ipaddress

# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-api-information
# The first serves market data and nothing else; the numbered ones are faster and less stable.
HOSTS = (
    "data-api.binance.vision",
    "api.binance.com",
    "api-gcp.binance.com",
    *(f"api{number}.binance.com" for number in range(1, 5)),
)

# https://github.com/binance/binance-public-data
ARCHIVE_HOST = "data.binance.vision"


def is_simulator(host: str, named: str = "") -> bool:
    """Tell whether a host may be a simulator, which needs no TLS.

    Args:
        host: Lower case, without brackets.
        named: The one host beyond this machine that is allowed to be one; empty for none.
    """
    if host in HOSTS:
        return False
    return is_loopback(host) or (host != "" and host == named)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
