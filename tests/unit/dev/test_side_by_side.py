import os
import signal
import subprocess
import sys

import pytest

from dev.side_by_side import Ended, SideBySide, added_up, exit_code, failures

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The second is there once the first can open the pipe between them; none waits without end.
FIRST = """import signal, sys
signal.alarm(300)
print('outages', flush=True)
try:
    open(sys.argv[1]).close()
    print('both are there', flush=True)
    signal.pause()
except KeyboardInterrupt:
    print('tidied up')
"""
SECOND = """import signal, sys
signal.alarm(300)
try:
    open(sys.argv[1], 'w').close()
    signal.pause()
except KeyboardInterrupt:
    print('tidied up')
"""
BOTH = """import sys
from dev.side_by_side import SideBySide
*programs, pipe = sys.argv[1:]
SideBySide().run(*([sys.executable, program, pipe] for program in programs), 'outages')
"""


def says(line, code=0):
    return [sys.executable, "-c", f"print({line!r}); raise SystemExit({code})"]


@pytest.fixture
def run(capfdbinary):
    """Run two programs and return their exit codes and what was shown."""
    kept = {number: signal.getsignal(number) for number in SIGNALS}

    def run(first, second, mark=""):
        codes = SideBySide().run(first, second, mark)
        return codes, capfdbinary.readouterr().out.decode()

    yield run
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("mark", ["", "20 passed", "nothing that it says"])
def test_shows_the_second_whole_after_the_first(run, mark):
    codes, shown = run(says("20 passed", 3), says("3 passed", 5), mark)

    assert codes == (3, 5)
    assert shown.rindex("20 passed") < shown.rindex("3 passed")


@pytest.mark.parametrize("number", SIGNALS, ids=["Ctrl-C", "terminated", "hung up"])
def test_starts_the_second_at_the_mark_and_lets_both_clear_up_when_it_is_stopped(tmp_path, number):
    """The first says that both are there only when it has met the second."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    programs = [tmp_path / "first.py", tmp_path / "second.py"]
    for program, text in zip(programs, (FIRST, SECOND), strict=True):
        program.write_text(text)
    command = [sys.executable, "-c", BOTH, *programs, pipe]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        _heading, *before = [running.stdout.readline() for _ in range(3)]
        running.send_signal(number)
        after, _ = running.communicate(timeout=300)

    assert before == ["outages\n", "both are there\n"]
    assert after.splitlines().count("tidied up") == 2
    assert running.returncode == 128 + number


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((0, 0, 2), 2), ((0, 0, -9), 9)],
    ids=["all well", "tests", "types", "second tests", "killed"],
)
def test_fails_when_one_fails(codes, expected):
    assert exit_code(*codes) == expected


def test_fails_when_no_run_found_a_test():
    """Types have none to find."""
    assert exit_code(0, 5, 0, 5) == 0
    assert exit_code(0, 5, 5, 5) == 5


def test_adds_up_in_the_order_of_pytest():
    ended = [
        Ended(["pytest"], 1, b"x\n== 1 failed, 2 passed, 1 error in 3.00s ==\n"),
        Ended(["pytest"], 1, b"2 passed, 2 errors in 1s\n"),
    ]

    assert " 1 failed, 4 passed, 3 errors in 5.00s " in added_up(ended, 5)


def test_counts_what_a_program_ran_whatever_it_prints_after_its_counts():
    """A thread of a library complained as the program ended."""
    output = (
        b"== 85 passed, 1 warning in 1010.41s (0:16:50) ==\nException in thread T:\nError: no\n"
    )

    assert " 85 passed, 1 warning in 9.00s " in added_up([Ended(["pytest"], 0, output)], 9)


def test_has_a_line_for_programs_that_ran_no_test():
    ended = [Ended(["mypy"], 0, b""), Ended(["pytest"], 5, b"no tests ran in 0.1s")]

    assert " no tests ran in 1.00s " in added_up(ended, 1)


def test_repeats_what_failed():
    """Twenty minutes of output lie above the last line of a whole run."""
    ended = [
        Ended(["mypy"], 0, b"Success: no issues found\n"),
        Ended(
            ["pytest", "tests/e2e"],
            1,
            b"FAILED tests/a.py::test_b - assert 1 == 2\nERROR tests/c.py\n= 1 failed, 1 error =\n",
        ),
        Ended(["pytest", "tests/unit"], 1, b"Traceback (most recent call last):\nOSError: gone\n"),
        Ended(["pytest", "tests/dags"], 5, b"no tests ran\n"),
    ]

    assert failures(ended).splitlines() == [
        "── exit code 1: pytest tests/e2e",
        "FAILED tests/a.py::test_b - assert 1 == 2",
        "ERROR tests/c.py",
        "── exit code 1: pytest tests/unit",
        "OSError: gone",
    ]
