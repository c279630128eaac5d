"""What a broken or hostile exchange may send: one clear error, no crash, no hang, little memory."""

import json
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.exchange.transport import LONGEST_BODY_BYTES
from include.records.errors import InvalidAnswerError, RetryableError, SettingsError
from include.records.klines import Interval
from include.records.windows import MINUTE, Window, floor_minute

NUMBER = "123456789012345678901234567890"


def fetch(client):
    now = floor_minute(datetime.now(UTC))
    return client.klines("BTCUSDT", Interval.SECOND, Window(now - 5 * MINUTE, now))


def body(text, status=200, **headers):
    return {
        "kind": "answer",
        "status": status,
        "body": text,
        "content_type": "application/json",
        "headers": headers,
    }


@pytest.mark.parametrize(
    ("effect", "expected", "words"),
    [
        (body("[[NaN]]"), InvalidAnswerError, "contains NaN"),
        (body(f"[[{NUMBER}]]"), InvalidAnswerError, "rows of twelve"),
        (body(f'[[{NUMBER}{", 1" * 11}]]'), InvalidAnswerError, "rows of twelve"),
        (body("[" + "9" * 5000 + "]"), InvalidAnswerError, "not JSON"),
        (body("<html>hello</html>"), InvalidAnswerError, "not JSON"),
        (body(""), InvalidAnswerError, "not JSON"),
        (body("[" * 200_000), InvalidAnswerError, "not JSON"),
        (body('{"code":0,"msg":"x"}'), InvalidAnswerError, "rows of twelve"),
        (body("", 302, location="https://evil.example/"), InvalidAnswerError, "HTTP 302"),
        (body("<html>Request blocked</html>", 403), SettingsError, "Request blocked"),
        (body('{"code":0,"msg":"restricted\\nlocation"}', 451), SettingsError, r"restricted\\n"),
        (body("<html>", 502), RetryableError, "HTTP 502"),
        ({"kind": "oversized", "megabytes": 100}, InvalidAnswerError, str(LONGEST_BODY_BYTES)),
        (
            {"kind": "oversized", "megabytes": 100, "packed": True},
            InvalidAnswerError,
            str(LONGEST_BODY_BYTES),
        ),
        ({"kind": "cut_short"}, RetryableError, "RemoteProtocolError"),
        ({"kind": "cut_short", "packed": True}, RetryableError, "RemoteProtocolError"),
        ({"kind": "corrupt"}, RetryableError, "damaged|cut short"),
        ({"kind": "reset"}, RetryableError, "does not answer"),
        ({"kind": "hang"}, RetryableError, "ReadTimeout"),
        ({"kind": "drip"}, RetryableError, "did not end in time"),
    ],
    ids=[
        "NaN", "30 digits", "30 digits as open time", "5,000 digits", "HTML", "empty", "nesting",
        "object for a list", "redirect", "403", "451", "502", "100 MB", "gzip bomb", "cut short",
        "gzip cut short", "gzip damaged", "reset", "hang", "drip",
    ],
)  # fmt: skip
def test_ends_in_one_clear_error(simulator, client_of, effect, expected, words):
    """What may pass is tried twice; what does not end by itself, for ten seconds.

    However busy the machine, an answer that comes at once is met within the longer patience.
    """
    simulator.fault(effect, endpoint="klines")
    patience_seconds = 10 if effect["kind"] in {"hang", "drip"} else 600
    started = time.monotonic()

    with pytest.raises(expected, match=words) as caught, stamina.set_testing(True, attempts=2):
        fetch(client_of(simulator.url, patience_seconds))

    assert type(caught.value) is expected
    assert time.monotonic() - started < 300
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_gets_the_rows_in_the_end_when_failures_pass(simulator, client_of):
    rules = [
        {"endpoint": "klines", "times": 1, "effect": {"kind": "reset"}},
        {"endpoint": "klines", "skip": 1, "times": 1, "effect": {"kind": "corrupt"}},
        {"endpoint": "klines", "skip": 2, "times": 1, "effect": body("", 503)},
    ]
    simulator.faults(rules)

    assert len(fetch(client_of(simulator.url, 120))) == 300


def test_reads_packed_answers(simulator, client_of):
    assert len(fetch(client_of(simulator.url, 120))) == 300


MEASURE = """
import json, sys, tracemalloc
from tests.faults.test_hostile_bodies import fetch
from tests.faults.conftest import *
def client():
    settings = BinanceSettings((sys.argv[1],), 600.0)
    return BinanceClient(settings, RequestBudget(MemoryBudgetTable(6000), 0.5),
                         lambda: datetime.now(UTC))
with client() as c:
    c.server_time()
    tracemalloc.start()
    try:
        fetch(c)
    except Exception as error:
        print(json.dumps([type(error).__name__, tracemalloc.get_traced_memory()[1] // 1000]))
"""


@pytest.mark.parametrize("packed", [False, True], ids=["100 MB", "gzip bomb"])
def test_takes_little_memory_for_a_body_without_end(simulator, packed, record_property):
    """The cap is 4 MB; a third of the 100 MB sent would show that it is not kept to."""
    simulator.fault({"kind": "oversized", "megabytes": 100, "packed": packed}, endpoint="klines")

    run = subprocess.run(
        [sys.executable, "-c", MEASURE, simulator.url], capture_output=True, text=True, check=True
    )

    error, grown_kb = json.loads(run.stdout)
    record_property("grown_kb", grown_kb)
    assert error == "InvalidAnswerError"
    assert grown_kb < 33_000


@pytest.fixture
def tls_server(tmp_path):
    """A server on loopback with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_refuses_a_certificate_that_nobody_vouches_for(tls_server, client_of):
    with pytest.raises(SettingsError, match=r"certificate.*not trusted.*binance_default"):
        client_of(tls_server, 120).server_time()
