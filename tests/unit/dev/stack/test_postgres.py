import pytest

from dev.machine.errors import SetupError
from dev.stack.postgres import user_name

# The largest, which stands for nobody.
NAMELESS = 2**32 - 2


def test_says_what_to_do_for_a_user_without_a_name():
    """As a container has that is started with another user's number."""
    with pytest.raises(SetupError, match=f"{NAMELESS}, who has no name.*useradd --uid {NAMELESS}"):
        user_name(NAMELESS)


def test_takes_a_user_with_a_name():
    assert user_name(0) == "root"
