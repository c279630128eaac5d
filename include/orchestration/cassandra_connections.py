"""What an Airflow connection of Cassandra may say, read into plain settings."""

from typing import Any

from airflow.sdk import Connection
from pydantic import BaseModel, PositiveFloat, PositiveInt, ValidationError

from include.records.errors import SettingsError
from include.store.addresses import contact_points
from include.store.settings import CassandraSettings, TlsSettings, replication_map


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


def read_cassandra(connection: Connection, connection_id: str) -> CassandraSettings:
    """Return the settings in a connection.

    Raises:
        SettingsError: It names neither hosts nor a bundle, or both, or a host, a port or its extra
            is not valid.
    """
    hosts, port = contact_points(connection.host or "", connection.port, connection_id)
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
        port=port,
        keyspace=(connection.schema or "").strip("/") or "prices",
        login=connection.login or None,
        password=connection.password,
        connection_id=connection_id,
        **extra.settings(),
    )
