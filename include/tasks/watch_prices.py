"""The body of the task of watch_prices."""

import logging
from collections.abc import Mapping, Sequence

from airflow.sdk import Variable
from pydantic import BaseModel, ValidationError

from include.orchestration.connections import PROJECT, open_store, symbols
from include.orchestration.context import now
from include.orchestration.failures import fail_without_retry, raise_failures
from include.orchestration.notifiers import UndeliveredError, deliver
from include.records.errors import RetryableError, SettingsError
from include.records.isolation import Results, run_each
from include.records.prices import MinuteAverage
from include.records.windows import Window
from include.watch.evaluation import evaluate, windows_needed
from include.watch.messages import utc
from include.watch.rules import AnyRule
from include.watch.settings import Channel, Watch, read_watch
from include.watch.states import Announcement, Change, RuleState, Watched, watched_symbols

VARIABLE = "price_watch"
FILE_VARIABLE = "price_watch_file"
FILE = "include/price_watch.yaml"
SUFFIXES = (".yaml", ".yml", ".json")
STATE = "price_watch_state"
# Announcements kept for a channel that does not answer: more than a day of a few rules.
MOST_WAITING = 100

log = logging.getLogger(__name__)


class Memory(BaseModel, extra="forbid"):
    """The state that one run passes to the next, as JSON in an Airflow Variable.

    Attributes:
        rules: By name and symbol.
        undelivered: By channel, what it has not accepted yet, oldest first.
    """

    rules: dict[str, RuleState] = {}
    undelivered: dict[str, list[Announcement]] = {}


def watch(params: Mapping[str, object]) -> None:
    """Judge new minutes, send the announcements, and save the state.

    The state is saved after sending: an interrupted run sends again, and nothing is lost. A
    channel that fails neither stops the others nor makes them send twice; what it did not accept
    waits for the next try.

    Raises:
        AirflowFailException: The rules are not valid, a channel failed in a test, or a rule or a
            channel failed with a program error; the others are done.
        RetryableError: A channel failed, or Cassandra did not answer; the age of the data was
            still judged.
    """
    with fail_without_retry():
        told = _read()
        watched = _subjects(told.rules)
        if params["test"]:
            _test(told)
            return
        before = _load_state()
        problems, failed, announcements, states = _judge(watched, before.rules)
    waiting = {
        str(channel): [*before.undelivered.get(str(channel), ()), *announcements][-MOST_WAITING:]
        for channel in told.notify
    }
    try:
        undelivered, broken = _deliver(told.notify, waiting)
    finally:
        _save_state(before, Memory(rules=states, undelivered=waiting))
    problems += undelivered
    if failed or broken:
        raise_failures(failed | broken, problems)
    if problems:
        raise RetryableError("; ".join(problems))


def _read() -> Watch:
    """Return the rules of the Variable or of the file, and log where there are none."""
    text: str = Variable.get(VARIABLE, default="")
    source = f"the Airflow Variable {VARIABLE!r}"
    if not text.strip():
        file = PROJECT / str(Variable.get(FILE_VARIABLE, default=FILE))
        source = f"the file {file}"
        if file.suffix not in SUFFIXES:
            # A message quotes what it cannot read: of no other file of this machine.
            raise SettingsError(
                f"{source} is not named like one of rules; the Airflow Variable "
                f"{FILE_VARIABLE!r} takes names that end in {', '.join(SUFFIXES)}"
            )
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{source} cannot be read ({error}); correct the Airflow Variable "
                f"{FILE_VARIABLE!r}, or write the rules in the Variable {VARIABLE!r}"
            ) from error
    told = read_watch(text, source)
    if not told.rules:
        log.info("the price watch is off: %s has no rule", source)
    return told


