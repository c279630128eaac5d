"""The secure local server and the stand-in for Astra, asked by clients that know neither."""

import ssl
import subprocess
import urllib.request
from contextlib import contextmanager

import pytest
from cassandra import AuthenticationFailed, DriverException, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable

from dev.cassandra_server.certificates import Authority
from dev.cassandra_server.cqlsh import cqlsh_command, cqlshrc
from dev.cassandra_server.secure_home import PIPELINE_ROLE, SCHEMA_ROLE
from dev.cassandra_server.security import DEFAULT_PASSWORD, SUPERUSER
from dev.cassandra_server.server import answers
from tests.contract.secure_fixtures import ASTRA_KEYSPACE, ASTRA_TOKEN, KEYSPACE

# Of the driver's own seconds, a busy machine needs more.
PATIENT = {"connect_timeout": 60, "control_connection_timeout": 60}


def refusals(caught):
    """Return what the driver met at each host."""
    return list(caught.value.errors.values())


def trusting(certificates):
    """Return TLS that trusts the session's authority and shows no certificate."""
    return ssl.create_default_context(cafile=certificates.home.authorities)


@contextmanager
def through_bundle(path, token=ASTRA_TOKEN):
    """Connect as DataStax documents it, with the driver as it is but for its patience."""
    with Cluster(
        cloud={"secure_connect_bundle": str(path), "use_default_tempdir": True},
        auth_provider=PlainTextAuthProvider("token", token),
        **PATIENT,
    ) as cluster:
        yield cluster.connect()


def test_refuses_a_wrong_password(log_in):
    with pytest.raises(NoHostAvailable) as caught, log_in(SUPERUSER, "wrong"):
        pass

    assert isinstance(refusals(caught)[0], AuthenticationFailed)


def test_no_longer_takes_the_default_password(log_in, certificates, secure_cassandra):
    with pytest.raises(NoHostAvailable), log_in(SUPERUSER, DEFAULT_PASSWORD):
        pass

    assert certificates.home.set_up_roles(secure_cassandra.port) is False


def test_speaks_to_nobody_without_tls(secure_cassandra):
    assert not answers(secure_cassandra.port)
    assert answers(secure_cassandra.port, secure_cassandra.security.client_context())


def test_speaks_to_nobody_without_a_certificate(secure_cassandra, certificates):
    assert not answers(secure_cassandra.port, trusting(certificates))


def test_speaks_to_nobody_whose_certificate_a_stranger_signed(
    secure_cassandra, certificates, tmp_path
):
    tls = trusting(certificates)
    tls.load_cert_chain(Authority("somebody else").issue_client(tmp_path, "client").combined)

    assert not answers(secure_cassandra.port, tls)


def test_is_refused_by_a_client_that_expects_another_host(secure_cassandra, certificates):
    tls = secure_cassandra.security.client_context()
    login = PlainTextAuthProvider(SUPERUSER, certificates.home.password(SUPERUSER))
    elsewhere = Cluster(
        [secure_cassandra.host],
        port=secure_cassandra.port,
        ssl_context=tls,
        ssl_options={"server_hostname": "cassandra.example.org"},
        auth_provider=login,
        **PATIENT,
    )

    with elsewhere, pytest.raises(NoHostAvailable) as caught:
        elsewhere.connect()

    assert "not valid for 'cassandra.example.org'" in str(refusals(caught)[0])


def test_lets_the_schema_role_make_and_grant_and_the_pipeline_use(log_in, certificates):
    home = certificates.home
    with log_in(SCHEMA_ROLE, home.password(SCHEMA_ROLE)) as schema:
        schema.execute(KEYSPACE.format(name="granted"))
        schema.execute("CREATE TABLE granted.price (symbol text PRIMARY KEY, price bigint)")
        schema.execute("CREATE ROLE reader WITH PASSWORD = 'read' AND LOGIN = true")
        schema.execute("GRANT SELECT ON KEYSPACE granted TO reader")
        schema.execute(f"GRANT SELECT ON KEYSPACE granted TO {PIPELINE_ROLE}")
        schema.execute(f"GRANT MODIFY ON KEYSPACE granted TO {PIPELINE_ROLE}")

    with log_in(PIPELINE_ROLE, home.password(PIPELINE_ROLE)) as pipeline:
        pipeline.execute("INSERT INTO granted.price (symbol, price) VALUES ('BTCUSDT', 1)")
        with pytest.raises(Unauthorized, match="no ALTER permission"):
            pipeline.execute("ALTER TABLE granted.price ADD volume bigint")
    with log_in("reader", "read") as reader:
        assert reader.execute("SELECT price FROM granted.price").one().price == 1
        with pytest.raises(Unauthorized, match="no MODIFY permission"):
            reader.execute("INSERT INTO granted.price (symbol, price) VALUES ('BTCUSDT', 2)")


