import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network():
    """Unit tests reach no server; asyncio's own socket pair stays allowed."""
    disable_socket(allow_unix_socket=True)
