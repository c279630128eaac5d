"""Airflow's connections and variables, read inside a task and handed down as plain settings."""

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from fsspec import get_filesystem_class
from pydantic import BaseModel, PositiveFloat, PositiveInt, ValidationError

from include.exchange.client import BinanceClient
from include.exchange.request_budget import RequestBudget
from include.exchange.transport import BinanceSettings, allowed_base_urls
from include.orchestration.defaults import FOREVER, KEPT
from include.records.errors import SettingsError
from include.records.shown_text import shown_text
from include.store.settings import (
    CassandraSettings,
    TlsSettings,
    replication_map,
)
from include.store.store import Store, connect

PROJECT = Path(__file__).resolve().parents[2]
# The pipeline's own role, and the one that may make and change tables.
PIPELINE = "cassandra_default"
SCHEMA = "cassandra_schema"
# Of a number in a Variable, and of what a message quotes of one.
MOST_DIGITS = 9
SHOWN = 60

# Each attempt to reach a Cassandra that is down logs a traceback; the final error is enough.
for noisy in ("cassandra.cluster", "cassandra.datastax.cloud"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL)


class SslOptions(BaseModel, extra="forbid"):
    """TLS options in the extra of a Cassandra connection, named as in Airflow's own provider.

    The server's certificate and its name are always checked.
    """

    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    server_hostname: str | None = None


class CassandraExtra(BaseModel, extra="forbid"):
    """The extra of a Cassandra connection; each name is explained in docs/deploy.md."""

    local_datacenter: str | None = None
    consistency: str | None = None
    replication: dict[str, str | int] | None = None
    second_price_days: PositiveInt | None = None
    ssl_options: SslOptions | None = None
    secure_connect_bundle: str | None = None
    request_timeout_seconds: PositiveFloat | None = None
    patience_seconds: PositiveFloat | None = None

    def settings(self) -> dict[str, Any]:
        """Return the fields that are set, by their names in CassandraSettings."""
        said: dict[str, Any] = self.model_dump(
            exclude_none=True, exclude={"replication", "ssl_options"}
        )
        if self.replication is not None:
            said["replication"] = replication_map(self.replication)
        if self.ssl_options is not None:
            said["tls"] = TlsSettings(
                ca_file=self.ssl_options.ca_certs,
                certificate_file=self.ssl_options.certfile,
                key_file=self.ssl_options.keyfile,
                server_hostname=self.ssl_options.server_hostname,
            )
        return said


def symbols() -> tuple[str, ...]:
    """Return the symbols of the Variable `symbols`, in its order, each once.

    Raises:
        SettingsError: The variable names no symbol.
    """
    # A name that is not valid is kept, as it can be shown: its own fetch reports it, and the others
    # continue.
    listed = unicodedata.normalize("NFC", Variable.get("symbols", default=""))
    each = (shown_text(name.strip())[:SHOWN] for name in listed.split(","))
    names = tuple(dict.fromkeys(filter(None, each)))
    if not names:
        raise SettingsError(
            "the Airflow Variable 'symbols' names no symbol; set it to a list such as "
            "BTCUSDT,ETHUSDT (Admin > Variables, or airflow_settings.yaml)"
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


def binance_settings() -> BinanceSettings:
    """Return the exchange's settings, from the connection `binance_default`.

    Its host is the address; `egress` and `ceiling_ratio` may be set in its extra.

    Raises:
        SettingsError: The address is not Binance's, or the ratio is not above 0 and at most 1.
    """
    connection = Connection.get("binance_default")
    extra = connection.extra_dejson
    ratio = extra.get("ceiling_ratio", BinanceSettings.ceiling_ratio)
    if not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise SettingsError(
            f"ceiling_ratio in the extra of the connection 'binance_default' is {ratio!r}; set it "
            "to the share of the exchange's limit to use, above 0 and at most 1"
        )
    return BinanceSettings(
        base_urls=allowed_base_urls(connection.host or ""),
        egress=str(extra.get("egress", BinanceSettings.egress)),
        ceiling_ratio=ratio,
    )


def cassandra_settings() -> CassandraSettings:
    """Return Cassandra's settings, from the connection `cassandra_default`.

    Raises:
        SettingsError: It names neither hosts nor a bundle, or both, or its extra is not valid.
    """
    return _cassandra_settings(Connection.get(PIPELINE), PIPELINE)


def schema_settings() -> CassandraSettings | None:
    """Return how to reach the same keyspace as the role that may change its tables.

    Returns:
        The settings of the connection `cassandra_schema`; None where there is no such connection.

    Raises:
        SettingsError: As for `cassandra_settings`.
    """
    try:
        connection = Connection.get(SCHEMA)
    except AirflowNotFoundException:
        return None
    return replace(_cassandra_settings(connection, SCHEMA), keyspace=cassandra_settings().keyspace)


def _cassandra_settings(connection: Connection, connection_id: str) -> CassandraSettings:
    hosts = tuple(host.strip() for host in (connection.host or "").split(",") if host.strip())
    try:
        extra = CassandraExtra.model_validate(connection.extra_dejson)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise SettingsError(
            f"the extra of the Airflow connection {connection_id!r} is not valid ({wrong}); it "
            f"may have {', '.join(CassandraExtra.model_fields)}, and in ssl_options "
            f"{', '.join(SslOptions.model_fields)}"
        ) from error
    if bool(hosts) == bool(extra.secure_connect_bundle):
        raise SettingsError(
            f"the Airflow connection {connection_id!r} must name either hosts or, in its extra, "
            "the secure_connect_bundle of DataStax Astra, not both"
        )
    return CassandraSettings(
        hosts=hosts,
        port=connection.port or 9042,
        keyspace=connection.schema or "prices",
        login=connection.login or None,
        password=connection.password,
        connection_id=connection_id,
        **extra.settings(),
    )


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
