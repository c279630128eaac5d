"""The pipeline's errors, grouped by what the caller does next."""

from __future__ import annotations

from datetime import date

from include.records.shown_text import shown_text


class MarketDataError(Exception):
    """Base of the pipeline's own errors; the message names the value and the cure.

    A message may quote what others wrote: it is one printable line, without credentials.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(shown_text(message))


class RetryableError(MarketDataError):
    """The other side failed or did not answer: the same call may succeed later."""


class StoreSilentError(RetryableError):
    """Cassandra did not answer while the patience lasted."""


class FileNotWrittenError(RetryableError):
    """The folder or the object store of `storage_url` did not take a file."""


class SettingsError(MarketDataError):
    """The deployment is misconfigured: retrying does not help until someone fixes it."""


class OrderError(MarketDataError):
    """A form asks for what cannot be done; the message says what to write."""


class UnknownSymbolError(SettingsError):
    """The exchange does not list the symbol."""

    def __init__(self, symbol: str) -> None:
        super().__init__(
            f"symbol {symbol!r} is not listed by the exchange; "
            "correct the Airflow Variable 'symbols' (upper case, like BTCUSDT)"
        )
        self.symbol = symbol


class UnreadableSymbolError(MarketDataError):
    """The exchange's entry for the symbol cannot be read; other symbols are not affected.

    Attributes:
        symbol: Binance's pair id.
        reason: What is wrong with the entry, and what the exchange sent.
    """

    def __init__(self, symbol: str, reason: str) -> None:
        super().__init__(f"symbol {symbol!r} cannot be fetched: {reason}")
        self.symbol = symbol
        self.reason = reason


class InvalidAnswerError(MarketDataError):
    """The exchange's response is not the documented payload."""

    def __init__(self, reason: str, payload: object) -> None:
        super().__init__(f"{reason}: {str(payload)[:200]!r}")
        self.reason = reason
        self.payload = payload


class ExchangeBusyError(RetryableError):
    """Requests to the exchange must pause: it asked for it, or the budget is spent.

    Attributes:
        wait_seconds: Length of the pause.
    """

    def __init__(self, message: str, *, wait_seconds: float) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class HostRefusedError(RetryableError):
    """One host of the exchange does not serve this address (403 or 451); another may."""


class UnstorableValueError(MarketDataError):
    """A value does not fit its column in Cassandra; the message names both."""


class LostBatchError(MarketDataError):
    """A landed batch is missing or truncated; its window has to be fetched again."""


class CheckFailedError(MarketDataError):
    """The gate refused a table as a whole: none of its rows may be used."""


class PartlyStoredError(RetryableError):
    """A load ended before all its rows were acknowledged; loading all of them again is safe.

    Attributes:
        stored_count: Rows stored.
        missing: Values of the rows that may not be stored, as they were passed to the statement;
            all others are stored.
    """

    def __init__(
        self, message: str, *, stored_count: int, missing: tuple[tuple[object, ...], ...]
    ) -> None:
        super().__init__(message)
        self.stored_count = stored_count
        self.missing = missing


class ArchiveNotFoundError(MarketDataError):
    """The archive has no such day: not yet, or never; the REST API may have its rows."""


class NoSuchDayError(MarketDataError):
    """No source queried has a row of a symbol's day."""

    def __init__(self, symbol: str, day: date, source: str) -> None:
        asked = {"archive": "the archive has", "rest": "the exchange has"}
        super().__init__(
            f"{asked.get(source, 'neither the archive nor the exchange has')} "
            f"{'no' if source in asked else 'a'} row of {symbol} on {day}: it may not have been "
            "listed then, or not under this name; an archive appears some hours after its day"
        )


class ArchiveDamagedError(RetryableError):
    """A file does not match its checksum; it was deleted, and the next try fetches it again."""
