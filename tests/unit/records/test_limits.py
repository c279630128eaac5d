import hashlib

from include.records import limits as limits_module
from include.records.limits import METHOD_VERSION, Threshold

# The limits of each version of the method: one that changes makes another version.
DIGESTS = {1: "b9b7c7c3f66975e1", 2: "910f44e75cbfb22f"}


def limits():
    return {name: each for name, each in vars(limits_module).items() if isinstance(each, Threshold)}


def test_a_limit_that_changes_makes_another_version_of_the_method():
    said = "\n".join(f"{name} {each.value}" for name, each in sorted(limits().items()))

    digest = hashlib.sha256(said.encode()).hexdigest()[:16]

    assert DIGESTS[METHOD_VERSION] == digest, (
        f"the limits come to {digest}: raise METHOD_VERSION, say in docs/method.md what changed, "
        "and add the digest here"
    )


def test_says_of_each_limit_what_it_counts_and_where_it_comes_from():
    assert limits()
    assert all(each.unit and len(each.source) > 40 for each in limits().values())