def _judge(
    watched: Sequence[Watched], states: Mapping[str, RuleState]
) -> tuple[list[str], dict[str, Exception], list[Announcement], dict[str, RuleState]]:
    """Return what could not be read, what could not be judged, the announcements and the states.

    A symbol that cannot be read, or a rule that cannot be judged, does not stop the others, and
    keeps its previous state.
    """
    if not watched:
        return [], {}, [], {}
    moment = now()
    problems = []
    failed: dict[str, Exception] = {}
    averages: dict[str, list[MinuteAverage]] = {}
    try:
        read = _published(windows_needed(watched, states, moment))
        averages, failed = read.done, dict(read.failed)
    except RetryableError as error:
        # Without an answer prices are not judged, and age is judged by the saved state.
        problems.append(str(error))
    subject_of = {subject.key: subject for subject in watched if subject.symbol not in failed}
    judged = run_each(subject_of, lambda key: evaluate([subject_of[key]], averages, states, moment))
    failed |= judged.failed
    announcements = [each for said, _ in judged.done.values() for each in said]
    after = {
        key: state for key, state in states.items() if key in {each.key for each in watched}
    } | {key: state for _, kept in judged.done.values() for key, state in kept.items()}
    for each in announcements:
        log.warning("price watch: %s", each.text)
    log.info(
        "pairs of rule and symbol judged: %d, announcements: %d", len(watched), len(announcements)
    )
    return problems, failed, announcements, after


def _subjects(rules: Sequence[AnyRule]) -> list[Watched]:
    """Return every rule with its symbols, each of which must be extracted."""
    extracted = symbols() if rules else ()
    for rule in rules:
        if unknown := set(rule.symbols) - {*extracted}:
            raise SettingsError(
                f'rule "{rule.name}": symbols has {", ".join(sorted(unknown))}, for which no price '
                f"is extracted; write some of {', '.join(extracted)}, or add it to the Airflow "
                "Variable 'symbols'"
            )
    return watched_symbols(rules, extracted)


def _published(windows: Mapping[str, Sequence[Window]]) -> Results[str, list[MinuteAverage]]:
    table = open_store().minute_prices
    return run_each(
        windows,
        lambda symbol: [
            price.average for each in windows[symbol] for price in table.between(symbol, each)
        ],
        stop_on=RetryableError,
    )


def _deliver(
    channels: Sequence[Channel], waiting: dict[str, list[Announcement]]
) -> tuple[list[str], dict[str, Exception]]:
    """Send each channel what waits for it, and clear what was accepted.

    Returns:
        The channels that did not accept it, and the program errors.
    """
    by_name = {str(channel): channel for channel in channels if waiting[str(channel)]}

    def send(name: str) -> None:
        deliver(by_name[name], waiting[name])
        waiting[name] = []

    sent = run_each(by_name, send)
    problems = [
        f"{name} {error}"
        for name, error in sent.failed.items()
        if isinstance(error, UndeliveredError)
    ]
    broken = {
        name: error
        for name, error in sent.failed.items()
        if not isinstance(error, UndeliveredError)
    }
    return problems, broken


def _test(told: Watch) -> None:
    """Send a test to every channel."""
    if not told.notify:
        raise SettingsError("there is no channel to test; write one below 'notify:'")
    moment = now()
    text = (
        f"test of the price watch at {utc(moment)}; rules: {len(told.rules) or 'none, it is off'}"
    )
    test = Announcement(rule="test", symbol="", change=Change.TEST, judged_at=moment, text=text)
    problems, broken = _deliver(told.notify, {str(channel): [test] for channel in told.notify})
    raise_failures(broken, problems)
    log.info("sent a test by %s", ", ".join(map(str, told.notify)))


def _load_state() -> Memory:
    text: str = Variable.get(STATE, default="{}")
    try:
        return Memory.model_validate_json(text)
    except ValidationError as error:
        raise SettingsError(
            f"the Airflow Variable {STATE!r} is not what the last run wrote; delete it, and every "
            "rule starts over"
        ) from error


def _save_state(before: Memory, after: Memory) -> None:
    after.undelivered = {channel: kept for channel, kept in after.undelivered.items() if kept}
    if after != before:
        Variable.set(
            STATE,
            after.model_dump_json(exclude_defaults=True),
            description="The price watch's state; delete it, and every rule starts over.",
        )
