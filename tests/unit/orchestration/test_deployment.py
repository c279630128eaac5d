"""What a deployment lacks, part by part, with what to do."""

import re

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from include.orchestration.deployment import (
    Check,
    NotKnownError,
    filesystem_of,
    judge_pool,
    judge_shared,
    judge_symbols,
    judge_versions,
    run_checks,
)
from include.records.errors import RetryableError, SettingsError
from tests.fakes.builders import symbol_info


def failing(error):
    def ask():
        raise error

    return ask


def test_lists_each_part_that_is_missing_in_a_line_and_asks_about_all_others():
    findings = run_checks(
        [
            Check("versions", failing(SettingsError("pandas is 2.2.0: build the image anew"))),
            Check("Cassandra", lambda: "answers"),
            Check("mart", failing(RetryableError("is unavailable: unlock it"))),
            Check("pool", failing(NotKnownError("see Admin > Pools"))),
        ]
    )

    assert findings.lines() == [
        "versions: pandas is 2.2.0: build the image anew",
        "mart: is unavailable: unlock it",
    ]
    assert findings.fine == {"Cassandra": "answers"}
    assert findings.unknown == {"pool": "see Admin > Pools"}


def test_does_not_ask_about_what_needs_a_part_that_is_missing():
    """One cause is one line: an exchange behind a Cassandra that is down is not missing, too."""
    asked = []
    findings = run_checks(
        [
            Check("Cassandra", failing(RetryableError("did not answer"))),
            Check("exchange", lambda: asked.append("exchange") or "", ("Cassandra",)),
            Check("symbols", lambda: asked.append("symbols") or "", ("exchange",)),
        ]
    )

    assert asked == []
    assert [*findings.missing] == ["Cassandra"]
    assert findings.unknown == {
        "exchange": "it needs Cassandra first",
        "symbols": "it needs exchange first",
    }


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (AirflowNotFoundException("the connection 'mart' isn't defined"), "the connection 'mart'"),
        (KeyError("a bug"), "a program error: KeyError: 'a bug'"),
        (SettingsError("two\nlines of postgresql://me:word@db"), "two lines of postgresql://***@"),
    ],
)
def test_says_each_in_one_line_without_credentials(error, line):
    (told,) = run_checks([Check("mart", failing(error))]).lines()

    assert told.startswith(f"mart: {line}")
    assert told.isprintable()
    assert "word" not in told


class Exchange:
    """An exchange that lists some symbols."""

    def __init__(self, *listed):
        self.asked = []
        self._listed = listed

    def symbol_infos(self, names):
        self.asked.append([*names])
        return {name: symbol_info(symbol=name) for name in names if name in self._listed}


def test_finds_every_symbol_listed():
    assert judge_symbols(Exchange("BTCUSDT", "ETHUSDT"), ["BTCUSDT", "ETHUSDT"]) == (
        "BTCUSDT, ETHUSDT"
    )


def test_names_each_symbol_that_is_wrong_and_asks_only_about_valid_ones():
    exchange = Exchange("BTCUSDT")

    with pytest.raises(
        SettingsError,
        match=r"'btcusdt' is not a valid symbol.*'NOSUCH' is not listed.*Variable 'symbols'",
    ):
        judge_symbols(exchange, ["BTCUSDT", "btcusdt", "NOSUCH"])

    assert exchange.asked == [["BTCUSDT", "NOSUCH"]]


def test_the_pool_that_every_airflow_has_is_there():
    assert judge_pool("default_pool", None).startswith("default_pool")


def test_a_pool_is_there_with_its_slots():
    assert judge_pool("binance", {"binance": 128}.get) == "binance with 128 slots"


def test_a_pool_that_does_not_exist_is_missing():
    """Its tasks would wait for ever, without an error anywhere."""
    with pytest.raises(SettingsError, match=r"no pool 'binance'.*create it.*FETCH_POOL"):
        judge_pool("binance", {}.get)


def test_a_pool_that_a_task_cannot_look_up_is_not_known():
    with pytest.raises(NotKnownError, match="see that Admin > Pools lists 'binance'"):
        judge_pool("binance", None)


PINS = "# why\napache-airflow==3.3.2\nnumpy==1.26.4\n"


def test_finds_the_pinned_versions_of_any_build():
    installed = {"apache-airflow": "3.3.2+astro.1", "numpy": "1.26.4"}

    assert judge_versions(PINS, installed.get, (3, 12)).startswith("2 packages")


@pytest.mark.parametrize(
    ("installed", "python", "told"),
    [
        ({"apache-airflow": "3.3.2", "numpy": "2.0.0"}, (3, 12), "numpy is 2.0.0 and not 1.26.4:"),
        ({"apache-airflow": "3.3.2"}, (3, 11), "numpy is not installed and not 1.26.4:"),
        ({"apache-airflow": "3.3.2", "numpy": "1.26.4"}, (3, 13), "Python is 3.13 and not 3.11 or"),
    ],
    ids=["another", "none", "Python"],
)
def test_names_each_version_that_is_another(installed, python, told):
    with pytest.raises(SettingsError, match=re.escape(told)):
        judge_versions(PINS, installed.get, python)


MOUNTS = """\
overlay / overlay rw,relatime 0 0
proc /proc proc rw 0 0
/dev/sda1 /usr/local/airflow/data ext4 rw 0 0
server:/share /mnt/shared nfs4 rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/usr/local/airflow/data", "ext4"),
        ("/usr/local/airflow/data/exports", "ext4"),
        ("/usr/local/airflow", "overlay"),
        ("/mnt/shared/prices", "nfs4"),
    ],
)
def test_finds_the_file_system_of_a_folder(folder, kind):
    assert filesystem_of(folder, MOUNTS) == kind
    assert filesystem_of(folder, "") == ""


def test_a_folder_of_the_machine_that_runs_every_task_is_seen_by_all():
    assert "/srv/prices" in judge_shared("the place", "/srv/prices", "ext4", "LocalExecutor")


@pytest.mark.parametrize(
    ("place", "filesystem", "executor", "told"),
    [
        ("s3://bucket/prices", "", "LocalExecutor", "reads s3://bucket/prices with its own role"),
        ("/data", "overlay", "LocalExecutor", "in this container's own layer"),
        ("/data", "overlay", "CeleryExecutor", "or name another place in the place:"),
        ("/data", "nfs4", "CeleryExecutor", "must have the same folder at /data (here nfs4)"),
        ("/data", "", "LocalExecutor,team:astro.AstroExecutor", "of an unknown kind"),
        ("file:///data", "ext4", "KubernetesExecutor", "must have the same folder"),
    ],
)
def test_says_what_has_to_be_so_where_a_task_cannot_tell(place, filesystem, executor, told):
    with pytest.raises(NotKnownError, match=re.escape(told)):
        judge_shared("the place", place, filesystem, executor)
