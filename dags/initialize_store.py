"""Creates the keyspace and the tables in Cassandra, and brings older ones up to date.

**Runs** by hand, once before the first price; again after an upgrade that changes the schema.

**Updates** the schema of the keyspace that the connection `cassandra_default` names, as the role
of `cassandra_schema` where there is such a connection; that role then grants the pipeline's its
tables.

**Safe to re-run**, also by two at once: each version is applied once, in order, under a lock.
Nothing is ever dropped or emptied.

**When it fails**: Cassandra does not answer, the role may not create tables, or an applied file
was changed; the message names the host and the cure. See docs/runbook.md.
"""

from airflow.sdk import dag, task

from include.orchestration.defaults import DEFAULT_ARGS, START


@dag(
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["store"],
    doc_md=__doc__,
)
def initialize_store() -> None:
    @task
    def create_tables() -> list[str]:
        from include.tasks import initialize_store

        return initialize_store.initialize_store()

    create_tables()


initialize_store()
