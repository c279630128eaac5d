import pytest
from pytest_socket import disable_socket

from include.gx.checkpoints import Checkpoints


@pytest.fixture(autouse=True)
def _no_network():
    disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    return Checkpoints(str(tmp_path_factory.mktemp("gx")))
