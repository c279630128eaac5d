"""The recorded trades: what is averaged from seconds is what the trades themselves come to."""

import pytest

from dev.soaking.tape import tape_vwaps
from include.method.averages import average_minutes
from include.pipeline.storing import good_rows
from include.records.columns import SpanColumns
from include.records.klines import Interval
from include.records.prices import ExchangeMinute, Flag, SecondPrice
from tests.defects.recordings import TAPES, taped_minutes
from tests.fakes.builders import verdict


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
def test_comes_to_what_the_trades_say_in_every_full_minute(tape):
    batch = taped_minutes(tape).batch
    seconds = good_rows(batch, verdict(), Interval.SECOND, SecondPrice)
    minutes = good_rows(batch, verdict(), Interval.MINUTE, ExchangeMinute)

    averages = average_minutes(
        batch.symbol,
        batch.window,
        SpanColumns.of(seconds),
        SpanColumns.of(minutes),
        batch.window.end,
    )

    assert [str(average.vwap) for average in averages] == list(map(str, tape_vwaps(batch.symbol)))
    assert {(each.flag, each.source_level, each.is_reconciled) for each in averages} == {
        (Flag.OK, 1, True)
    }
