"""The verdict on the prices' health as JSON: flat, and with the same fields whatever happens."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

from pydantic import JsonValue

from include.reading.health import Facts, State, SymbolFacts, causes_of, without_guesses
from include.records.decimals import EXACT, plain
from include.records.windows import SECOND, iso

RATIO = Decimal("0.000001")


def health_values(facts: Facts) -> dict[str, JsonValue]:
    """Return the answer of /prices/health; docs/api.md explains each field."""
    causes = causes_of(facts)
    facts = without_guesses(facts)
    now = facts.checked_at
    backlogs = [each.backlog_minutes(now) or 0 for each in facts.symbols]
    breaker = facts.breaker_open_until
    return {
        "status": "failing" if causes else "ok",
        "checked_at": iso(now.replace(microsecond=0)),
        "causes": [
            {"code": each.code.value, "problem": each.problem, "runbook": each.code.heading.path}
            for each in causes
        ],
        "scheduler_runs": _yes_or_no(facts.scheduler),
        "store_answers": _yes_or_no(facts.store),
        "exchange_answers": _yes_or_no(facts.exchange),
        "mart_answers": _yes_or_no(facts.mart),
        "breaker_open_until": iso(breaker) if breaker else None,
        "backlog_minutes": max(backlogs) if backlogs else None,
        "symbols": [_symbol_values(each, now) for each in facts.symbols],
    }


def _symbol_values(facts: SymbolFacts, now: datetime) -> JsonValue:
    minute, age = facts.freshest_minute, facts.age(now)
    ratio = facts.completeness_ratio
    return {
        "symbol": facts.symbol,
        "freshest_minute": iso(minute) if minute else None,
        "age_seconds": None if age is None else age // SECOND,
        "completeness_ratio": None if ratio is None else _rounded(ratio),
        "missing_minutes": facts.missing_minutes,
        "backlog_minutes": facts.backlog_minutes(now),
    }


def _yes_or_no(state: State) -> bool | None:
    return {State.ANSWERS: True, State.SILENT: False}.get(state)


def _rounded(ratio: Decimal) -> str:
    with localcontext(EXACT):
        return plain(ratio.quantize(RATIO, ROUND_HALF_UP))
