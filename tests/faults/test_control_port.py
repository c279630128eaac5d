"""The simulator's control port, over a socket."""

import httpx
import pytest

from tests.faults.conftest import ANSWER_SECONDS


def test_lists_and_deletes_the_faults_in_force(simulator):
    simulator.fault({"kind": "delay", "seconds": 0}, endpoint="ping", times=2)

    (listed,) = simulator.control.get("/faults").json()
    simulator.control.delete("/faults")

    assert (listed["endpoint"], listed["times"], listed["effect"]["kind"]) == ("ping", 2, "delay")
    assert simulator.control.get("/faults").json() == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/faults", "no json"),
        ("/faults", '[{"effect": {"kind": "earthquake"}}]'),
        ("/bans", '{"seconds": 0}'),
        ("/clock", "{}"),
    ],
)
def test_says_what_is_wrong_with_a_request(simulator, path, content):
    answer = simulator.control.post(path, content=content)

    assert answer.status_code == 422
    assert answer.json()["error"]


def test_sets_the_clock_wrong_and_right_again(simulator):
    def now_ms():
        return httpx.get(f"{simulator.url}/api/v3/time", timeout=ANSWER_SECONDS).json()[
            "serverTime"
        ]

    before = now_ms()
    simulator.control.post("/clock", json={"skew_ms": 3_600_000})
    wrong = now_ms()
    simulator.control.post("/clock", json={"skew_ms": 0})

    assert 3_600_000 <= wrong - before < 3_660_000
    assert now_ms() - before < 60_000


def test_bans_an_address_at_once_and_logs_who_came(simulator):
    simulator.control.post("/bans", json={"client": "127.0.0.9", "seconds": 60})
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.9")

    with httpx.Client(transport=elsewhere, timeout=ANSWER_SECONDS) as banned:
        answer = banned.get(f"{simulator.url}/api/v3/ping")

    assert (answer.status_code, answer.json()["code"]) == (418, -1003)
    assert 30 < int(answer.headers["retry-after"]) <= 60
    last = simulator.requests()[-1]
    assert (last["client"], last["path"], last["status"]) == ("127.0.0.9", "/api/v3/ping", 418)


def test_is_not_on_the_data_port(simulator):
    for path in ("/faults", "/requests", "/bans", "/clock"):
        assert httpx.get(simulator.url + path, timeout=ANSWER_SECONDS).status_code == 404


def test_packs_answers_for_a_client_that_asks(simulator):
    url = f"{simulator.url}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=100"

    packed = httpx.get(url, timeout=ANSWER_SECONDS, headers={"accept-encoding": "gzip"})
    plain = httpx.get(url, timeout=ANSWER_SECONDS, headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json()[:-1] == plain.json()[:-1]
