"""How a person looks at a page: by day or night, on a phone or a wide screen, with the keyboard."""

import time

from playwright.sync_api import Page

PATIENCE_SECONDS, POLL_MS = 180.0, 50
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 380, "height": 800}
WIDE = {"width": 1920, "height": 1080}
SIZES = {"phone": PHONE, "wide": WIDE}
SCHEMES = ("light", "dark")

SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
GROUND = """[document.body, document.documentElement]
  .map(it => getComputedStyle(it).backgroundColor)
  .find(colour => !colour.endsWith(', 0)')) ?? '255 255 255'"""
# Darker than mid grey is what the page is painted on.
IS_DARK = (
    rf"({GROUND}).match(/\d+/g).slice(0, 3).reduce((sum, it) => sum + Number(it), 0) < {3 * 128}"
)
# What Tab must reach, counted: of the radio buttons of a group it reaches the one that is chosen.
REACHABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=radio]:not(:checked)), select, textarea, summary, [tabindex]')]
  .filter(it => it.tabIndex >= 0 && !it.disabled
    && it.checkVisibility({ opacityProperty: true, visibilityProperty: true })).length"""
# Of what has the focus: a word that names it, and whether a person sees it.
FOCUSED = """() => {
  const it = document.activeElement
  if (!it || it === document.body || it.tagName === 'IFRAME') return null
  const box = it.getBoundingClientRect()
  const isSeen = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0
    && box.top < innerHeight && box.left < innerWidth
    && it.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const style = getComputedStyle(it)
  const isMarked = style.outlineStyle !== 'none' || style.boxShadow !== 'none'
  const name = (it.getAttribute('aria-label') || it.innerText || it.name || '').trim()
  const index = [...document.querySelectorAll('*')].indexOf(it)
  return { name: `${it.tagName} ${name}`, isSeen, isMarked, index }
}"""


def wait_until_dark(frame, *, is_dark=True):
    """Wait until a page is dark, or light: it follows Airflow's theme a moment later."""
    wait_until(frame, IS_DARK if is_dark else f"!({IS_DARK})")


def wait_until_it_fits(frame):
    """Wait until a page does not scroll sideways: what it draws follows its size a moment later."""
    wait_until(frame, f"!({SCROLLS_SIDEWAYS})")


def wait_until(frame, condition):
    """Wait until a condition holds in a page or frame.

    Playwright's own waiting makes a function of a text in the page, which the policy forbids.
    """
    page = frame if isinstance(frame, Page) else frame.page
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    while not frame.evaluate(condition):
        assert time.monotonic() < gives_up_at, condition
        page.wait_for_timeout(POLL_MS)


def tab_through(page, *, most=60):
    """Press Tab from the top of a page to its end.

    Returns:
        What had the focus, in order; at most `most`.
    """
    page.evaluate("document.activeElement?.blur()")
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or any(stop["index"] == each["index"] for each in stops):
            break
        stops.append(stop)
    return stops


def assert_works_by_keyboard(page, *, most=60):
    """Fail unless Tab reaches all that a mouse can press, and the focus is always to be seen."""
    stops = tab_through(page, most=most)

    assert len(stops) >= min(page.evaluate(REACHABLE), most), [stop["name"] for stop in stops]
    assert [stop["name"] for stop in stops if not (stop["isSeen"] and stop["isMarked"])] == []
