"""The store over TLS, client certificates, passwords and roles, against the real secure server."""

import time
from dataclasses import replace

import pytest
from cassandra import Unauthorized

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.secure_home import PIPELINE_ROLE, SCHEMA_ROLE
from dev.cassandra_server.security import Security
from dev.cassandra_server.server import CassandraServer
from include.records.errors import MarketDataError, RetryableError, SettingsError
from include.records.windows import MINUTE, Window
from include.store.roles import grant_to_pipeline
from include.store.schema import migrate
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings, TlsSettings
from include.store.store import connect
from tests.fakes.builders import NOON, average, full_minute

WINDOW = Window(NOON, NOON + MINUTE)


def as_role(certificates, server, role, keyspace="secured"):
    home = certificates.home
    return CassandraSettings(
        hosts=(server.host,),
        port=server.port,
        keyspace=keyspace,
        login=role,
        password=home.password(role),
        tls=TlsSettings(str(home.authorities), str(home.client_chain), str(home.client_key)),
    )


@pytest.fixture(scope="module")
def schema(certificates, secure_cassandra):
    """The role that owns the tables, which are there."""
    settings = as_role(certificates, secure_cassandra, SCHEMA_ROLE)
    migrate(settings)
    return settings


@pytest.fixture(scope="module")
def pipeline(certificates, secure_cassandra, schema):
    """The role that works with them."""
    grant_to_pipeline(schema, PIPELINE_ROLE)
    yield as_role(certificates, secure_cassandra, PIPELINE_ROLE)
    SESSIONS.close()


def refused(settings, kind=SettingsError):
    """Return what is said, and check that it is said at once: patience cannot help."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        connect(replace(settings, patience_seconds=600.0))
    assert time.monotonic() - started < 300
    message = str(caught.value)
    assert f"{settings.hosts[0]}:{settings.port}" in message
    assert repr(settings.keyspace) in message
    assert "cassandra_default" in message
    assert (settings.password or "nothing") not in message
    return message


def test_does_all_its_work_over_mutual_tls_as_a_role_of_its_own(pipeline):
    store = connect(pipeline)

    store.second_prices.write(full_minute(NOON), NOON)
    written = store.minute_prices.append([average(NOON)], NOON + MINUTE)
    store.set_stored_until("BTCUSDT", NOON + MINUTE)

    assert store.second_prices.between("BTCUSDT", WINDOW) == full_minute(NOON)
    assert store.minute_prices.between("BTCUSDT", WINDOW) == written
    assert store.watermark("BTCUSDT").stored_until == NOON + MINUTE


@pytest.fixture(scope="module")
def _secret(superuser):
    superuser.execute(
        "CREATE KEYSPACE IF NOT EXISTS secured_other "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    superuser.execute("CREATE TABLE IF NOT EXISTS secured_other.secret (id int PRIMARY KEY)")


@pytest.mark.usefixtures("_secret")
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE secured.minute_price",
        "TRUNCATE secured_other.secret",
        "SELECT * FROM secured_other.secret",
        "CREATE TABLE secured.mine (id int PRIMARY KEY)",
        "ALTER TABLE secured.minute_price ADD more int",
        "UPDATE secured.schema_migration SET name = '' WHERE scope = 'schema' AND version = 1",
        "SELECT * FROM system_auth.roles",
        "CREATE ROLE friend",
    ],
)
def test_may_do_nothing_else(pipeline, statement):
    with pytest.raises(Unauthorized):
        SESSIONS.get(pipeline).execute(statement)


def test_names_the_role_that_may_not_migrate(certificates, secure_cassandra):
    other = as_role(certificates, secure_cassandra, PIPELINE_ROLE, keyspace="elsewhere")

    with pytest.raises(SettingsError, match=f"denies the role '{PIPELINE_ROLE}' permission"):
        migrate(other)


def test_refuses_a_wrong_password_at_once(schema):
    told = refused(replace(schema, password="wrong"))

    assert f"refuses the login '{SCHEMA_ROLE}'" in told


def test_says_that_a_login_is_asked_for(schema):
    assert "requires a login" in refused(replace(schema, login=None, password=None))


def test_refuses_a_server_that_another_authority_vouches_for(schema, tmp_path):
    stranger = Authority("stranger").write(tmp_path / "stranger.crt")

    told = refused(replace(schema, tls=replace(schema.tls, ca_file=str(stranger))))

    assert "self-signed certificate in certificate chain" in told or "local issuer" in told


def test_refuses_a_server_of_another_name(schema):
    tls = replace(schema.tls, server_hostname="cassandra.example.org")

    assert "Hostname mismatch" in refused(replace(schema, tls=tls))


def test_is_refused_without_a_certificate_of_its_own(schema):
    bare = TlsSettings(ca_file=schema.tls.ca_file)

    # The server hangs up, or OpenSSL is told why in time.
    with pytest.raises(
        MarketDataError, match=r"if it requires TLS or a certificate|certificate required"
    ):
        connect(replace(schema, tls=bare, patience_seconds=1.0))


def test_is_refused_without_tls(schema):
    with pytest.raises(RetryableError, match="requires TLS or a certificate, set ssl_options"):
        connect(replace(schema, tls=None, patience_seconds=1.0))


def test_names_the_file_that_is_no_certificate(schema, tmp_path):
    torn = tmp_path / "torn.crt"
    torn.write_text("-----BEGIN CERTIFICATE-----\nMII")

    with pytest.raises(SettingsError, match=r"ssl_options.*PEM files that every worker can read"):
        connect(replace(schema, tls=replace(schema.tls, ca_file=str(torn))))


def test_refuses_a_server_whose_certificate_has_expired(certificates, schema, tmp_path):
    expired = certificates.authority.issue_server(tmp_path, "expired", "127.0.0.1", is_expired=True)
    security = Security(expired.combined, certificates.home.authorities)
    with CassandraServer(tmp_path / "expired", fast=True, security=security) as server:
        bare = TlsSettings(ca_file=schema.tls.ca_file)
        settings = replace(schema, port=server.port, tls=bare)

        assert "certificate has expired" in refused(settings)
