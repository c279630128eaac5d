"""What holds of the price watch however prices go, and however seldom anybody looks."""

from hypothesis import given
from hypothesis import strategies as st

from include.records.windows import MINUTE
from include.watch.states import Change
from tests.fakes.builders import average
from tests.fakes.watcher import ABOVE, BELOW, MOVE, Watcher, at

PRICES = st.lists(st.none() | st.decimals("90", "110", places=1), max_size=40)
RULES = st.sampled_from(
    [ABOVE, BELOW, MOVE, ABOVE.replace("}", ", for_minutes: 2}"), ABOVE.replace("0.01", "0")]
)


@given(rule=RULES, prices=PRICES, looks=st.sets(st.integers(0, 40)))
def test_never_fires_twice_without_saying_in_between_that_it_was_over(rule, prices, looks):
    """However the price goes, and however many minutes come together."""
    watcher = Watcher(rule)
    watcher.run(at(0))
    said = []
    for index, vwap in enumerate(prices):
        watcher.publish(average(at(index), vwap=vwap and str(vwap)))
        if index in looks or index == len(prices) - 1:
            new = watcher.run(at(index + 1))
            assert len(new) <= 1
            said += [each.change for each in new]

    turns = [change for change in said if change is not Change.PASSED]
    assert turns == [Change.FIRED, Change.OVER] * (len(turns) // 2) + [Change.FIRED] * (
        len(turns) % 2
    )


@given(prices=st.lists(st.decimals("99.01", "100", places=2), max_size=30))
def test_is_silent_while_the_price_stays_between_the_line_and_its_hysteresis(prices):
    watcher = Watcher(ABOVE)
    watcher.see(at(-1), "100.5")

    assert watcher.each_minute(*map(str, prices)) == []


@given(prices=PRICES)
def test_what_comes_together_ends_as_what_comes_one_by_one(prices):
    averages = [average(at(i), vwap=vwap and str(vwap)) for i, vwap in enumerate(prices)]
    one_by_one, together = Watcher(ABOVE), Watcher(ABOVE)
    for watcher in (one_by_one, together):
        watcher.run(at(0))
    for each in averages:
        one_by_one.publish(each)
        one_by_one.run(each.minute + MINUTE)

    together.publish(*averages)
    together.run(at(len(prices)))

    states = [watcher.states["high BTCUSDT"] for watcher in (one_by_one, together)]
    assert states[0].is_active == states[1].is_active
    assert states[0].judged_until == states[1].judged_until
