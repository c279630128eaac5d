"""The body of the task of initialize_store."""

import logging

from include.orchestration.connections import cassandra_settings, schema_settings
from include.orchestration.failures import fail_without_retry
from include.store.roles import grant_to_pipeline
from include.store.schema import migrate

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
