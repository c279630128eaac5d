import pytest

from include.store.replication import copies_in, problem

SIMPLE = "org.apache.cassandra.locator.SimpleStrategy"
NETWORK = "org.apache.cassandra.locator.NetworkTopologyStrategy"


@pytest.mark.parametrize(
    ("replication", "copies"),
    [
        ({"class": SIMPLE, "replication_factor": "1"}, 1),
        ({"class": "SimpleStrategy", "replication_factor": 2}, 2),
        ({"class": NETWORK, "dc1": "3", "dc2": "1"}, 3),
        ({"class": NETWORK, "dc1": "3/1"}, 3),
        ({"class": NETWORK, "dc2": "3"}, 0),
    ],
    ids=["simple", "as written", "its own data centre", "transient", "another data centre"],
)
def test_counts_the_copies_of_a_data_centre(replication, copies):
    assert copies_in(replication, "dc1") == copies


@pytest.mark.parametrize(
    ("copies", "nodes", "words"),
    [
        (0, 1, "no row in the data centre 'dc1'"),
        (1, 2, "one copy of each row on 2 nodes"),
        (1, 3, "one copy of each row on 3 nodes"),
    ],
)
def test_says_what_is_lost_with_a_node(copies, nodes, words):
    assert words in problem(copies, "dc1", nodes)


@pytest.mark.parametrize(("copies", "nodes"), [(1, 1), (2, 3), (3, 3)])
def test_finds_nothing_wrong_with_enough_copies(copies, nodes):
    assert problem(copies, "dc1", nodes) == ""
