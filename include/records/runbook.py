"""The headings of docs/runbook.md that messages point to; a test holds each to the document."""

from enum import StrEnum

RUNBOOK = "docs/runbook.md"


class Heading(StrEnum):
    """A heading of the runbook, as GitHub addresses it."""

    TOP = "runbook"
    # Alerts about the data.
    ROWS_QUARANTINED = "alert-rows-quarantined"
    BACKFILL_QUARANTINED = "alert-rows-quarantined-by-the-backfill"
    WITHHELD = "alert-a-minute-was-withheld"
    RESTATED = "alert-restated"
    ARCHIVE_DIFFERS = "alert-minutes-differ-from-the-archive"
    CONTRADICTED = "alert-seconds-and-minute-disagree"
    DEADLINE = "alert-a-run-has-not-published-by-its-deadline"
    # Alerts about the figures, which Prometheus sends (docs/monitoring/rules.yaml).
    UNWATCHED = "alert-no-figures-are-scraped"
    SLOW = "alert-minutes-are-published-slowly"
    # Causes that /prices/health names.
    HEALTH_SCHEDULER = "health-scheduler"
    HEALTH_AIRFLOW_DATABASE = "health-airflow_database"
    HEALTH_SETTINGS = "health-settings"
    HEALTH_CASSANDRA = "health-cassandra"
    HEALTH_EXCHANGE = "health-exchange"
    HEALTH_BREAKER = "health-breaker"
    HEALTH_MART = "health-mart"
    HEALTH_UNPUBLISHED = "health-unpublished"
    HEALTH_LATE = "health-late"
    HEALTH_BACKLOG = "health-backlog"
    HEALTH_INCOMPLETE = "health-incomplete"
    HEALTH_CHECK = "health-check"
    # Tasks that fail.
    EXCHANGE_SILENT = "plan-or-fetch-the-exchange-does-not-answer"
    EXCHANGE_REFUSES = "refused-on-every-host-403-451"
    EXCHANGE_BUSY = "rate-limited-or-banned-429-418"
    WEIGHT_SPENT = "the-request-weight-of-this-minute-is-spent"
    SYMBOL_UNKNOWN = "fetch-a-symbol-is-not-listed"
    SYMBOL_UNREADABLE = "fetch-a-symbols-entry-in-exchangeinfo-cannot-be-read"
    LOADING = "loading"
    BATCH_REFUSED = "load-a-batch-was-refused"
    BATCH_LOST = "load-the-batch-cannot-be-read"
    PARTLY_STORED = "load-rows-are-stored-the-others-may-not-be"
    UNSTORABLE = "load-a-value-does-not-fit-the-column"
    PROGRAM_ERROR = "a-task-failed-with-a-program-error"
    CASSANDRA_SILENT = "cassandra-did-not-answer"
    SCHEMA = "schema"
    AVERAGES = "averages"
    REPORTS = "reports-and-the-mart"
    FILE_UNWRITTEN = "a-file-cannot-be-written"
    PRICE_WATCH = "the-price-watch"
    PAST_DAYS = "backfill-audit-replay"
    UPKEEP = "upkeep"
    NO_SUCH_DAY = "backfill-neither-the-archive-nor-the-exchange-has-a-row"
    ARCHIVE_DAMAGED = "backfill-or-audit-the-checksum-differs"
    ARCHIVE_ABSENT = "audit-the-archive-does-not-have-a-day-yet"

    @property
    def path(self) -> str:
        """Where to read on, below the project's root."""
        return f"{RUNBOOK}#{self.value}"


def see(message: str, heading: Heading) -> str:
    """Return a message that ends with where to read what to do."""
    return f"{message}; see {heading.path}"
