import ssl

import pytest
from cryptography import x509

from dev.cassandra_server.certificates import Authority


@pytest.fixture(scope="module")
def authority():
    return Authority()


def shake_hands(client, server, host="127.0.0.1"):
    """Let a client and a server of TLS agree, without a socket between them."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return sides[0].getpeercert()


def server_with(certificate, trusted=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    if trusted is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusted)
    return context


def client_trusting(path):
    return ssl.create_default_context(cafile=path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_authority_accepts_each_name_of_a_server(
    authority, tmp_path, host
):
    server = authority.issue_server(tmp_path, "server", "127.0.0.1", "localhost")

    client = client_trusting(authority.write(tmp_path / "ca.crt"))

    shown = shake_hands(client, server_with(server), host)

    assert host in {name for _, name in shown["subjectAltName"]}


def test_a_client_refuses_a_server_by_a_name_that_it_has_not(authority, tmp_path):
    server = authority.issue_server(tmp_path, "server", "127.0.0.1")
    client = client_trusting(authority.write(tmp_path / "ca.crt"))

    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'localhost'"):
        shake_hands(client, server_with(server), "localhost")


def test_a_client_refuses_an_expired_server(authority, tmp_path):
    server = authority.issue_server(tmp_path, "server", "127.0.0.1", is_expired=True)
    client = client_trusting(authority.write(tmp_path / "ca.crt"))

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(client, server_with(server))


def test_a_client_refuses_what_another_authority_signed(authority, tmp_path):
    server = Authority("somebody else").issue_server(tmp_path, "server", "127.0.0.1")
    client = client_trusting(authority.write(tmp_path / "ca.crt"))

    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        shake_hands(client, server_with(server))


def test_a_server_recognises_the_clients_of_its_authority(authority, tmp_path):
    root = authority.write(tmp_path / "ca.crt")
    server = authority.issue_server(tmp_path, "server", "127.0.0.1")
    certified, expired, bare = (client_trusting(root) for _ in range(3))
    certified.load_cert_chain(authority.issue_client(tmp_path, "airflow").combined)
    expired.load_cert_chain(authority.issue_client(tmp_path, "old", is_expired=True).combined)

    shake_hands(certified, server_with(server, root))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(expired, server_with(server, root))
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        shake_hands(bare, server_with(server, root))


def test_keys_are_in_the_form_that_cassandra_reads_and_their_owners_alone(authority, tmp_path):
    """PKCS#8 says PRIVATE KEY; the older form that trustme writes says EC PRIVATE KEY."""
    made = authority.issue_server(tmp_path, "server", "127.0.0.1")

    assert made.key.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert made.combined.read_text() == made.key.read_text() + made.chain.read_text()
    assert {path.stat().st_mode & 0o777 for path in (made.key, made.combined)} == {0o600}


def test_a_client_is_told_by_its_name(authority, tmp_path):
    made = authority.issue_client(tmp_path, "airflow")

    subject = x509.load_pem_x509_certificate(made.chain.read_bytes()).subject

    assert "CN=airflow" in subject.rfc4514_string()
