"""What the forms of the DAGs that are run by hand may ask for.

Checked twice: before Airflow creates a run (include/web/order_gate.py), and by the run's first
task, as a run may also come from a command line.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator

from include.exchange.days import Source
from include.orchestration.form_fields import Day, DayOrNone, Lines, Note, Symbols, explain
from include.orchestration.forms import AUDIT_PRICES, BACKFILL_PRICES, REPLAY_QUARANTINE, Action
from include.records.errors import OrderError
from include.records.klines import FIRST_DAY
from include.records.windows import DAY

# Airflow maps at most 1,024 tasks.
MOST_DAYS = 1_000
LONGEST_REPLAY_DAYS = 400
DIGEST = re.compile(r"[0-9a-f]{8,64}")

Order = TypeVar("Order", bound=BaseModel)


class BackfillOrder(BaseModel, extra="forbid"):
    """An order of backfill_prices; every field is explained in its form."""

    symbols: Symbols
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    source: Source
    force: bool

    @property
    def day_count(self) -> int:
        """Days of each symbol."""
        return (self.last - self.first).days + 1


class ReplayOrder(BaseModel):
    """An order of replay_quarantine; every field is explained in its form."""

    action: Action
    symbols: Symbols
    since: DayOrNone
    until: DayOrNone
    expectations: Lines
    accept: Lines
    rows: Lines
    note: Note

    @field_validator("rows")
    @classmethod
    def _digests(cls, listed: list[str]) -> list[str]:
        wrong = [text for text in listed if not DIGEST.fullmatch(text)]
        if wrong:
            raise ValueError(
                f"{', '.join(map(repr, wrong))}: write the first characters of a row's digest, at "
                "least 8 of them, as the action 'list' shows it"
            )
        return listed


class AuditOrder(BaseModel):
    """An order of audit_prices; every field is explained in its form."""

    first: DayOrNone = Field(alias="from")
    last: DayOrNone = Field(alias="to")


def read_backfill(params: Mapping[str, object], today: date) -> BackfillOrder:
    """Read an order of past days.

    Raises:
        OrderError: It cannot be carried out; the message says what to write.
    """
    order = _read(BackfillOrder, params)
    _check_order(order.first, order.last, "from", "to")
    if order.last > today:
        raise OrderError(
            f"'to' ({order.last}) is in the future: set it to {today} or an earlier day"
        )
    if order.first < FIRST_DAY:
        raise OrderError(
            f"'from' ({order.first}) is before Binance began: set it to {FIRST_DAY} or a later day"
        )
    # How many symbols there are where none is named, only the plan knows.
    check_size(order, max(len(order.symbols), 1))
    return order


def check_size(order: BackfillOrder, symbol_count: int) -> None:
    """Check that an order is not too large for one run.

    Raises:
        OrderError: It is.
    """
    if order.day_count * symbol_count > MOST_DAYS:
        raise OrderError(
            f"{order.day_count} days of {symbol_count} symbols exceed {MOST_DAYS} at a time: split "
            "the order into shorter ones, or name fewer symbols"
        )


def read_replay(params: Mapping[str, object], today: date) -> ReplayOrder:
    """Read an order about refused rows.

    Raises:
        OrderError: It cannot be carried out; the message says what to write.
    """
    order = _read(ReplayOrder, params)
    until = order.until or today
    if until > today:
        raise OrderError(
            f"'until' ({until}) is in the future: leave it empty for today, {today}, or set it to "
            "an earlier day"
        )
    if order.since:
        _check_order(order.since, until, "since", "until")
        _check_length(order.since, until)
    if (order.action is Action.CLOSE or order.accept) and not order.note.strip():
        raise OrderError(
            "give the reason in 'note': it is kept with rows that are excluded for good, or "
            "stored despite failing"
        )
    return order


def read_audit(params: Mapping[str, object], today: date) -> AuditOrder:
    """Read an order to audit past days.

    Raises:
        OrderError: It cannot be carried out; the message says what to write.
    """
    order = _read(AuditOrder, params)
    yesterday = today - DAY
    if order.first and order.last:
        _check_order(order.first, order.last, "from", "to")
    for name, day in (("from", order.first), ("to", order.last)):
        if day and not FIRST_DAY <= day <= yesterday:
            raise OrderError(
                f"'{name}' ({day}) is not a past day of Binance: set it to a day from {FIRST_DAY} "
                f"to {yesterday}, the last whose archive can be there"
            )
    return order


# By DAG: the form, and what reads an order of it.
ORDERS: Mapping[
    str, tuple[Mapping[str, Any], Callable[[Mapping[str, object], date], BaseModel]]
] = {
    "backfill_prices": (BACKFILL_PRICES, read_backfill),
    "replay_quarantine": (REPLAY_QUARANTINE, read_replay),
    "audit_prices": (AUDIT_PRICES, read_audit),
}


def problem_with(dag_id: str, filled: Mapping[str, object], today: date) -> str:
    """Return why an order cannot be carried out, and what to write; empty where it can.

    Args:
        dag_id: A key of ORDERS.
        filled: What is filled in; the rest is as the form has it.
        today: UTC.
    """
    form, read = ORDERS[dag_id]
    try:
        read({name: param.value for name, param in form.items()} | {**filled}, today)
    except OrderError as error:
        return str(error)
    return ""


def _read(kind: type[Order], params: Mapping[str, object]) -> Order:
    try:
        return kind.model_validate(dict(params))
    except ValidationError as error:
        raise OrderError(explain(error)) from None


def _check_order(first: date, last: date, first_name: str, last_name: str) -> None:
    if last < first:
        raise OrderError(
            f"'{last_name}' ({last}) is before '{first_name}' ({first}): set '{first_name}' to the "
            f"first day and '{last_name}' to the last"
        )


def _check_length(since: date, until: date) -> None:
    if (until - since).days >= LONGEST_REPLAY_DAYS:
        earliest = until - timedelta(days=LONGEST_REPLAY_DAYS - 1)
        raise OrderError(
            f"from {since} to {until} is more than {LONGEST_REPLAY_DAYS} days: set 'since' to "
            f"{earliest} or later, or 'until' to an earlier day"
        )
