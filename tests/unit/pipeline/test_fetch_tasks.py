import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.pipeline.fetch_tasks import fetch_task_count, in_groups


@pytest.mark.parametrize(
    ("symbol_count", "most", "count"), [(1, 100, 1), (100, 100, 100), (101, 100, 6), (40, 5, 5)]
)
def test_fetches_many_symbols_by_few_tasks(symbol_count, most, count):
    assert fetch_task_count(symbol_count, most) == count


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_divides_into_groups_of_about_equal_size_in_order(items, most):
    groups = in_groups(items, most)

    assert [item for group in groups for item in group] == items
    assert len(groups) == min(most, len(items))
    sizes = {len(group) for group in groups}
    assert not sizes or max(sizes) - min(sizes) <= 1
