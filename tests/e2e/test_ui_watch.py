"""That a watched page fails its test for each kind of fault; its server is made up here."""

import re

import pytest

from tests.e2e.watch import Watch

OURS = "http://ours.test"
FILES = {
    f"{OURS}/": "<!DOCTYPE html><link rel=icon href='data:,'><p>A page.</p>",
    f"{OURS}/frame": "<script>console.error('in a frame')</script>",
    "http://theirs.test/font": "a font",
}


@pytest.fixture(scope="module")
def context(browser):
    with browser.new_context() as context:
        context.route("**/*", answer)
        yield context


@pytest.fixture
def watched_page(context):
    with context.new_page() as page:
        watch = Watch(page, "ours.test")
        page.goto(f"{OURS}/")
        yield watch


def answer(route):
    """Serve the files; refuse a connection to /down, and know nothing else."""
    if route.request.url.endswith("/down"):
        route.abort("connectionrefused")
    elif body := FILES.get(route.request.url):
        headers = {"access-control-allow-origin": "*"}
        route.fulfill(body=body, content_type="text/html", headers=headers)
    else:
        route.fulfill(status=404)


def comes(watch, fault):
    """Wait for a fault, a minute at most, and tell whether it came."""
    for _ in range(600):
        if any(re.search(fault, each) for each in watch.faults()):
            return True
        watch.page.wait_for_timeout(100)
    return False


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("console.error('wrong')", "console error: wrong"),
        ("setTimeout(() => { throw Error('thrown') })", "exception: thrown"),
        ("fetch('/absent')", "console error: .*404"),
        ("fetch('/down').catch(() => 0)", "failed request: .*/down"),
        ("fetch('http://theirs.test/font')", "another host: http://theirs.test/font"),
        ("new WebSocket('ws://theirs.test/feed')", "another host: ws://theirs.test/feed"),
        ("document.body.innerHTML = '<iframe src=/frame>'", "console error: in a frame"),
    ],
    ids=["console", "exception", "no such file", "no answer", "host", "websocket", "frame"],
)
def test_calls_it_a_fault(watched_page, script, fault):
    watched_page.page.evaluate(f"() => {{ {script} }}")

    assert comes(watched_page, fault)


def test_lets_a_test_provoke_a_fault(watched_page):
    watched_page.expect("console error: on purpose")

    watched_page.page.evaluate("() => { console.error('on purpose'); console.error('not') }")

    assert comes(watched_page, "console error: not")
    assert watched_page.faults() == ["console error: not ()"]


def test_lets_warnings_and_data_pass(watched_page):
    watched_page.page.evaluate(
        "async () => { await fetch('data:,here'); console.warn('old'); console.error('last') }"
    )

    assert comes(watched_page, "console error: last")
    assert watched_page.log == ["console warning: old ()", "console error: last ()"]
    assert len(watched_page.faults()) == 1
