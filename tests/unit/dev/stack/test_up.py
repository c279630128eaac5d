import pytest

from dev.machine.home import Home
from dev.stack import exchange, up


@pytest.fixture(autouse=True)
def _keep_signal_handlers(monkeypatch):
    monkeypatch.setattr(up.signal, "signal", lambda *_: None)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(exchange, "answers", lambda _url: False)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--symbols", "btcusdt"], "--symbols BTCUSDT", id="lower case"),
        pytest.param(["--symbols", ","], "no symbol is named", id="none"),
        pytest.param(["--live"], "does not answer within 3 s", id="live without a network"),
    ],
)
def test_ends_with_2_and_one_message_before_anything_starts(words, message, capsys):
    assert up.main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--minutes", "0"], id="no minute"),
        pytest.param(["--minutes", "x"], id="no number"),
        pytest.param(["--airflow-port", "99"], id="port of the system"),
        pytest.param(["--live", "--replay"], id="both sources"),
    ],
)
def test_refuses_options_that_make_no_sense(words):
    with pytest.raises(SystemExit) as ended:
        up.main(words)

    assert ended.value.code == 2


def test_a_second_run_touches_nothing_of_the_first(tmp_path, monkeypatch, capsys):
    """The second ends with 2; the first's processes, which are recorded here, stay."""
    home = Home(tmp_path)
    monkeypatch.setattr(up, "DEFAULT_HOME", tmp_path)
    with home.locked():
        (home.run / "scheduler.json").write_text("{}")

        code = up.main(["--replay"])

        assert (home.run / "scheduler.json").exists()
    assert code == 2
    assert "already running here" in capsys.readouterr().err


def test_a_single_port_goes_before_the_base(monkeypatch):
    monkeypatch.setenv("MINUTE_PRICES_PORT_BASE", "20000")
    monkeypatch.setenv("MINUTE_PRICES_CASSANDRA_PORT", "9999")

    wanted = up._wanted_ports(up._options(["--exchange-port", "8901"]))  # noqa: SLF001

    assert wanted == {
        "airflow": 20000,
        "exchange": 8901,
        "cassandra": 9999,
        "cassandra_storage": 20003,
        "postgres": 20004,
    }
