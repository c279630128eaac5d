import pytest

from dev.machine.errors import SetupError
from dev.machine.ports import Ports, choose_ports


def everything_but(*taken):
    return lambda port: port not in taken


def test_takes_the_usual_ports_when_they_are_free():
    ports, notes = choose_ports({}, {}, free=everything_but())

    assert ports == Ports()
    assert notes == []


def test_moves_to_the_next_free_port_and_says_so():
    """8080 and 8081 are someone else's, so Airflow goes to 8082."""
    ports, notes = choose_ports({}, {}, free=everything_but(8080, 8081))

    assert ports.airflow == 8082
    assert notes == ["port 8080 is taken by another program: airflow uses 8082"]


def test_comes_back_to_the_ports_of_the_last_run():
    ports, notes = choose_ports({}, {"airflow": 8085}, free=everything_but())

    assert ports.airflow == 8085
    assert notes == []


def test_never_gives_one_port_to_two_servers():
    """Airflow was named 8900, the simulator's usual port, so the simulator moves."""
    ports, _ = choose_ports({"airflow": 8900}, {}, free=everything_but())

    assert (ports.airflow, ports.exchange) == (8900, 8901)


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        pytest.param({"airflow": 8090}, (8090,), id="taken"),
        pytest.param({"airflow": 8090, "exchange": 8090}, (), id="named twice"),
    ],
)
def test_refuses_a_named_port_that_cannot_be_had(wanted, taken):
    with pytest.raises(SetupError, match=r"port 8090 for .* is taken"):
        choose_ports(wanted, {}, free=everything_but(*taken))


def test_wraps_around_at_the_last_port():
    ports, _ = choose_ports({}, {"airflow": 65535}, free=everything_but(65535))

    assert ports.airflow == 1024
