"""Tell Cassandra's transient failures from permanent ones, and explain them to the operator."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from typing import TypeVar

import stamina
from cassandra import (
    AuthenticationFailed,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    Unavailable,
    WriteTimeout,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import (
    ConfigurationException,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
)

from include.records.errors import (
    MarketDataError,
    SettingsError,
    StoreSilentError,
    UnstorableValueError,
)
from include.store.settings import CassandraSettings

PASSING = (
    NoHostAvailable,
    OperationTimedOut,
    WriteTimeout,
    ReadTimeout,
    Unavailable,
    ConnectionException,
    OverloadedErrorMessage,
    IsBootstrappingErrorMessage,
    ServerError,
)
# Refused until somebody changes something.
REFUSED = (InvalidRequest, ConfigurationException, Unauthorized, AuthenticationFailed)
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0

# What a server does to a client that talks to it in the wrong way.
CLOSED = (ssl.SSLEOFError, ConnectionResetError)
# Not TLSV1_UNRECOGNIZED_NAME: a cloud has replaced a node, and the next attempt gets its new name.
_TLS_FAILURE = re.compile(r"\[SSL(?:: (?!TLSV1_UNRECOGNIZED_NAME)\w+)?\] (.*?)\.?(?: \(_ssl|$)")

Answer = TypeVar("Answer")


def is_passing(error: Exception) -> bool:
    """Tell whether the same call may succeed a moment later."""
    # When a cloud's metadata service does not answer, the driver raises only the bare class.
    if not isinstance(error, PASSING) and type(error) is not DriverException:
        return False
    is_refused = any(isinstance(cause, AuthenticationFailed) for cause in _causes(error))
    return not is_refused and not _unsafe(error)


def repeat_while_passing(settings: CassandraSettings, call: Callable[[], Answer]) -> Answer:
    """Run a call, retrying it while Cassandra fails for a transient reason.

    The driver's own retry policy cannot do this: with one host left, it raises NoHostAvailable
    at once.

    Args:
        settings: Their patience bounds the retries.
        call: Idempotent; run at least once.

    Returns:
        What the call returns.

    Raises:
        StoreSilentError: Cassandra still does not answer after the patience.
        SettingsError: It refuses the login, the encryption, the role or the tables.
        UnstorableValueError: A value does not fit its column.
    """
    try:
        for attempt in stamina.retry_context(
            on=is_passing,
            attempts=None,
            timeout=settings.patience_seconds,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=LONGEST_WAIT_SECONDS,
        ):
            with attempt:
                return call()
    except (*PASSING, *REFUSED, DriverException) as error:
        raise explain(settings, error) from error
    raise AssertionError("retry_context either returns the answer or raises")


def explain(settings: CassandraSettings, error: Exception) -> MarketDataError:
    """Convert a driver failure to an error that names host, keyspace and cure."""
    connection = f"the Airflow connection {settings.connection_id!r}"
    if isinstance(error, InvalidRequest):
        return _refused_statement(settings, error)
    if isinstance(error, Unauthorized):
        return SettingsError(
            f"{settings} denies the role {settings.login!r} permission: {error}; grant it, or name "
            f"another role in {connection}"
        )
    if isinstance(error, ConfigurationException):
        return SettingsError(f"{settings} refuses this: {error}; correct the extra of {connection}")
    if any(isinstance(cause, AuthenticationFailed) for cause in _causes(error)):
        who = f"refuses the login {settings.login!r}" if settings.login else "requires a login"
        return SettingsError(f"{settings} {who}; correct login and password of {connection}")
    if unsafe := _unsafe(error):
        return SettingsError(
            f"{settings}: no safe connection ({unsafe}); check the server's certificate and "
            f"ssl_options of {connection}: ca_certs, certfile, keyfile, server_hostname"
        )
    return StoreSilentError(
        f"{settings} did not answer for {settings.patience_seconds:g} s; check that it runs and "
        f"that {connection} points to it{_hint(settings, error)} ({_message(error)})"
    )


def _refused_statement(settings: CassandraSettings, error: Exception) -> MarketDataError:
    told = str(error)
    if "maximum of" in told or "too large" in told:
        return UnstorableValueError(f"{settings} cannot hold a value: {told}")
    return SettingsError(
        f"{settings} lacks tables that this version needs: {told}; run the DAG initialize_store"
    )


def _hint(settings: CassandraSettings, error: Exception) -> str:
    """Return a hint at another possible cause; empty where the failure suggests none."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, Unavailable):
            return (
                f"; {cause.alive_replicas} of the {cause.required_replicas} nodes that a request "
                "needs are up: start the others"
            )
    # The driver lists hosts that it did not try without an error.
    if isinstance(error, NoHostAvailable) and len(causes) == 1 and settings.local_datacenter:
        return f", in the data centre {settings.local_datacenter!r} as its extra says"
    if any(isinstance(cause, CLOSED) for cause in causes):
        return "; it closed the connection: if it requires TLS or a certificate, set ssl_options"
    return ""


def _message(error: Exception) -> str:
    """Return the names of the failure and its causes."""
    return ": ".join(dict.fromkeys(type(cause).__name__ for cause in _causes(error)))


def _unsafe(error: Exception) -> str:
    """Return why TLS rejected the other side; empty when that is not the reason."""
    for cause in _causes(error):
        # The driver raises an OSError with OpenSSL's message.
        if not isinstance(cause, CLOSED) and (told := _TLS_FAILURE.search(str(cause))):
            return told[1]
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield a failure and all its causes: each host's error, and chained exceptions."""
    yield error
    behind: list[object] = [error.__cause__ or error.__context__, getattr(error, "reason", None)]
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict):
        behind += error.errors.values()
    for cause in behind:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