@pytest.mark.parametrize("role", [SCHEMA_ROLE, PIPELINE_ROLE])
def test_lets_no_role_read_what_another_made(role, log_in, certificates, superuser):
    superuser.execute(KEYSPACE.format(name="private"))
    superuser.execute("CREATE TABLE IF NOT EXISTS private.price (symbol text PRIMARY KEY)")

    with (
        log_in(role, certificates.home.password(role)) as session,
        pytest.raises(Unauthorized, match="no SELECT permission on <table private"),
    ):
        session.execute("SELECT symbol FROM private.price")


def test_lets_no_schema_role_become_superuser(log_in, certificates):
    with (
        log_in(SCHEMA_ROLE, certificates.home.password(SCHEMA_ROLE)) as session,
        pytest.raises(Unauthorized),
    ):
        session.execute(f"GRANT {SUPERUSER} TO {SCHEMA_ROLE}")


def test_runs_a_query_in_cqlsh_whose_login_is_in_no_argument(
    secure_cassandra, certificates, tmp_path
):
    settings = tmp_path / "cqlshrc"
    settings.write_text(cqlshrc(secure_cassandra.port, certificates.home))
    command = cqlsh_command(settings, ["-e", "SELECT role FROM system_auth.roles"])

    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr
    assert SCHEMA_ROLE in told.stdout
    assert certificates.home.password(SUPERUSER) not in " ".join(command)


def test_the_driver_finds_astra_through_its_bundle_alone(astra):
    with through_bundle(astra.bundle()) as session:
        session.set_keyspace(ASTRA_KEYSPACE)
        session.execute("CREATE TABLE price (symbol text PRIMARY KEY)")
        session.execute("INSERT INTO price (symbol) VALUES ('BTCUSDT')")

        rows = session.execute("SELECT symbol FROM price").all()
        endpoints = [host.endpoint for host in session.cluster.metadata.all_hosts()]

    assert [row.symbol for row in rows] == ["BTCUSDT"]
    assert [endpoint.port for endpoint in endpoints] == [astra.proxy_port]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(KEYSPACE.format(name="more"), id="no keyspace"),
        pytest.param("SELECT role FROM system_auth.roles", id="no other keyspace's rows"),
        pytest.param("CREATE ROLE other", id="no role"),
    ],
)
def test_a_token_has_its_keyspace_and_no_more(statement, astra):
    with through_bundle(astra.bundle()) as session, pytest.raises(Unauthorized):
        session.execute(statement)


def test_astra_refuses_another_token(astra):
    with (
        pytest.raises(NoHostAvailable) as caught,
        through_bundle(astra.bundle(), token="AstraCS:wrong"),
    ):
        pass

    assert isinstance(refusals(caught)[0], AuthenticationFailed)


def test_a_corrupt_bundle_is_refused(astra):
    with pytest.raises(ValueError, match="zip file"), through_bundle(astra.corrupt_bundle()):
        pass


def test_a_bundle_of_another_authority_is_refused(astra):
    with (
        pytest.raises(DriverException, match="metadata service"),
        through_bundle(astra.foreign_bundle()),
    ):
        pass


def test_the_proxy_refuses_a_node_that_it_does_not_know(astra):
    with (
        astra.unknown_node(),
        pytest.raises(NoHostAvailable) as caught,
        through_bundle(astra.bundle()),
    ):
        pass

    assert "unrecognized name" in str(refusals(caught)[0]).lower()


def test_no_metadata_no_connection_and_both_come_back(astra):
    with (
        astra.metadata_down(),
        pytest.raises(DriverException, match="metadata service"),
        through_bundle(astra.bundle()),
    ):
        pass

    with through_bundle(astra.bundle()) as session:
        assert session.execute("SELECT key FROM system.local").one().key == "local"


def test_metadata_is_for_clients_with_a_certificate(astra, certificates):
    url = f"https://127.0.0.1:{astra.metadata_port}/metadata"

    # Which of the two depends on whether the server's alert or its close is read first.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        urllib.request.urlopen(url, context=trusting(certificates), timeout=120)
    told = urllib.request.urlopen(
        url, context=certificates.home.security().client_context(), timeout=120
    )
    with told:
        assert told.status == 200
