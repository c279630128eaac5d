import pytest

from dev.cassandra_server.local import (
    LocalCassandra,
    choose_ports,
    connection_line,
    named_servers,
)
from dev.machine.errors import SetupError
from dev.machine.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def everything_but(*taken):
    return lambda port: port not in taken


def test_the_server_without_a_name_is_that_of_dev_up(home):
    assert LocalCassandra(home).folder == home.cassandra


def test_servers_with_names_have_folders_of_their_own(home):
    first, second = LocalCassandra(home, "a"), LocalCassandra(home, "b")

    assert len({first.folder, second.folder, home.cassandra}) == 3


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "-a", "a--b", "a b", "a\n", "a" * 33])
def test_refuses_a_name_that_is_no_plain_word(home, name):
    with pytest.raises(SetupError, match="cannot name a server"):
        LocalCassandra(home, name)


def test_lists_the_servers_that_have_a_folder(home):
    for folder in ("cassandra", "cassandra-b", "cassandra-a", "cassandra-NOT", "postgres"):
        (home.path / folder).mkdir(parents=True)

    assert [server.name for server in named_servers(home)] == ["a", "b"]


def test_a_secure_server_stays_secure(home):
    ports = {"cassandra": 9142, "cassandra_storage": 17100}
    LocalCassandra(home, "a").make_secure()
    first = LocalCassandra(home, "a").server(ports).security
    LocalCassandra(home, "a").make_secure()

    assert first.requires_client_certificate
    assert LocalCassandra(home, "a").server(ports).security == first


def test_keeps_a_secure_servers_folder_to_its_owner(home):
    local = LocalCassandra(home, "a")
    local.make_secure()

    assert local.folder.stat().st_mode & 0o777 == 0o700
    assert {
        path.stat().st_mode & 0o777
        for path in local.folder.rglob("*")
        if path.suffix in {".credentials", ".key", ".pem"}
    } == {0o600}


def test_a_server_made_without_security_cannot_become_secure(home):
    local = LocalCassandra(home, "a")
    local.folder.mkdir(parents=True)
    (local.folder / "cassandra.yaml").touch()

    with pytest.raises(SetupError, match=r"created without --secure.*wipe --name a"):
        local.make_secure()


def test_takes_the_first_ports_that_no_other_server_keeps():
    """9142 is another named server's, which does not run now."""
    chosen, notes = choose_ports({}, {}, {9142, 17100}, free=everything_but(9143))

    assert chosen == {"cassandra": 9144, "cassandra_storage": 17101}
    assert notes == []


def test_comes_back_to_its_ports_or_says_where_it_went():
    kept = {"cassandra": 9200, "cassandra_storage": 17200}

    chosen, notes = choose_ports({}, kept, set(), free=everything_but(9200))

    assert chosen == {"cassandra": 9201, "cassandra_storage": 17200}
    assert notes == ["port 9200 is taken by another program: cassandra uses 9201"]


def test_takes_the_port_that_is_asked_for():
    """17100 is asked for, so the storage port, which is usually there, moves."""
    chosen, _ = choose_ports({"cassandra": 17100}, {}, set(), free=everything_but())

    assert chosen == {"cassandra": 17100, "cassandra_storage": 17101}


def test_the_server_of_dev_up_does_not_speak_of_other_ports(home):
    """8080 is taken, by the Airflow of the Astro CLI: nobody asked, and ./dev/up looks itself."""
    free = everything_but(8080, 9042)

    chosen, notes = LocalCassandra(home).choose_ports(None, free=free)

    assert chosen == {"cassandra": 9043, "cassandra_storage": 17000}
    assert notes == ["port 9042 is taken by another program: cassandra uses 9043"]
    assert home.recall("ports") == chosen


def test_the_server_of_dev_up_leaves_the_ports_of_its_other_servers_alone(home):
    home.remember("ports", {"airflow": 8085, "postgres": 9043})

    chosen, _ = LocalCassandra(home).choose_ports(None, free=everything_but(9042))

    assert chosen["cassandra"] == 9044
    assert home.recall("ports") == {"airflow": 8085, "postgres": 9043, **chosen}


def test_says_how_airflow_reaches_a_server():
    assert connection_line(9043) == (
        "AIRFLOW_CONN_CASSANDRA_DEFAULT=cassandra://127.0.0.1:9043/prices"
    )
