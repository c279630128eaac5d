"""What the gate, the averages and the soft checks say of a clean recording."""

from dataclasses import dataclass
from decimal import Decimal

from include.marketdata.averages import average_minutes
from include.marketdata.batches import Interval
from include.marketdata.prices import ExchangeMinute, SecondPrice
from include.marketdata.quality import check_batch
from include.marketdata.soft_checks import Jump, jumps
from include.marketdata.storing import good_rows


@dataclass(frozen=True)
class Alarms:
    """What was said of one recording.

    Attributes:
        rows: Judged.
        hard: Rows refused, and batches.
        soft: Warnings, and minutes whose average is called odd.
        confirmed: Jumps that stayed: no alarm, the market moved.
        symbol_days: How much was judged.
    """

    rows: int
    hard: int
    soft: int
    confirmed: int
    symbol_days: Decimal


def alarms_on(checkpoints, recording):
    batch = recording.batch
    verdict = check_batch(checkpoints, batch, symbol=batch.symbol, stored={})
    seconds = good_rows(batch, verdict, Interval.SECOND, SecondPrice)
    minutes = good_rows(batch, verdict, Interval.MINUTE, ExchangeMinute)
    averages = average_minutes(batch.symbol, batch.window, seconds, minutes, batch.window.end)
    valued = [(each.minute, each.vwap) for each in averages if each.vwap is not None]
    found = [*jumps(valued).values()]
    confirmed = found.count(Jump.CONFIRMED)
    return Alarms(
        rows=batch.row_count,
        hard=verdict.bad_row_count + verdict.is_refused,
        soft=len(verdict.warnings) + len(found) - confirmed,
        confirmed=confirmed,
        symbol_days=recording.symbol_days,
    )
