"""The bodies of the tasks of replay_quarantine."""

import logging
from collections.abc import Mapping
from datetime import date, timedelta

from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.connections import kept, open_store, symbols
from include.orchestration.context import now
from include.orchestration.defaults import KEPT
from include.orchestration.failures import fail_without_retry
from include.orchestration.forms import Action
from include.orchestration.messages import ReplayMessage
from include.orchestration.orders import LONGEST_REPLAY_DAYS, read_replay
from include.pipeline.replaying import Selection, Settled, close, open_rows, replay
from include.records.shown_text import shown_text
from include.records.verdicts import QuarantinedRow
from include.tasks.gates import open_checkpoints, open_publisher

LISTED_ROWS = 200
SHOWN_DIGITS = 12

log = logging.getLogger(__name__)


def plan(params: Mapping[str, object]) -> list[ReplayMessage]:
    """Check an order, and split it by symbol.

    Raises:
        AirflowFailException: The order cannot be carried out; the message says why.
    """
    today = now().date()
    with fail_without_retry():
        order = read_replay(params, today)
        until = order.until or today
        looked_at = kept("landing_days") or KEPT["landing_days"]
        since = order.since or until - timedelta(days=min(looked_at, LONGEST_REPLAY_DAYS) - 1)
        return [
            ReplayMessage(
                symbol=symbol,
                action=order.action.value,
                since=since.isoformat(),
                until=until.isoformat(),
                expectations=order.expectations,
                accept=order.accept,
                rows=order.rows,
                note=order.note.strip(),
            )
            for symbol in order.symbols or symbols()
        ]


def settle(part: ReplayMessage) -> str:
    """Carry out one symbol's part; return a sentence on how many rows are in each state now.

    Raises:
        AirflowFailException: The action is unknown, or an expectation cannot be accepted; nothing
            was done.
    """
    symbol, action = part["symbol"], _action(part["action"])
    choice = Selection(
        date.fromisoformat(part["since"]),
        date.fromisoformat(part["until"]),
        frozenset(part["expectations"]),
        frozenset(part["accept"]),
        part["note"] or part["action"],
        tuple(part["rows"]),
    )
    with fail_without_retry():
        store = open_store()
        match action:
            case Action.LIST:
                settled = Settled(tuple(open_rows(store, symbol, choice)), 0)
            case Action.CLOSE:
                settled = close(store, symbol, choice, now)
            case Action.REPLAY:
                checkpoints = open_checkpoints()
                settled = replay(open_publisher(checkpoints), checkpoints, symbol, choice)
    for row in settled.rows[:LISTED_ROWS]:
        log.info("%s", shown_text(_line(row)))
    if len(settled.rows) > LISTED_ROWS:
        log.info("and %d more", len(settled.rows) - LISTED_ROWS)
    states = ", ".join(f"{count} {state}" for state, count in settled.counts().items())
    return f"{symbol}: {states or 'nothing is open'}; {settled.published_count} minutes revised."


def _action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError as error:
        raise AirflowFailException(
            f"action {text!r} is not known: give one of {', '.join(Action)}"
        ) from error


def _line(row: QuarantinedRow) -> str:
    reasons = "; ".join(f"{name} ({seen})" if seen else name for name, seen in row.observed.items())
    return (
        f"{row.state} {row.symbol} {row.interval} {row.open_time} {row.digest[:SHOWN_DIGITS]}: "
        f"{reasons}; {row.payload:.300}"
    )
