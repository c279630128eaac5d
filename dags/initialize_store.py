"""Creates the keyspace and the tables in Cassandra, and migrates older ones.

**Runs** by hand, once before the first price; again after an upgrade that changes the schema.

**Updates** the schema of the keyspace named by the connection `cassandra_default`. If there is a
connection `cassandra_schema`, it works as that role, which then grants the pipeline's role its
tables.

**Safe to re-run**, even twice at once: each version is applied once, in order, under a lock.
Nothing is ever dropped or emptied.

**When it fails**: Cassandra does not answer, the role may not create tables, or an applied schema
file was changed; the message names the host and the cure. See docs/runbook.md.
"""

from airflow.sdk import dag, task

from include.orchestration.defaults import DEFAULT_ARGS, START


@dag(
    description="Create the keyspace and the tables in Cassandra, or migrate older ones.",
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
