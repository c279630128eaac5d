"""The bodies of the tasks of the gate, on a store in memory and a real landing folder."""

import json
import logging
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.exchange.request_budget import RequestBudget
from include.gx.batches import refusal
from include.orchestration.defaults import SHARDS
from include.pipeline.fetching import FetchPlan
from include.pipeline.landing import has_verdict, land_failure, land_verdict, read_verdict
from include.records.errors import RetryableError, UnstorableValueError
from include.tasks import average_minutes, gates, ingest_prices, validate_batches
from tests.fakes.builders import batch, land, symbol_info
from tests.fakes.memory_budget import MemoryBudgetTable
from tests.fakes.memory_store import MemoryStore

LOW = 3


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """A store, and a folder for what is landed and judged."""
    held = MemoryStore()
    held.remember_symbol(symbol_info())
    monkeypatch.setenv("AIRFLOW_VAR_STORAGE_URL", str(tmp_path))
    monkeypatch.setattr(validate_batches, "open_store", lambda: held)
    monkeypatch.setattr(ingest_prices, "open_store", lambda: held)
    monkeypatch.setattr(gates, "open_store", lambda: held)
    monkeypatch.setattr(ingest_prices, "LATE_LOOK", timedelta(0))
    return held


@pytest.fixture
def alerts(monkeypatch):
    """What is left for the callback, which only a running task can leave."""
    left = []
    monkeypatch.setattr(ingest_prices, "queue_alerts", left.extend)
    return left


def landed(tmp_path, *, symbol="BTCUSDT", change=lambda _rows: None):
    made = batch(symbol=symbol)
    for rows in made.rows.values():
        change(rows)
    return planned(symbol, land(tmp_path, made))


def planned(symbol, url):
    """The message of a plan that is over: nothing more arrives."""
    return {"symbol": symbol, "url": url, "due_at": batch().window.end.isoformat()}


def validate_shard(messages, shard):
    """Each is fetched by a task of its own."""
    return validate_batches.validate([[message] for message in messages], shard)


def validate(*messages):
    """Every shard judges its part."""
    return [checked for shard in range(SHARDS) for checked in validate_shard(messages, shard)]


def load(*messages):
    ingest_prices.load([[message] for message in messages])


def cut_short(message):
    """Leave half of a landed batch's file."""
    file = Path(message["url"])
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def spoil(rows):
    if len(rows) > 1:
        rows[7][LOW] = "101.00"


def test_says_in_xcom_and_in_one_line_what_the_gate_says(tmp_path, caplog):
    message = landed(tmp_path, change=spoil)

    with caplog.at_level(logging.INFO):
        (checked,) = validate(message)

    line = next(record for record in caplog.records if "expectations met" in record.message)
    assert line.levelname == "WARNING"
    assert line.message.startswith("BTCUSDT: 60 of 61 rows good (expect_prices_to_be_in_order, ")
    assert (checked["bad_rows"], checked["refused"], checked["rows"]) == (1, False, 61)
    assert checked["evaluated"] - checked["met"] == len(checked["failed"])
    assert checked["check_ms"] > 0


@pytest.mark.slow
def test_says_which_batch_is_lost_and_loads_the_others(tmp_path, store, alerts):
    lost, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")
    cut_short(lost)

    checked = validate(lost, good)
    with pytest.raises(
        AirflowFailException, match=r"BTCUSDT the batch landed at .* cannot be read"
    ):
        load(lost, good)

    assert [each["refused"] for each in checked] == [True, False]
    assert store.watermark("BTCUSDT").stored_until is None
    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 60
    assert alerts == []


@pytest.mark.parametrize(
    ("is_validated", "words"),
    [(False, "BTCUSDT was not fetched"), (True, "BTCUSDT the batch landed at .* cannot be read")],
)
def test_a_batch_whose_file_was_deleted_keeps_no_other_from_being_loaded(
    tmp_path, store, is_validated, words
):
    lost, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")
    validate(good, *([lost] if is_validated else []))
    Path(lost["url"]).unlink()

    with pytest.raises(AirflowFailException, match=words):
        load(lost, good)

    assert store.watermark("BTCUSDT").stored_until is None
    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 60


