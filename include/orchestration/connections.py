"""Airflow's connections and variables, read inside a task and handed down as plain settings."""

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from fsspec import get_filesystem_class

from include.exchange.addresses import (
    EXAMPLE as EXCHANGE_EXAMPLE,
)
from include.exchange.addresses import (
    AddressFields,
    allowed_base_urls,
    is_elsewhere,
    read_simulator_host,
)
from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings
from include.orchestration.cassandra_connections import read_cassandra
from include.orchestration.defaults import FOREVER, KEPT, SYMBOLS
from include.records.errors import SettingsError
from include.records.shown_text import shown_text
from include.store.addresses import EXAMPLE as CASSANDRA_EXAMPLE
from include.store.settings import CassandraSettings
from include.store.store import Store, connect

PROJECT = Path(__file__).resolve().parents[2]
# The pipeline's own role, and the one that may make and change tables.
PIPELINE = "cassandra_default"
SCHEMA = "cassandra_schema"
EXCHANGE = "binance_default"
# Of a number in a Variable, and of what a message quotes of one.
MOST_DIGITS = 9
SHOWN = 60

# Each attempt to reach a Cassandra that is down logs a traceback; the final error is enough.
for noisy in ("cassandra.cluster", "cassandra.datastax.cloud"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL)


def named_connection(connection_id: str, example: str) -> Connection:
    """Return an Airflow connection.

    Args:
        connection_id: Its name.
        example: What its variable in the environment may be, for the message.

    Raises:
        AirflowNotFoundException: There is none, or what the environment has for it is neither JSON
            nor a URI: Airflow does not tell these apart.
    """
    try:
        connection: Connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        raise AirflowNotFoundException(
            f"the Airflow connection {connection_id!r} isn't defined, or Airflow cannot read it; "
            f"write it as JSON or like AIRFLOW_CONN_{connection_id.upper()}={example}"
        ) from None
    return connection


def symbols() -> tuple[str, ...]:
    """Return the symbols of the Variable `symbols`, in its order, each once.

    Returns:
        Without the Variable, those of `SYMBOLS`.

    Raises:
        SettingsError: The variable names no symbol.
    """
    # A name that is not valid is kept, as it can be shown: its own fetch reports it, and the others
    # continue.
    listed = unicodedata.normalize("NFC", Variable.get("symbols", default=SYMBOLS))
    each = (shown_text(name.strip())[:SHOWN] for name in listed.split(","))
    names = tuple(dict.fromkeys(filter(None, each)))
    if not names:
        raise SettingsError(
            "the Airflow Variable 'symbols' names no symbol; set it to a list such as "
            f"BTCUSDT,ETHUSDT, or delete it to take {SYMBOLS}"
        )
    return names


def storage_url() -> str:
    """Return the folder for batches, check results, exports and reports.

    The Variable `storage_url` names it: an absolute path, or a URL of an object store such as
    s3://bucket/prices. Without one it is data/ in the project.

    Raises:
        SettingsError: It is neither, or the package that reaches the store is not installed.
    """
    url = str(Variable.get("storage_url", default=str(PROJECT / "data"))).rstrip("/")
    protocol, separator, _ = url.partition("://")
    if not separator:
        if Path(url).is_absolute():
            return url
        raise SettingsError(
            f"the Airflow Variable 'storage_url' is {url!r}; set it to the absolute path of a "
            "folder that every worker reaches, or to a URL such as s3://bucket/prices"
        )
    try:
        get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"the Airflow Variable 'storage_url' is {url!r}, which cannot be reached: {error}"
        ) from error
    return url


def private_webhook_hosts() -> frozenset[str]:
    """Return the hosts that webhooks may reach in a private network, in lower case.

    The Variable `private_webhook_hosts` names them, separated by commas; without it there is none.
    """
    listed: str = Variable.get("private_webhook_hosts", default="")
    return frozenset(filter(None, (host.strip().lower() for host in listed.split(","))))


