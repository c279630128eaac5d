import pytest

from dev.stack.env_file import value_of, with_values

TEXT = """# A comment with A=1 in it
A=1
B = two words
#C=3

D='quoted'
A=last
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("A", "last"), ("D", "quoted"), ("C", None), ("E", None)],
)
def test_the_last_line_of_a_name_counts_and_a_comment_does_not(name, value):
    assert value_of(TEXT, name) == value


def test_sets_a_value_where_the_name_is_and_leaves_every_other_line_as_it_is():
    """The second line of A goes: it would win."""
    assert with_values(TEXT, {"A": "2", "E": '{"host":"x"}'}) == (
        "# A comment with A=1 in it\nA=2\nB = two words\n#C=3\n\nD='quoted'\n" + 'E={"host":"x"}\n'
    )


def test_setting_the_same_again_changes_nothing():
    once = with_values(TEXT, {"A": "2"})

    assert with_values(once, {"A": "2"}) == once


def test_makes_lines_where_there_are_none():
    assert with_values("", {"A": "1"}) == "A=1\n"