def test_refuses_the_batch_of_another_symbol(tmp_path, store, alerts):
    wrong = landed(tmp_path, symbol="ETHUSDT") | {"symbol": "BTCUSDT"}

    validate(wrong)
    assert read_verdict(wrong["url"]).is_refused
    with pytest.raises(AirflowFailException, match="expect_rows_to_be_of_the_requested_symbol"):
        load(wrong)

    assert store.second_prices.between("ETHUSDT", batch().window) == []
    assert "the batch refused" in alerts[0]


def test_refuses_a_batch_that_lacks_a_column(tmp_path, store, alerts):
    def cut(rows):
        rows[:] = [row[:11] for row in rows]

    message = landed(tmp_path, change=cut)

    validate(message)
    with pytest.raises(AirflowFailException, match="missing unused"):
        load(message)

    assert store.watermark("BTCUSDT").stored_until is None
    assert len(alerts) == 1


def test_loads_an_empty_batch_with_a_warning(tmp_path, store, alerts):
    message = landed(tmp_path, change=list.clear)

    checked = validate(message)
    load(message)

    assert checked[0]["failed"] == ["expect_every_symbol_to_have_its_rows"]
    assert store.watermark("BTCUSDT").stored_until == batch().window.end
    assert alerts == []


def test_leaves_word_of_a_batch_with_many_bad_rows(tmp_path, alerts):
    message = landed(tmp_path, change=spoil)

    validate(message)
    load(message)

    (alert,) = alerts
    assert alert.startswith("BTCUSDT: 1 of 61 rows quarantined (1.6%), by expect_prices_to_be_in_")


def test_validates_nothing_where_no_batch_arrived(tmp_path):
    """One fetch failed, and the other was killed: load names them."""
    messages = [planned(name, f"{tmp_path}/{name}.json") for name in ("BTCUSDT", "ETHUSDT")]
    land_failure(messages[0]["url"], "the exchange does not answer")

    assert validate(*messages) == []
    with pytest.raises(AirflowFailException, match="BTCUSDT was not fetched; ETHUSDT was not fet"):
        load(*messages)


@pytest.mark.parametrize(
    ("symbol_count", "sizes"), [(1, [1, 0]), (25, [25, 0]), (26, [13, 13]), (101, [51, 50])]
)
def test_divides_the_batches_among_the_shards(symbol_count, sizes):
    """Each run of the checkpoints has its price: few symbols need one."""
    messages = [planned(f"S{number}USDT", "") for number in range(symbol_count)]

    shards = [validate_batches.shard_of(messages, shard) for shard in range(SHARDS)]

    assert [len(shard) for shard in shards] == sizes
    assert sorted(each["symbol"] for shard in shards for each in shard) == sorted(
        message["symbol"] for message in messages
    )


def test_judges_each_batch_in_its_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(validate_batches, "SYMBOLS_A_SHARD", 2)
    messages = [landed(tmp_path, symbol=f"S{number}USDT") for number in range(3)]

    shards = [validate_shard(messages, shard) for shard in range(SHARDS)]

    assert [[each["symbol"] for each in shard] for shard in shards] == [
        ["S0USDT", "S2USDT"],
        ["S1USDT"],
    ]
    assert validate_shard(messages[:1], 1) == []


def test_says_what_was_not_checked_and_loads_what_was(tmp_path, store):
    first, second = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")
    validate(first)

    with pytest.raises(AirflowFailException, match=r"^ETHUSDT was fetched, but not checked; the "):
        load(first, second)

    assert store.watermark("BTCUSDT").stored_until == batch().window.end


def test_loads_what_was_judged_by_a_task_that_was_killed(tmp_path, store):
    """What it would have handed on is lost; its verdicts have landed."""
    first, second = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")
    validate(first, second)

    load(first, second)

    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert store.watermark(symbol).stored_until == batch().window.end


class Access:
    """To an exchange of which only the plan and the batch are told."""

    budget = RequestBudget(MemoryBudgetTable(6000), 0.5)

    def client(self, _clock):
        return nullcontext()


class KilledError(BaseException):
    """Ends a task at once, as Airflow's time limit does."""


