"""Creates the keyspace and the tables in Cassandra, migrates older ones, and checks the deployment.

**Runs** by hand, once before the first price; again after an upgrade that changes the schema, and
whenever you wonder whether a deployment has all that it needs.

**Updates** the schema of the keyspace named by the connection `cassandra_default`. If there is a
connection `cassandra_schema`, it works as that role, which then grants the pipeline's role its
tables. `check_deployment` changes nothing: whatever became of the tables, it looks at versions,
connections, Cassandra, the exchange, symbols, the pool, storage and the mart.

**Safe to re-run**, even twice at once: each version is applied once, in order, under a lock.
Nothing is ever dropped or emptied.

**When it fails**: Cassandra does not answer, the role may not create tables, or an applied schema
file was changed; the message names the host and the cure. `check_deployment` ends with one list of
what is missing and what to do, a line each. See docs/runbook.md.
"""

from datetime import timedelta

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
    # Twenty changes of the schema: nodes of a cluster take some seconds to agree on each.
    @task(execution_timeout=timedelta(minutes=10))
    def create_tables() -> list[str]:
        from include.tasks import initialize_store

        return initialize_store.initialize_store()

    # Also where the tables could not be made: one list has all that is missing.
    @task(trigger_rule="all_done")
    def check_deployment(applied: list[str] | None) -> list[str]:
        from include.tasks import initialize_store

        return initialize_store.check_deployment(applied)

    check_deployment(create_tables())  # type: ignore[arg-type] # a promise


initialize_store()
