import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

# What a property says does not depend on how busy the machine is.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")


@pytest.fixture(autouse=True)
def _no_network():
    """Unit tests reach no server; asyncio's own socket pair stays allowed."""
    disable_socket(allow_unix_socket=True)
