import os
import signal
import subprocess
import sys

import psutil
import pytest

from dev.machine.errors import StartError
from dev.machine.processes import Processes

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# Forks as Airflow's schedulers do, into a process group of its own, and says when it has.
FORKER = [
    sys.executable,
    "-c",
    """import os, time
if os.fork() == 0: os.setpgid(0, 0); print('forked', flush=True)
time.sleep(600)""",
]
STUBBORN = [
    sys.executable,
    "-c",
    """import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)""",
]


@pytest.fixture
def processes(tmp_path):
    started = Processes(tmp_path / "run", tmp_path / "logs")
    yield started
    started.stop(grace_seconds=0)


def is_alive(process):
    """An orphan that has ended stays a zombie until the system's first process looks after it."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_word(processes, name, word):
    processes.wait_until(lambda: word in processes.log(name).read_text(), name, 120)


def test_stops_what_it_started(processes):
    record = processes.spawn("sleeper", SLEEPER)

    assert record.is_running()
    assert processes.stop("sleeper") == ["sleeper"]
    assert not record.is_running()
    assert processes.records() == []


def test_stops_a_fork_that_left_the_process_group(processes):
    """Airflow's task processes do; a signal to the group alone would leave them behind."""
    record = processes.spawn("forker", FORKER)
    wait_for_word(processes, "forker", "forked")
    family = record.session()

    processes.stop()

    assert len(family) == 2
    assert not any(is_alive(member) for member in family)


def test_stops_the_fork_of_a_parent_that_was_killed(processes):
    record = processes.spawn("forker", FORKER)
    wait_for_word(processes, "forker", "forked")
    orphan = next(member for member in record.session() if member.pid != record.pid)
    os.kill(record.pid, signal.SIGKILL)

    stopped = processes.stop()

    assert stopped == ["forker"]
    assert not is_alive(orphan)


def test_a_later_run_stops_what_a_dead_one_left(processes, tmp_path):
    """Only the records on disk join the two runs."""
    record = processes.spawn("sleeper", SLEEPER)

    later = Processes(tmp_path / "run", tmp_path / "logs")
    stopped = later.stop()

    assert stopped == ["sleeper"]
    assert not record.is_running()


def test_leaves_a_stranger_alone_that_got_a_recorded_pid(processes, tmp_path):
    """The record says that our process started an hour before this one did."""
    stranger = subprocess.Popen(SLEEPER, start_new_session=True)
    record = processes.spawn("sleeper", SLEEPER)
    text = (tmp_path / "run" / "sleeper.json").read_text()
    processes.stop()
    created = psutil.Process(stranger.pid).create_time()
    forged = text.replace(str(record.pid), str(stranger.pid)).replace(
        str(record.started_epoch_seconds), str(created + 3600)
    )
    (tmp_path / "run" / "sleeper.json").write_text(forged)

    stopped = processes.stop()

    assert stopped == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_kills_what_does_not_end_in_good_order(processes):
    record = processes.spawn("stubborn", STUBBORN)
    wait_for_word(processes, "stubborn", "deaf")

    processes.stop(grace_seconds=0.2)

    assert not record.is_running()


def test_tells_which_process_died_and_its_last_words(processes):
    processes.spawn("failing", [sys.executable, "-c", "import sys; sys.exit('disk full')"])

    with pytest.raises(StartError, match=r"failing ended with code 1; .*failing\.log:\s+disk full"):
        processes.wait_until(lambda: False, "failing", 120)


def test_gives_up_on_a_process_that_is_never_ready(processes):
    processes.spawn("sleeper", SLEEPER)

    with pytest.raises(StartError, match="sleeper was not ready after 0 s"):
        processes.wait_until(lambda: False, "sleeper", 0.1)


def test_does_not_take_a_strangers_answer_for_its_own(processes):
    """Someone answers on the port, but the process that should does not listen."""
    processes.spawn("sleeper", SLEEPER, port=65000)

    with pytest.raises(StartError, match="not ready"):
        processes.wait_until(lambda: True, "sleeper", 0.1)


def test_starts_nothing_while_it_is_stopping(processes):
    processes.refuse()

    with pytest.raises(StartError, match="the stack is stopping"):
        processes.spawn("sleeper", SLEEPER)


def test_keeps_the_log_of_the_start_before(processes):
    for word in ("first", "second"):
        processes.run("echo", [sys.executable, "-c", f"print('{word}')"], dict(os.environ))

    log = processes.log("echo")
    assert log.read_text() == "second\n"
    assert log.with_suffix(".log.1").read_text() == "first\n"
