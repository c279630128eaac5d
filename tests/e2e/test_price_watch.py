"""The price watch under Airflow: from a rule to a message, once."""

import json

import pytest

from tests.fakes.sinks import http_sink

WATCH = {
    "rules": [
        {"name": "worth something", "kind": "price_above", "symbols": "BTCUSDT", "threshold": 0.01}
    ],
    "notify": [{"kind": "webhook", "connection": "desk", "endpoint": "hooks/prices"}],
}


@pytest.fixture(scope="module")
def desk(product):
    """A web server that the watch posts to, and the rule; both are taken away afterwards."""
    with http_sink() as server, product.stack.rest() as api:
        address = {"conn_type": "http", "host": "127.0.0.1", "schema": "http", "port": server.port}
        made = [("/connections", {"connection_id": "desk", **address})]
        made += [("/variables", {"key": "price_watch", "value": json.dumps(WATCH)})]
        for path, body in made:
            api.post(path, json=body).raise_for_status()
        api.patch("/dags/watch_prices", json={"is_paused": False}).raise_for_status()
        yield server
        api.patch("/dags/watch_prices", json={"is_paused": True}).raise_for_status()
        api.delete("/variables/price_watch").raise_for_status()
        api.delete("/connections/desk").raise_for_status()


def test_tells_a_channel_once(product, desk):
    """A machine that is behind publishes nothing new for minutes; then there is nothing to say."""
    product.wait_for(lambda: desk.taken, what="a message of the price watch")
    for _ in range(2):
        state, log = product.run_dag("watch_prices")
        assert state == "success", log

    (post,) = desk.taken
    assert post.path == "/hooks/prices"
    assert "worth something" in json.dumps(post.body)
    assert "BTCUSDT" in json.dumps(post.body)


def test_sends_a_test_message_when_asked(product, desk):
    before = len(desk.taken)

    state, log = product.run_dag("watch_prices", test=True)

    assert state == "success", log
    assert len(desk.taken) == before + 1
