"""The request budget's table in Cassandra, shared by all workers behind one address."""

from __future__ import annotations

from datetime import UTC, datetime

from include.records.request_weight import Block, Use
from include.store.statements import Statements

# A block ends by the exchange's clock, its row expires by Cassandra's: no row must go too early.
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
        """Return the exchange's weight limit per minute; None when last stated over an hour ago."""
        rows = self._statements.run("select_weight_limit", (self._egress,))
        return rows[0]["weight_limit"] if rows else None

    def set_weight_limit(self, limit: int) -> None:
        """Store the exchange's weight limit per minute, for an hour."""
        self._statements.run("update_weight_limit", (limit, self._egress))

    def use(self, minute: datetime) -> Use | None:
        """Return the weight taken in a minute; None when there was no request."""
        rows = self._statements.run("select_exchange_use", (self._egress, minute))
        if not rows:
            return None
        # An earlier release, which may run beside this one for a while, does not write it.
        return Use(**{**rows[0], "first_at": rows[0]["first_at"] or rows[0]["sent_at"]})

    def swap_use(self, old: Use | None, new: Use) -> bool:
        """Replace old with new; return False and do nothing when old was already replaced."""
        state: tuple[object, ...] = (
            new.taken_weight,
            new.sent_at,
            new.first_at,
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
        """Return the stored blocks; some may be expired."""
        rows = self._statements.run("select_exchange_blocks", (self._egress,))
        return [Block(**row) for row in rows]

    def add_block(self, block: Block) -> None:
        """Store a block until it is over; one of the same host and status is replaced."""
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
