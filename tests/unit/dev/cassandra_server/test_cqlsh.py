import configparser
from pathlib import Path

from dev.cassandra_server.cqlsh import CQLSH, cqlsh_command, cqlshrc
from dev.cassandra_server.secure_home import SecureHome


def as_cqlsh_reads(text):
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def test_tells_cqlsh_where_an_open_server_is():
    assert as_cqlsh_reads(cqlshrc(9042, None)) == {
        "connection": {"hostname": "127.0.0.1", "port": "9042"}
    }


def test_tells_cqlsh_how_to_come_to_a_secure_server():
    """A percent sign in a path begins a reference in cqlsh's files unless it is doubled."""
    found = as_cqlsh_reads(cqlshrc(9142, SecureHome(Path("/100%s"))))

    assert found["connection"]["ssl"] == "true"
    assert found["authentication"] == {"credentials": "/100%s/cassandra.credentials"}
    assert found["ssl"] == {
        "certfile": "/100%s/ca.crt",
        "validate": "true",
        "usercert": "/100%s/client.crt",
        "userkey": "/100%s/client.key",
    }


def test_runs_one_version_of_cqlsh_with_the_users_arguments_last():
    command = cqlsh_command(Path("/home/cqlshrc"), ["-e", "SELECT 1"])

    assert CQLSH in command
    assert command[-5:] == ["cqlsh", "--cqlshrc", "/home/cqlshrc", "-e", "SELECT 1"]
