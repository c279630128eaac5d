"""A fetch plan, and the weight reserved for it, as they travel through XCom."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from include.exchange.request_budget import Leave
from include.orchestration.messages import LeaveMessage, PlanMessage
from include.pipeline.fetching import FetchPlan
from include.pipeline.landing import batch_url
from include.records.windows import MINUTE, Window


def message_of(
    plan: FetchPlan, storage: str, planned_at: datetime, leave: Leave | None
) -> PlanMessage:
    """Return the message of a plan.

    Args:
        plan: Of one symbol.
        storage: The URL below which its batch is to land.
        planned_at: When the run was planned, aware UTC.
        leave: What is reserved for it; None where it reserves its own.
    """
    return PlanMessage(
        symbol=plan.symbol,
        url=batch_url(storage, plan.symbol, plan.window, planned_at),
        due_at=max(planned_at, plan.window.end - plan.clock_offset).isoformat(),
        start=plan.window.start.isoformat(),
        end=plan.window.end.isoformat(),
        tick_size=str(plan.tick_size) if plan.tick_size is not None else None,
        clock_offset_ms=plan.clock_offset // timedelta(milliseconds=1),
        unreadable=plan.unreadable,
        overlap_minutes=plan.overlap // MINUTE,
        leave=LeaveMessage(
            minute=leave.minute.isoformat(),
            send_at=leave.send_at.isoformat(),
            is_first=leave.is_first,
            spacing_ms=leave.spacing // timedelta(milliseconds=1),
        )
        if leave
        else None,
    )


def plan_of(message: PlanMessage) -> FetchPlan:
    """Return the plan in a message."""
    tick_size = message["tick_size"]
    return FetchPlan(
        symbol=message["symbol"],
        window=Window(
            datetime.fromisoformat(message["start"]), datetime.fromisoformat(message["end"])
        ),
        tick_size=Decimal(tick_size) if tick_size is not None else None,
        clock_offset=timedelta(milliseconds=message["clock_offset_ms"]),
        unreadable=message["unreadable"],
        overlap=message["overlap_minutes"] * MINUTE,
    )


def leave_of(message: PlanMessage) -> Leave | None:
    """Return the leave in a message."""
    leave = message["leave"]
    return leave and Leave(
        minute=datetime.fromisoformat(leave["minute"]),
        send_at=datetime.fromisoformat(leave["send_at"]),
        is_first=leave["is_first"],
        spacing=timedelta(milliseconds=leave["spacing_ms"]),
    )
