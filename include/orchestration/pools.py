"""The pools in Airflow's metadata."""

from sqlalchemy import URL, column, select, table

from include.orchestration.metadata import open_metadata

_POOLS = table("slot_pool", column("pool"), column("slots"))


def slots_of(url: URL, name: str) -> int | None:
    """Return how many slots a pool has, -1 for no limit; None where there is no such pool.

    Args:
        url: Of the metadata's database.
        name: Of the pool.

    Raises:
        RetryableError: The database does not answer.
    """
    with open_metadata(url) as engine, engine.connect() as connection:
        found = connection.scalar(select(_POOLS.c.slots).where(_POOLS.c.pool == name))
    return None if found is None else int(found)
