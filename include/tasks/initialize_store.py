"""The bodies of the tasks of initialize_store."""

import logging

from airflow.sdk.exceptions import AirflowFailException

from include.orchestration.connections import cassandra_settings, schema_settings
from include.orchestration.deployment import run_checks
from include.orchestration.failures import PERMANENT, fail_without_retry
from include.records.errors import MarketDataError, RetryableError
from include.store.roles import grant_to_pipeline
from include.store.schema import migrate
from include.tasks.deployment_checks import deployment_checks

log = logging.getLogger(__name__)


def initialize_store() -> list[str]:
    """Migrate the keyspace to this version's tables, and grant them to the pipeline's role.

    Returns:
        The schema's files that were applied now.
    """
    with fail_without_retry():
        pipeline = cassandra_settings()
        schema = schema_settings() or pipeline
        applied = migrate(schema)
        if pipeline.login and pipeline.login != schema.login:
            tables = grant_to_pipeline(schema, pipeline.login)
            log.info("%s may write %s", pipeline.login, ", ".join(tables))
    log.info("%s: applied %s", pipeline, ", ".join(applied) or "nothing, it is up to date")
    return applied


def check_deployment(applied: list[str] | None) -> list[str]:
    """Look at every part of this deployment, and end with one list of what is missing.

    Args:
        applied: What create_tables returned; None where it has failed.

    Returns:
        One line for each part, if none is missing.

    Raises:
        RetryableError: Parts are missing, and one may be there in a moment.
        AirflowFailException: Parts are missing. The log has one line for each, with what to do.
    """
    findings = run_checks(deployment_checks(is_created=applied is not None))
    for part, found in findings.fine.items():
        log.info("%s: %s", part, found)
    for part, reason in findings.unknown.items():
        log.warning("%s: not known: %s", part, reason)
    for error in findings.missing.values():
        if not isinstance(error, MarketDataError):
            log.error("the cause of a line below", exc_info=error)
    lines = findings.lines()
    for line in lines:
        log.error("missing: %s", line)
    if lines:
        summary = (
            f"{len(lines)} of {len(findings.fine) + len(findings.unknown) + len(lines)} parts of "
            f"this deployment are missing or wrong, one line each above: "
            f"{', '.join(findings.missing)}"
        )
        errors = findings.missing.values()
        if any(isinstance(e, RetryableError) and not isinstance(e, PERMANENT) for e in errors):
            raise RetryableError(summary)
        raise AirflowFailException(summary)
    known = [f"{part}: {found}" for part, found in findings.fine.items()]
    return known + [f"{part}: not known: {why}" for part, why in findings.unknown.items()]