def whole_number(name: str, default: int) -> int:
    """Return the Airflow Variable of a name as a number of at least 1.

    Raises:
        SettingsError: It is not such a number.
    """
    text = str(Variable.get(name, default=str(default))).strip()
    if not _is_number(text) or not int(text):
        raise SettingsError(
            f"the Airflow Variable {name!r} is {text[:SHOWN]!r}; set it to 1 or more"
        )
    return int(text)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def kept(name: str) -> int:
    """Return how many days something is kept, of the Airflow Variable of a name.

    Args:
        name: One of `KEPT`, which has the value without a Variable.

    Returns:
        At least 1; or FOREVER.

    Raises:
        SettingsError: It is not a whole number.
    """
    text = str(Variable.get(name, default=str(KEPT[name]))).strip()
    if not _is_number(text):
        raise SettingsError(
            f"the Airflow Variable {name!r} is {text[:SHOWN]!r}; set it to a whole number of days, "
            f"or to {FOREVER} to keep everything"
        )
    return int(text)


def simulator_host() -> str:
    """Return the one host beyond loopback that may be an exchange simulator; empty for none.

    The Variable `simulator_host` names it.

    Raises:
        SettingsError: It is not one host.
    """
    return read_simulator_host(str(Variable.get("simulator_host", default="")))


def binance_settings() -> BinanceSettings:
    """Return the exchange's settings, from the connection `binance_default`.

    It says where the exchange is; `egress` and `ceiling_ratio` may be set in its extra.

    Raises:
        AirflowNotFoundException: There is no such connection.
        SettingsError: The address is neither Binance's nor a simulator's, or the ratio is not above
            0 and at most 1.
    """
    connection = named_connection(EXCHANGE, EXCHANGE_EXAMPLE)
    extra = connection.extra_dejson
    address = AddressFields(
        host=connection.host or "",
        kind=connection.conn_type or "",
        schema=connection.schema or "",
        port=connection.port,
    )
    # A Variable costs each task a request: it is read only where it decides.
    named = simulator_host() if is_elsewhere(address) else ""
    return BinanceSettings(
        base_urls=allowed_base_urls(address, named),
        egress=str(extra.get("egress", BinanceSettings.egress)),
        ceiling_ratio=_ratio(extra.get("ceiling_ratio", BinanceSettings.ceiling_ratio)),
        simulator_host=named,
    )


def _ratio(value: object) -> float:
    """Return a ceiling ratio; the extra of a URI has it as text."""
    try:
        ratio = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1:
        raise SettingsError(
            f"ceiling_ratio in the extra of the connection {EXCHANGE!r} is {str(value)[:SHOWN]!r}; "
            "set it to the share of the exchange's limit to use, above 0 and at most 1"
        )
    return ratio


def cassandra_settings() -> CassandraSettings:
    """Return Cassandra's settings, from the connection `cassandra_default`.

    Raises:
        AirflowNotFoundException: There is no such connection.
        SettingsError: It names neither hosts nor a bundle, or both, or a host, a port or its extra
            is not valid.
    """
    return read_cassandra(named_connection(PIPELINE, CASSANDRA_EXAMPLE), PIPELINE)


def schema_settings() -> CassandraSettings | None:
    """Return how to reach the same keyspace as the role that may change its tables.

    Returns:
        The settings of the connection `cassandra_schema`; None where there is no such connection.

    Raises:
        AirflowNotFoundException, SettingsError: As for `cassandra_settings`.
    """
    try:
        connection = Connection.get(SCHEMA)
    except AirflowNotFoundException:
        return None
    return replace(read_cassandra(connection, SCHEMA), keyspace=cassandra_settings().keyspace)


@dataclass(frozen=True)
class ExchangeAccess:
    """What all clients of a worker share.

    Attributes:
        settings: The exchange's, from `binance_default`.
        budget: Of the address that requests leave from.
    """

    settings: BinanceSettings
    budget: RequestBudget

    def client(self, clock: Callable[[], datetime]) -> BinanceClient:
        """Open a client; each thread needs its own.

        Args:
            clock: The exchange's time as far as it is known, aware UTC.
        """
        return BinanceClient(self.settings, self.budget, clock)


def open_exchange(
    store: Store,
    *,
    share: float = 1.0,
    patience_seconds: float = BinanceSettings.patience_seconds,
) -> ExchangeAccess:
    """Return the access to the exchange in `binance_default`, within the budget in the store.

    Args:
        store: Open while clients are used.
        share: The part of all workers' weight up to which requests may still be sent.
        patience_seconds: How long one piece of work may take, pauses included.
    """
    settings = replace(binance_settings(), patience_seconds=patience_seconds)
    table = store.exchange_budget(settings.egress)
    return ExchangeAccess(settings, RequestBudget(table, settings.ceiling_ratio * share))


def open_store() -> Store:
    """Return the store that `cassandra_default` names, over this process's session."""
    return connect(cassandra_settings())
