"""The authorities that the certificates of Binance's hosts must come from."""

import functools
import ssl

import httpx


@functools.cache
def trusted() -> ssl.SSLContext:
    """Return what checks certificates and host names against certifi's authorities.

    Reading them takes 20 ms of CPU: a process whose forks are the tasks does it once for all.
    """
    return httpx.create_ssl_context(trust_env=False)
