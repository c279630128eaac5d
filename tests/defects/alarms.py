"""What the gate, the averages and the soft checks say of a clean recording."""

from dataclasses import dataclass
from decimal import Decimal

from include.gx.batches import check_batch
from include.method.averages import average_minutes
from include.method.grading import annotate
from include.pipeline.storing import good_rows
from include.records.columns import SpanColumns
from include.records.klines import Interval
from include.records.prices import ExchangeMinute, SecondPrice, SoftFlag


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
    averages = annotate(
        average_minutes(
            batch.symbol,
            batch.window,
            SpanColumns.of(seconds),
            SpanColumns.of(minutes),
            batch.window.end,
        ),
        {},
    )
    found = [flag for each in averages for flag in each.soft_flags.split(",") if flag]
    confirmed = found.count(SoftFlag.JUMP_CONFIRMED)
    return Alarms(
        rows=batch.row_count,
        hard=verdict.bad_row_count + verdict.is_refused,
        soft=len(verdict.warnings) + len(found) - confirmed,
        confirmed=confirmed,
        symbol_days=recording.symbol_days,
    )
