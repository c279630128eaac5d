"""The page's script that writes prices, in a real browser; it needs no server."""

import json
from base64 import b64encode

from tests.e2e.conftest import PROJECT


def test_writes_a_price_as_every_other_place_does(browser):
    """The script of the page and the Python beside it, held to one table."""
    cases = json.loads((PROJECT / "tests" / "data" / "price_texts.json").read_text())
    script = PROJECT / "include" / "web" / "static" / "price_text.js"
    module = f"data:text/javascript;base64,{b64encode(script.read_bytes()).decode()}"
    page = browser.new_page()

    written = page.evaluate(
        "([module, texts]) => import(module).then(it => texts.map(it.priceText))",
        [module, [text for text, _ in cases]],
    )
    page.close()

    assert written == [shown for _, shown in cases]
