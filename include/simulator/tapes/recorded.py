"""Tapes of recorded trades, replayed in a loop on whole minutes.

Wall-clock minute k (since the epoch) replays full minute k mod L of a recording with L full
minutes. Trades keep their offset within the minute. Nothing depends on when the simulator started.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from include.simulator.tapes.files import TRADES, TapeFile
from include.simulator.tapes.rows import TradeRow, read_rows
from include.simulator.tapes.tapes import MINUTE_MS, IdCycle, Tape, Trade, aggregate, replay_of

TAPE_FOLDER = Path(__file__).parents[1] / "tape"


class Recording(NamedTuple):
    """The full minutes of a recorded file.

    Attributes:
        first_minute: Minutes since the epoch of the first full minute.
        first_trade_id: The exchange's id of the first trade in it.
        minutes: The trades of each full minute; ids are consecutive throughout.
    """

    first_minute: int
    first_trade_id: int
    minutes: tuple[tuple[Trade, ...], ...]


def read_recording(path: Path) -> Recording:
    """Read the full minutes of a recording, without its first and last, which are cut off.

    Raises:
        ValueError: A line is not a trade, or a minute or a trade id is missing.
    """
    rows: list[TradeRow] = []
    for _, row in read_rows(TapeFile(path, path.name.partition("_")[0], TRADES)):
        # A trade named twice is one.
        if isinstance(row, TradeRow) and rows[-1:] != [row]:
            rows.append(row)
    grouped = [
        (minute, list(members))
        for minute, members in groupby(rows, key=lambda row: row.time_ms // MINUTE_MS)
    ][1:-1]
    first_minute = grouped[0][0]
    first_trade_id = grouped[0][1][0].key
    ids = [row.key for _, members in grouped for row in members]
    if ids != list(range(first_trade_id, first_trade_id + len(ids))):
        raise ValueError(f"trade ids of {path.name} are not consecutive; take another recording")
    if [minute for minute, _ in grouped] != list(range(first_minute, first_minute + len(grouped))):
        raise ValueError(f"{path.name} has a minute without trades; take another recording")
    minutes = tuple(tuple(_trade(row) for row in members) for _, members in grouped)
    return Recording(first_minute, first_trade_id, minutes)


def recorded_tape(path: Path) -> Tape:
    """Return the endless replay of a recorded file.

    Raises:
        ValueError: If the recording has a gap.
    """
    recording = read_recording(path)
    minutes = recording.minutes
    aggregated = tuple(aggregate(trades) for trades in minutes)
    start, end = (
        datetime.fromtimestamp((recording.first_minute + count) * 60, tz=UTC)
        for count in (0, len(minutes))
    )
    return Tape(
        origin=f"recorded ({path.name}, [{start:%Y-%m-%dT%H:%MZ}, {end:%Y-%m-%dT%H:%MZ}))",
        source=replay_of(recording.first_minute, recording.first_minute + len(minutes)),
        trades_in=lambda minute: minutes[minute % len(minutes)],
        agg_trades_in=lambda minute: aggregated[minute % len(minutes)],
        trade_ids=IdCycle(recording.first_trade_id, tuple(map(len, minutes))),
        agg_trade_ids=IdCycle(1, tuple(map(len, aggregated))),
        period_minutes=len(minutes),
    )


def _trade(row: TradeRow) -> Trade:
    return Trade(row.time_ms % MINUTE_MS, row.price_e8, row.quantity_e8, row.is_buyer_maker)