@pytest.mark.usefixtures("alerts")
def test_a_second_try_judges_what_the_first_had_no_time_for(tmp_path, store, monkeypatch):
    """Those that pass are certain first; the first try is killed over the one that does not."""
    bad, good = landed(tmp_path, change=spoil), landed(tmp_path, symbol="ETHUSDT")
    check_batches, judged = validate_batches.check_batches, []

    def killed(checkpoints, candidates):
        yield next(iter(check_batches(checkpoints, candidates)))
        raise KilledError

    def counting(checkpoints, candidates):
        judged.extend(each.symbol for each in candidates)
        return check_batches(checkpoints, candidates)

    monkeypatch.setattr(validate_batches, "check_batches", killed)
    with pytest.raises(KilledError):
        validate_shard([bad, good], 0)
    assert [has_verdict(each["url"]) for each in (bad, good)] == [False, True]
    monkeypatch.setattr(validate_batches, "check_batches", counting)
    checked = validate_shard([bad, good], 0)

    assert judged == ["BTCUSDT"]
    assert [each["bad_rows"] for each in checked] == [1, 0]
    load(bad, good)
    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 60


@pytest.mark.parametrize("earlier", ["cut short", "a refusal"])
def test_a_second_try_judges_again_where_the_first_accepted_nothing(tmp_path, earlier):
    """The first may have refused a batch that it could not read for a moment."""
    message = landed(tmp_path)
    if earlier == "a refusal":
        land_verdict(message["url"], refusal("the batch cannot be read"))
    else:
        validate(message)
        (file,) = tmp_path.rglob("*.verdict.json")
        file.write_text('{"bad_rows"')

    (checked,) = validate(message)

    assert not checked["refused"]
    assert not read_verdict(message["url"]).is_refused


def test_names_what_was_not_fetched(tmp_path):
    message = landed(tmp_path)
    validate(message)

    with pytest.raises(AirflowFailException, match=r"^ETHUSDT was not fetched$"):
        load(message, planned("ETHUSDT", f"{tmp_path}/none.json"))


class BugError(TypeError):
    """What no library raises, and nobody foresaw."""


def breaks_for(symbol, work, place):
    """The same work, with an error of the program in it for one symbol."""

    def broken(*arguments, **named):
        if arguments[place].symbol == symbol:
            raise BugError("unsupported operand")
        return work(*arguments, **named)

    return broken


@pytest.mark.defect(37)
def test_an_error_of_the_program_in_one_check_keeps_no_other_batch_from_being_loaded(
    tmp_path, store, monkeypatch, caplog
):
    """It is no bad data: the task fails with its traceback, and hands on what it has judged."""
    handed = []
    monkeypatch.setattr(validate_batches, "push_result", handed.extend)
    check_batches = validate_batches.check_batches

    def broken(checkpoints, candidates):
        if "BTCUSDT" in [each.symbol for each in candidates]:
            raise BugError("unsupported operand")
        return check_batches(checkpoints, candidates)

    monkeypatch.setattr(validate_batches, "check_batches", broken)
    bad, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")

    with pytest.raises(AirflowFailException, match="BTCUSDT failed with a program error: BugError"):
        validate_shard([bad, good], 0)

    assert [each["symbol"] for each in handed] == ["ETHUSDT"]
    assert any(record.exc_info and record.exc_info[0] is BugError for record in caplog.records)
    with pytest.raises(AirflowFailException, match=r"^BTCUSDT was fetched, but not checked"):
        load(bad, good)
    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 60


def test_a_verdict_that_cannot_be_landed_keeps_no_other_batch_from_being_loaded(
    tmp_path, monkeypatch
):
    """The verdict on a damaged batch, which is certain before the others are validated."""
    land_one = validate_batches.land_verdict

    def full_for_one(url, verdict):
        if "BTCUSDT" in url:
            raise OSError("no space left")
        land_one(url, verdict)

    monkeypatch.setattr(validate_batches, "land_verdict", full_for_one)
    lost, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")
    cut_short(lost)

    with pytest.raises(AirflowFailException, match="BTCUSDT failed with a program error: OSError"):
        validate_shard([lost, good], 0)

    assert not read_verdict(good["url"]).is_refused


