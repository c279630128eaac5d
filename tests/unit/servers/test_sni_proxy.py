import ssl

import pytest

from tests.servers.sni_proxy import read_hello

ALERT_RECORD, FATAL, UNRECOGNIZED_NAME = 21, 2, 112


def client_hello(server_name):
    """Return the first bytes that Python's TLS client sends."""
    context = ssl.create_default_context()
    context.check_hostname = False
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=server_name).do_handshake()
    return sent.read()


def test_reads_the_server_that_a_client_wants():
    assert read_hello(client_hello("7c5d0f4e")).server_name == "7c5d0f4e"


def test_tells_a_client_that_names_no_server():
    assert read_hello(client_hello(None)).server_name is None


def test_waits_for_the_rest_of_a_hello_that_comes_in_pieces():
    hello = client_hello("7c5d0f4e")

    assert all(read_hello(hello[:length]) is None for length in range(len(hello)))


def test_has_the_alert_ready_that_refuses_the_name():
    refusal = read_hello(client_hello("7c5d0f4e")).refusal

    assert refusal[0] == ALERT_RECORD
    assert refusal[-2:] == bytes((FATAL, UNRECOGNIZED_NAME))


def test_refuses_what_is_no_tls():
    with pytest.raises(ssl.SSLError):
        read_hello(b"GET / HTTP/1.1\r\n\r\n")
