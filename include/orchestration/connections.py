"""Airflow's connections and variables, read inside a task and handed down as plain settings."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from airflow.sdk import Connection, Variable

from include.marketdata.binance import BinanceClient
from include.marketdata.binance_transport import BinanceSettings, allowed_base_urls
from include.marketdata.budget import RequestBudget
from include.marketdata.errors import SettingsError
from include.marketdata.store import CassandraSettings, Store, connect

PROJECT = Path(__file__).resolve().parents[2]


def symbols() -> tuple[str, ...]:
    """Return the symbols of the Variable `symbols`, in its order, each once.

    Raises:
        SettingsError: The variable names no symbol.
    """
    listed: str = Variable.get("symbols", default="")
    names = tuple(dict.fromkeys(name.strip() for name in listed.split(",") if name.strip()))
    if not names:
        raise SettingsError(
            "the Airflow Variable 'symbols' names no symbol; set it to a list such as "
            "BTCUSDT,ETHUSDT (Admin > Variables, or airflow_settings.yaml)"
        )
    return names


def storage_url() -> str:
    """Return the folder for batches, check results, exports and reports.

    The Variable `storage_url` names it; without one it is data/ in the project.

    Raises:
        SettingsError: It is no absolute path; Great Expectations keeps its results in files.
    """
    url = str(Variable.get("storage_url", default=str(PROJECT / "data"))).rstrip("/")
    if not Path(url).is_absolute():
        raise SettingsError(
            f"the Airflow Variable 'storage_url' is {url!r}; set it to the absolute path of a "
            "folder that every worker reaches"
        )
    return url


def binance_settings() -> BinanceSettings:
    """Return where the exchange answers, from the connection `binance_default`.

    Its host names the address; `egress` and `ceiling_ratio` may stand in its extra.

    Raises:
        SettingsError: The address is not Binance's, or the ratio is no share.
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
    """Return where Cassandra answers, from the connection `cassandra_default`."""
    connection = Connection.get("cassandra_default")
    hosts = tuple(host.strip() for host in (connection.host or "").split(",") if host.strip())
    if not hosts:
        raise SettingsError("the Airflow connection 'cassandra_default' names no host")
    return CassandraSettings(
        hosts=hosts,
        port=connection.port or 9042,
        keyspace=connection.schema or "prices",
        login=connection.login,
        password=connection.password,
        **{
            key: value
            for key, value in connection.extra_dejson.items()
            if key in {"local_datacenter", "consistency", "replication"}
        },
    )


def open_exchange(store: Store, clock: Callable[[], datetime]) -> BinanceClient:
    """Open the exchange that `binance_default` names, within the budget that the store keeps.

    Args:
        store: Open while the client is used.
        clock: The exchange's time as far as it is known, aware UTC.
    """
    settings = binance_settings()
    budget = RequestBudget(store.exchange_budget(settings.egress), settings.ceiling_ratio)
    return BinanceClient(settings, budget, clock)


def open_store() -> Store:
    """Open the store that `cassandra_default` names; use it as a context manager."""
    return connect(cassandra_settings())
