from pathlib import Path

import pytest
import yaml

from dev.cassandra_server.config import (
    CassandraSetup,
    Member,
    java_command,
    write_configuration,
)
from dev.cassandra_server.security import Security

SECURITY = Security(
    certificate=Path("/pki/server.pem"),
    authorities=Path("/pki/ca.crt"),
    client_certificate=Path("/pki/client.pem"),
)


@pytest.fixture
def settings(tmp_path):
    """Return what cassandra.yaml says for a setup."""

    def written(**more):
        write_configuration(CassandraSetup(tmp_path, 9042, 17000, fast=False, **more))
        return yaml.safe_load((tmp_path / "cassandra.yaml").read_text())

    return written


@pytest.fixture
def heap(tmp_path):
    """Return the heap that Java is given for a setup."""

    def given(**more):
        setup = CassandraSetup(tmp_path, 9042, 17000, **more)
        command = java_command(Path("java"), [Path("jamm-0.4.0.jar")], setup)
        return [word for word in command if word.startswith(("-Xms", "-Xmx"))]

    return given


def test_syncs_each_write_because_a_killed_process_loses_the_others(settings):
    assert settings()["commitlog_sync"] == "batch"


def test_takes_anybody_without_security(settings):
    assert not {"authenticator", "authorizer", "client_encryption_options"} & set(settings())


def test_asks_for_passwords_and_grants_with_security(settings):
    found = settings(security=SECURITY)

    assert found["authenticator"] == "PasswordAuthenticator"
    assert found["authorizer"] == "CassandraAuthorizer"
    assert found["role_manager"] == "CassandraRoleManager"


@pytest.mark.parametrize("port", ["client_encryption_options", "server_encryption_options"])
def test_has_no_port_without_tls(settings, port):
    found = settings(security=SECURITY)[port]

    assert found["optional"] is False
    assert found["require_client_auth"] is True
    assert found["keystore"] == "/pki/server.pem"
    assert found["truststore"] == "/pki/ca.crt"


def test_asks_for_no_certificate_when_there_is_none_to_show(settings):
    security = Security(SECURITY.certificate, SECURITY.authorities)

    assert settings(security=security)["client_encryption_options"]["require_client_auth"] is False


def test_never_shows_the_superusers_password(settings):
    security = Security(SECURITY.certificate, SECURITY.authorities, superuser_password="hidden")

    assert "hidden" not in repr(security)
    assert "hidden" not in str(settings(security=security))


@pytest.mark.parametrize(
    ("choices", "size"),
    [
        pytest.param({"fast": False}, "384m", id="usual"),
        pytest.param({"fast": True}, "256m", id="fast"),
        pytest.param({"fast": True, "heap": "512m"}, "512m", id="named"),
    ],
)
def test_gives_java_the_heap(heap, choices, size):
    assert heap(**choices) == [f"-Xms{size}", f"-Xmx{size}"]


def test_is_a_node_of_its_own_without_others(settings):
    found = settings()

    assert (found["listen_address"], found["rpc_address"]) == ("127.0.0.1", "127.0.0.1")
    assert "initial_token" not in found


def test_takes_its_place_among_others(settings):
    found = settings(member=Member("cassandra-2", "127.0.0.2", "127.0.0.1", 7))

    assert (found["listen_address"], found["rpc_address"]) == ("127.0.0.2", "127.0.0.2")
    assert found["seed_provider"][0]["parameters"] == [{"seeds": "127.0.0.1:17000"}]
    assert (found["initial_token"], found["auto_bootstrap"]) == (7, False)
