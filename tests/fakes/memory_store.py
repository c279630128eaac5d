"""The store in memory; tests/contract holds it to the real one."""

from collections import defaultdict
from dataclasses import replace
from enum import Enum

from include.records.columns import SpanColumns
from include.records.prices import MinutePrice
from include.records.windows import to_ms, whole_ms
from include.store.candles import CandleRow, CauseRow
from include.store.store import Watermark
from tests.fakes.memory_budget import MemoryBudgetTable


class MemorySpans:
    def __init__(self):
        self._spans = {}

    def write(self, spans, fetched_at):
        for span in spans:
            key = (span.symbol, span.start)
            if key not in self._spans or self._spans[key][0] <= fetched_at:
                self._spans[key] = (fetched_at, span)

    def between(self, symbol, window):
        return [
            self._spans[key][1]
            for key in sorted(self._spans)
            if key[0] == symbol and key[1] in window
        ]

    def columns(self, symbol, window):
        return SpanColumns.of(self.between(symbol, window))


class MemoryRestatements:
    def __init__(self):
        self._noted = {}

    def note(self, restatements):
        for each in restatements:
            self._noted[each.symbol, each.minute, each.revision] = each

    def between(self, symbol, window):
        return [
            self._noted[key] for key in sorted(self._noted) if key[0] == symbol and key[1] in window
        ]


class MemoryDays:
    def __init__(self):
        self._backfilled = {}
        self._audited = {}

    def note_backfill(self, backfilled):
        self._backfilled[backfilled.symbol, backfilled.day] = backfilled

    def backfilled(self, symbol, first, last):
        return _of_days(self._backfilled, symbol, first, last)

    def note_audit(self, audited):
        self._audited[audited.symbol, audited.day, audited.audited_at] = audited

    def audited(self, symbol, first, last):
        return _of_days(self._audited, symbol, first, last)


def _of_days(noted, symbol, first, last):
    return [noted[key] for key in sorted(noted) if key[0] == symbol and first <= key[1] <= last]


class MemoryFiveMinutePrices:
    def __init__(self):
        self._prices = {}

    def keep(self, symbol, minute, price):
        self._prices[symbol, minute] = price

    def between(self, symbol, window):
        return {
            key[1]: self._prices[key]
            for key in sorted(self._prices)
            if key[0] == symbol and key[1] in window
        }


class MemoryMinutePrices:
    def __init__(self):
        self._histories = {}
        self.revisions = []

    def append(self, averages, known_at):
        return [price for average in averages for price in self._append(average, known_at)]

    def _append(self, average, known_at):
        history = self._histories.setdefault((average.symbol, average.minute), [])
        price = MinutePrice(average, len(history) + 1, known_at)
        if history and (history[-1].average == average or history[-1].known_at > known_at):
            return []
        history.append(price)
        self.revisions.append(price)
        return [price]

    def history(self, symbol, window):
        return [
            price
            for key in sorted(self._histories)
            if key[0] == symbol and key[1] in window
            for price in self._histories[key]
        ]

    def between(self, symbol, window):
        return list({p.average.minute: p for p in self.history(symbol, window)}.values())

    def latest(self, symbol):
        minutes = [key for key in self._histories if key[0] == symbol]
        return self._histories[max(minutes)][-1] if minutes else None

    def changed(self, symbols, since):
        return [
            revision
            for symbol in symbols
            for minute in sorted(
                {
                    price.average.minute
                    for price in self.revisions
                    if price.average.symbol == symbol and price.known_at >= since
                }
            )
            for revision in self._histories[symbol, minute]
        ]


class MemoryMinuteRows:
    def __init__(self, minute_prices):
        self._prices = minute_prices

    def causes(self, symbol, window):
        return [_row(CauseRow, price) for price in self._prices.history(symbol, window)]

    def candles(self, symbol, window):
        return [_row(CandleRow, price) for price in self._prices.history(symbol, window)]

    def changes(self, symbol, since, most):
        found = [
            (to_ms(price.known_at), to_ms(price.average.minute))
            for price in self._prices.revisions
            if price.average.symbol == symbol and price.known_at >= since
        ]
        return sorted(found)[:most]


def _row(record, price):
    """A revision as the few values that a board shows; flags and grades as their names."""
    own = {
        "minute_ms": to_ms(price.average.minute),
        "revision": price.revision,
        "known_ms": to_ms(price.known_at),
    }
    return record._make(
        own[name] if name in own else _bare(getattr(price.average, name)) for name in record._fields
    )


def _bare(value):
    return value.value if isinstance(value, Enum) else value


class MemoryQuarantine:
    def __init__(self):
        self._rows = {}

    def keep(self, rows):
        for row in rows:
            held = self._rows.get(self._key(row), row)
            self._rows[self._key(row)] = replace(
                row, state=held.state, settled_at=held.settled_at, note=held.note
            )

    def on_day(self, symbol, day):
        return [self._rows[key] for key in sorted(self._rows) if key[:2] == (symbol, day)]

    def days(self):
        return [*{key[:2] for key in self._rows}]

    def remove(self, row):
        self._rows.pop(self._key(row), None)

    def settle(self, row, state, settled_at, note):
        settled = replace(row, state=state, settled_at=settled_at, note=note)
        self._rows[self._key(row)] = settled
        return settled

    def _key(self, row):
        return (row.symbol, row.detected_at.date(), row.interval, row.open_time, row.digest)


class MemoryStore:
    def __init__(self):
        self.second_prices = MemorySpans()
        self.exchange_minutes = MemorySpans()
        self.minute_prices = MemoryMinutePrices()
        self.minute_rows = MemoryMinuteRows(self.minute_prices)
        self.quarantine = MemoryQuarantine()
        self.restatements = MemoryRestatements()
        self.days = MemoryDays()
        self.five_minute_prices = MemoryFiveMinutePrices()
        self._watermarks = defaultdict(lambda: Watermark(None, None, None))
        self._batches = {}
        self._symbols = {}
        self._statuses = {}
        self._budgets = defaultdict(MemoryBudgetTable)

    def exchange_budget(self, egress):
        return self._budgets[egress]

    def watermark(self, symbol):
        return self._watermarks[symbol]

    def watermarks(self, symbols):
        return {symbol: self.watermark(symbol) for symbol in symbols}

    def set_stored_from(self, symbol, moment):
        self._watermarks[symbol] = replace(self._watermarks[symbol], stored_from=moment)

    def set_stored_until(self, symbol, moment):
        self._watermarks[symbol] = replace(self._watermarks[symbol], stored_until=moment)

    def set_averaged_until(self, symbol, moment):
        self._watermarks[symbol] = replace(self._watermarks[symbol], averaged_until=moment)

    def log_batch(self, record):
        self._batches[record.symbol, record.fetched_at] = record

    def batch_log(self, symbol, day):
        return [
            self._batches[key]
            for key in sorted(self._batches, reverse=True)
            if key[0] == symbol and key[1].date() == day
        ]

    def batches_between(self, symbol, window):
        return [
            record
            for day in window.days()
            for record in self.batch_log(symbol, day)
            if record.fetched_at in window
        ]

    def remember_symbol(self, info):
        self._symbols[info.symbol] = info
        self._statuses[info.symbol, whole_ms(info.checked_at)] = info.status

    def statuses(self, symbol, day):
        return [
            (moment, self._statuses[name, moment])
            for name, moment in sorted(self._statuses)
            if name == symbol and moment.date() == day
        ]

    def symbol_info(self, symbol):
        return self._symbols.get(symbol)

    def symbol_infos(self, symbols):
        return {symbol: self._symbols[symbol] for symbol in symbols if symbol in self._symbols}
