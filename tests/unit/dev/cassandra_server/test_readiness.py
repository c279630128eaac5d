import socket
import threading

import pytest

from dev.cassandra_server import readiness
from dev.cassandra_server.readiness import accepts_login, answers
from dev.machine.ports import any_free_port

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def mute(monkeypatch):
    """A port that takes connections and says nothing, as Cassandra's does while it starts."""
    monkeypatch.setattr(readiness, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def stranger():
    """A port where something else answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def test_a_server_that_takes_connections_and_says_nothing_is_not_ready(mute):
    assert not answers(mute)
    assert not accepts_login(mute, "cassandra", "cassandra")


def test_a_server_of_another_kind_is_not_ready(stranger):
    assert not answers(stranger)


def test_a_port_that_nobody_listens_on_is_not_ready():
    assert not answers(any_free_port())