@pytest.mark.slow
@pytest.mark.defect(37)
def test_an_error_of_the_program_in_one_load_keeps_no_other_batch_from_being_stored(
    tmp_path, store, monkeypatch, alerts
):
    monkeypatch.setattr(
        ingest_prices, "load_batch", breaks_for("BTCUSDT", ingest_prices.load_batch, 1)
    )
    bad, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT", change=spoil)
    validate(bad, good)

    with pytest.raises(AirflowFailException, match="BTCUSDT failed with a program error: BugError"):
        load(bad, good)

    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 59
    assert len(alerts) == 1


@pytest.mark.defect(37)
def test_a_value_that_fits_no_column_is_named_and_the_others_are_stored(
    tmp_path, store, monkeypatch
):
    def load_one(held, landed_batch, *others):
        if landed_batch.symbol == "BTCUSDT":
            raise UnstorableValueError("trade_count is too large for its column")
        return load_batch(held, landed_batch, *others)

    load_batch = ingest_prices.load_batch
    monkeypatch.setattr(ingest_prices, "load_batch", load_one)
    bad, good = landed(tmp_path), landed(tmp_path, symbol="ETHUSDT")

    validate(bad, good)
    with pytest.raises(AirflowFailException, match=r"^BTCUSDT: trade_count is too large"):
        load(bad, good)

    assert len(store.second_prices.between("ETHUSDT", batch().window)) == 60


def test_tries_again_what_cassandra_did_not_answer(tmp_path, monkeypatch):
    def load_one(*_):
        raise RetryableError("Cassandra did not answer")

    monkeypatch.setattr(ingest_prices, "load_batch", load_one)
    message = landed(tmp_path)

    validate(message)
    with pytest.raises(RetryableError, match="BTCUSDT: Cassandra did not answer"):
        load(message)


@pytest.mark.defect(37)
def test_publishes_the_other_symbols_and_says_which_one_cannot_be(store, monkeypatch, tmp_path):
    end = batch().window.end
    for symbol in ("BTCUSDT", "ETHUSDT"):
        message = landed(tmp_path, symbol=symbol)
        validate(message)
        load(message)
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "BTCUSDT,ETHUSDT")
    monkeypatch.setattr(gates, "now", lambda: end + timedelta(seconds=30))
    monkeypatch.setattr(average_minutes, "queue_alerts", lambda _: None)
    columns = store.second_prices.columns

    def broken(symbol, window):
        if symbol == "BTCUSDT":
            raise ValueError("math domain error")
        return columns(symbol, window)

    monkeypatch.setattr(store.second_prices, "columns", broken)

    event, problems = average_minutes.publish()

    assert event["symbols"] == ["ETHUSDT"]
    assert problems == ["BTCUSDT failed with a program error: ValueError: math domain error"]
    assert store.watermark("ETHUSDT").averaged_until == end
    assert store.watermark("BTCUSDT").averaged_until is None


def test_warms_up_once_and_without_a_trace(tmp_path, monkeypatch):
    """Airflow loads plugins anew in each task, which is a fork of a process that is warm."""
    validate_batches.warm_up()
    monkeypatch.setattr(validate_batches, "check_batch", None)

    validate_batches.warm_up()

    assert [*tmp_path.iterdir()] == []


@pytest.mark.defect(37)
def test_carries_what_is_wrong_with_a_symbol_from_the_plan_to_its_fetch(monkeypatch):
    """Through XCom, as JSON; the fetch asks the exchange for nothing."""
    window = batch().window
    plan = FetchPlan("ETHUSDT", window, None, timedelta(0), unreadable="no PRICE_FILTER")
    monkeypatch.setattr(ingest_prices, "open_exchange", lambda _: Access())
    monkeypatch.setattr(ingest_prices, "plan_fetches", lambda *_: [plan])
    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setenv("AIRFLOW_VAR_SYMBOLS", "ETHUSDT")
    (group,) = json.loads(json.dumps(ingest_prices.plan()))

    with pytest.raises(AirflowFailException, match="'ETHUSDT' cannot be fetched: no PRICE_FILTER"):
        ingest_prices.fetch(group)
