"""Which faults a soak imposes: repeatable by seed, every kind before any comes again."""

from itertools import islice

from dev.soaking.__main__ import draw, one_of_each
from dev.soaking.faults import KINDS, Group


def names(drawn, count):
    return [kind.name for kind, _ in islice(drawn, count)]


def test_the_same_seed_draws_the_same_and_another_one_does_not():
    first = list(islice(draw(KINDS, 7), 100))

    assert first == list(islice(draw(KINDS, 7), 100))
    assert first != list(islice(draw(KINDS, 8), 100))


def test_every_kind_comes_before_any_comes_again():
    drawn = names(draw(KINDS, 7), 2 * len(KINDS))

    assert len(set(drawn[: len(KINDS)])) == len(set(drawn[len(KINDS) :])) == len(KINDS)


def test_the_short_form_has_one_of_each_group():
    drawn = list(one_of_each(KINDS, 7))

    assert [kind.group for kind, _ in drawn] == list(Group)
