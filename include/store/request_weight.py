"""The table behind the request budget, in Cassandra: what all workers of one address share."""

from __future__ import annotations

from datetime import UTC, datetime

from include.records.request_weight import Block, Use
from include.store.statements import Statements

# A block's end is by the exchange's clock and a row's life by Cassandra's: no row goes too early.
KEPT_SECONDS = 3600


class ExchangeBudgetTable:
    """A BudgetTable in the tables exchange_budget and exchange_block.

    Args:
        statements: Over the session of the store.
        egress: Name of the address that requests leave from; workers that share an address
            must share the name.
    """

    def __init__(self, statements: Statements, egress: str) -> None:
        self._statements = statements
        self._egress = egress

    def weight_limit(self) -> int | None:
        """Return the exchange's limit of weight a minute; None when nobody heard it for an hour."""
        rows = self._statements.run("select_weight_limit", (self._egress,))
        return rows[0]["weight_limit"] if rows else None

    def set_weight_limit(self, limit: int) -> None:
        """Note the exchange's limit of weight a minute, for an hour."""
        self._statements.run("update_weight_limit", (limit, self._egress))

    def use(self, minute: datetime) -> Use | None:
        """Return what was taken of a minute; None when nothing was."""
        rows = self._statements.run("select_exchange_use", (self._egress, minute))
        return Use(**rows[0]) if rows else None

    def swap_use(self, old: Use | None, new: Use) -> bool:
        """Put new in the place of old; False, and nothing done, when old no longer stands."""
        state: tuple[object, ...] = (
            new.taken_weight,
            new.sent_at,
            new.answered_at,
            new.is_first_out,
            new.version,
        )
        if old is None:
            row = self._statements.run("insert_exchange_use", (self._egress, new.minute, *state))[0]
        else:
            row = self._statements.run(
                "update_exchange_use", (*state, self._egress, new.minute, old.version)
            )[0]
        return bool(row["[applied]"])

    def blocks(self) -> list[Block]:
        """Return the blocks noted; some that are over may be among them."""
        rows = self._statements.run("select_exchange_blocks", (self._egress,))
        return [Block(**row) for row in rows]

    def add_block(self, block: Block) -> None:
        """Note a block until it is over; one of the same host and status is replaced."""
        seconds_left = max(0, int((block.until - datetime.now(UTC)).total_seconds()))
        self._statements.run(
            "insert_exchange_block",
            (
                self._egress,
                block.host,
                block.status,
                block.until,
                block.reason,
                seconds_left + KEPT_SECONDS,
            ),
        )
