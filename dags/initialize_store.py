"""Creates the keyspace and the tables in Cassandra.

**Runs** by hand, once before the first price; again after an upgrade that adds a table.

**Updates** the schema of the keyspace that the connection `cassandra_default` names.

**Safe to re-run**: it creates only what is not there and never drops or empties anything.

**When it fails**: Cassandra does not answer, or the role may not create tables; the message
names the host and the cure. See docs/runbook.md.
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
        from include.orchestration import steps

        return steps.initialize_store()

    create_tables()


initialize_store()
