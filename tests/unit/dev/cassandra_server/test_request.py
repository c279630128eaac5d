import pytest

from dev.cassandra_server.request import Request, read_request


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        pytest.param("start", Request("start"), id="plain"),
        pytest.param(
            "start --name a --port 9050 --heap 512m --secure",
            Request("start", "a", 9050, "512m", secure=True),
            id="every option",
        ),
        pytest.param("start --heap 1G", Request("start", heap="1G"), id="gibibytes"),
        pytest.param("status --name a", Request("status", "a"), id="one server"),
    ],
)
def test_reads_what_is_asked(line, request_):
    assert read_request(line.split()) == request_


@pytest.mark.parametrize(
    ("line", "name", "handed"),
    [
        pytest.param("cqlsh", None, (), id="nothing"),
        pytest.param("cqlsh -e x --debug", None, ("-e", "x", "--debug"), id="options"),
        pytest.param("cqlsh --help", None, ("--help",), id="its own help"),
        pytest.param("cqlsh --name a -e x", "a", ("-e", "x"), id="name after"),
        pytest.param("cqlsh --name=a -e x", "a", ("-e", "x"), id="name after, with ="),
        pytest.param("cqlsh --name cqlsh -e x", "cqlsh", ("-e", "x"), id="called cqlsh"),
        pytest.param("cqlsh -e x --name a", "a", ("-e", "x"), id="name last"),
        pytest.param("cqlsh -f --na x", None, ("-f", "--na", "x"), id="no abbreviation of ours"),
        pytest.param("cqlsh 10.0.0.1 9999", None, ("10.0.0.1", "9999"), id="an address"),
    ],
)
def test_hands_through_what_follows_cqlsh(line, name, handed):
    assert read_request(line.split()) == Request("cqlsh", name, handed=handed)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("start --secure", "--secure needs a --name"),
        ("stop --name a --heap 512m", "unrecognized arguments: --heap 512m"),
        ("start --port 70000", "'70000' is not a port: use 1 to 65535"),
        ("start --port x", "'x' is not a port"),
        ("start --heap 512", "'512' is not a heap size: use one like 512m or 2g"),
        ("start --heap 255m", "255m is too small: use 256m or more"),
        ("restart", "invalid choice: 'restart'"),
        ("start -e x", "unrecognized arguments: -e x"),
    ],
)
def test_ends_with_two_and_the_reason_when_wrongly_asked(line, reason, capsys):
    with pytest.raises(SystemExit) as ended:
        read_request(line.split())

    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
