"""The store in memory; tests/contract holds it to the real one."""

from collections import defaultdict
from dataclasses import replace

from include.marketdata.store import Watermark
from tests.fakes.memory_budget import MemoryBudgetTable


class MemoryStore:
    def __init__(self):
        self._spans = {"second": {}, "minute": {}}
        self._minutes = {}
        self._changes = []
        self._watermarks = defaultdict(lambda: Watermark(None, None, None))
        self._batches = {}
        self._quarantine = {}
        self._symbols = {}
        self._budgets = defaultdict(MemoryBudgetTable)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def exchange_budget(self, egress):
        return self._budgets[egress]

    def write_second_prices(self, prices):
        self._spans["second"].update({(price.symbol, price.start): price for price in prices})

    def write_exchange_minutes(self, minutes):
        self._spans["minute"].update({(minute.symbol, minute.start): minute for minute in minutes})

    def second_prices(self, symbol, window):
        return self._held("second", symbol, window)

    def exchange_minutes(self, symbol, window):
        return self._held("minute", symbol, window)

    def _held(self, kind, symbol, window):
        spans = self._spans[kind]
        return [spans[key] for key in sorted(spans) if key[0] == symbol and key[1] in window]

    def publish(self, prices):
        written = []
        for price in prices:
            key = (price.average.symbol, price.average.minute, price.revision)
            self._changes.append((price.average.symbol, price.known_at, price.average.minute))
            if self._minutes.setdefault(key, price).known_at == price.known_at:
                written.append(price)
        return written

    def minute_history(self, symbol, window):
        return [
            self._minutes[key]
            for key in sorted(self._minutes)
            if key[0] == symbol and key[1] in window
        ]

    def minute_prices(self, symbol, window):
        return list({p.average.minute: p for p in self.minute_history(symbol, window)}.values())

    def changed_minutes(self, symbols, since):
        latest = {key[:2]: self._minutes[key] for key in sorted(self._minutes)}
        return [
            latest[symbol, minute]
            for symbol in symbols
            for minute in sorted(
                {m for s, known, m in self._changes if s == symbol and known >= since}
            )
            if (symbol, minute) in latest
        ]

    def watermark(self, symbol):
        return self._watermarks[symbol]

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

    def quarantine(self, rows):
        for row in rows:
            key = (row.symbol, row.detected_at.date(), row.interval, row.open_time, row.payload)
            self._quarantine[key] = row

    def quarantined(self, symbol, day):
        return [
            self._quarantine[key] for key in sorted(self._quarantine) if key[:2] == (symbol, day)
        ]

    def remember_symbol(self, info):
        self._symbols[info.symbol] = info

    def symbol_info(self, symbol):
        return self._symbols.get(symbol)
