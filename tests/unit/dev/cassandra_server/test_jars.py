import hashlib
from pathlib import PurePosixPath

import pytest
import requests
from jgo.maven import PythonResolver

from dev.cassandra_server import jars
from dev.machine.errors import SetupError

GOOD = b"a jar"
PATH = "io/netty/netty-all/4.1/netty-all-4.1-linux-x86_64.jar"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache whose list names one jar."""
    listed = tmp_path / "list.sha256"
    listed.write_text(f"{hashlib.sha256(GOOD).hexdigest()}  {PATH}\n")
    monkeypatch.setattr(jars, "LIST", listed)
    return tmp_path / "cache"


@pytest.fixture
def central(monkeypatch):
    """What Maven Central gives for every jar; an exception is raised."""
    answer = [GOOD]

    def download(_self, artifact):
        if isinstance(answer[0], BaseException):
            raise answer[0]
        artifact.cached_path.parent.mkdir(parents=True, exist_ok=True)
        artifact.cached_path.write_bytes(answer[0])
        return artifact.cached_path

    monkeypatch.setattr(PythonResolver, "download", download)
    return answer


def test_the_committed_list_names_the_whole_server():
    listed = jars.listed_jars(jars.LIST.read_text())

    assert len(listed) == 100
    assert len({jar.path.name for jar in listed}) == 100
    assert all(len(jar.sha256) == 64 for jar in listed)
    assert PurePosixPath("org/apache/cassandra/cassandra-all/5.0.9/cassandra-all-5.0.9.jar") in {
        jar.path for jar in listed
    }


@pytest.mark.usefixtures("central")
def test_fetches_a_jar_to_its_place(folder):
    assert jars.cassandra_jars(folder) == [folder / PATH]
    assert (folder / PATH).read_bytes() == GOOD


def test_needs_no_network_the_second_time(folder, central):
    jars.cassandra_jars(folder)
    central[0] = AssertionError("asked the network")

    assert jars.cassandra_jars(folder) == [folder / PATH]


@pytest.mark.usefixtures("central")
def test_fetches_a_half_downloaded_jar_again(folder):
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(GOOD[:2])

    jars.cassandra_jars(folder)

    assert (folder / PATH).read_bytes() == GOOD


def test_accepts_nothing_but_the_listed_jar(folder, central):
    central[0] = b"another jar"

    with pytest.raises(SetupError, match=r"is not the file that list\.sha256 names"):
        jars.cassandra_jars(folder)
    assert not (folder / PATH).exists()


def test_says_that_the_first_start_needs_a_network(folder, central):
    central[0] = requests.ConnectionError("no route")

    with pytest.raises(SetupError, match=r"no route.*The first start needs a network"):
        jars.cassandra_jars(folder)
