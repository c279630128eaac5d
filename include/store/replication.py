"""How many copies of each row a keyspace keeps, and whether a cluster may lose a node."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping

from include.records.errors import SettingsError
from include.store.session import SESSIONS
from include.store.settings import CassandraSettings
from include.store.statements import Statements

# What a cluster of three or more should keep: with two of three a quorum is there.
WANTED_COPIES = 3


def copies_in(replication: Mapping[str, object], datacenter: str) -> int:
    """Return how many copies of a row a data centre keeps.

    Args:
        replication: As Cassandra tells it, or as a connection's extra has it; a factor with
            transient copies, like 3/1, counts them.
        datacenter: As nodes name it.

    Returns:
        0 where the replication does not name the data centre.
    """
    is_simple = str(replication["class"]).endswith("SimpleStrategy")
    factor = replication.get("replication_factor" if is_simple else datacenter, 0)
    return int(str(factor).partition("/")[0])


def check_new_keyspace(settings: CassandraSettings) -> None:
    """Refuse to create a keyspace that would lose rows with a node.

    Raises:
        SettingsError: One copy, or none, of each row on several nodes of the data centre.
    """
    datacenter, nodes = _datacenter(settings)
    copies = copies_in(literal_eval(settings.replication), datacenter)
    if told := problem(copies, datacenter, nodes):
        raise SettingsError(
            f"{settings}: the replication {settings.replication} {told}; set replication in the "
            f"extra of the Airflow connection {settings.connection_id!r} to "
            f'{{"class": "NetworkTopologyStrategy", "{datacenter}": {_wanted(nodes)}}}'
        )


def check_keyspace_copies(settings: CassandraSettings) -> None:
    """Refuse a keyspace that would lose rows with a node.

    Raises:
        SettingsError: One copy, or none, of each row on several nodes of the data centre, or no
            copy in it.
    """
    (found,) = Statements(settings).run("select_keyspace", (settings.keyspace,))
    datacenter, nodes = _datacenter(settings)
    if told := problem(copies_in(found["replication"], datacenter), datacenter, nodes):
        raise SettingsError(
            f"{settings} {told}; run ALTER KEYSPACE {settings.keyspace} WITH replication = "
            f"{{'class': 'NetworkTopologyStrategy', '{datacenter}': {_wanted(nodes)}}}, then "
            f"nodetool repair --full {settings.keyspace} on each node"
        )


def problem(copies: int, datacenter: str, nodes: int) -> str:
    """Return what is wrong with so many copies on so many nodes; empty if nothing."""
    if copies == 0:
        return f"keeps no row in the data centre {datacenter!r}, which is used"
    if copies == 1 and nodes > 1:
        return f"keeps one copy of each row on {nodes} nodes: without one node, its rows are gone"
    return ""


def _wanted(nodes: int) -> int:
    return min(nodes, WANTED_COPIES)


def _datacenter(settings: CassandraSettings) -> tuple[str, int]:
    """Return the data centre that is used, and how many nodes it has."""
    (local,) = Statements(settings).run("select_datacenter", ())
    datacenter: str = local["data_center"]
    hosts = SESSIONS.get(settings).cluster.metadata.all_hosts()
    return datacenter, sum(host.datacenter == datacenter for host in hosts)
