import re
import shutil
import subprocess
import sys
from pathlib import Path

import playwright
import pytest

from dev.browser import chromium, needs
from dev.machine.errors import SetupError

# What the smallest Debian has: of the C library, of GCC's, and the kernel's.
OF_EVERY_SYSTEM = re.compile(r"linux-vdso|ld-linux|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+)\.so")
PROJECT = Path(__file__).resolve().parents[4]
NODE = Path(playwright.__file__).parent / "driver" / "node"


def everything(_library):
    return True


def nothing(_library):
    return False


@pytest.fixture
def programs(tmp_path):
    """An empty folder that is the whole PATH, and a way to put programs into it."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(*names):
        for name in names:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
        return {"PATH": str(folder)}

    return put


class Apt:
    """Keeps the commands; the one at `fails_at` fails, and the last one puts Chromium there."""

    def __init__(self, programs, fails_at=None):
        self.commands = []
        self._programs = programs
        self._fails_at = fails_at

    def __call__(self, command):
        self.commands.append(" ".join(command))
        if len(self.commands) == self._fails_at:
            return subprocess.CompletedProcess(command, 100, "many\nwords\nE: no such host\n")
        if "install" in command:
            self._programs("chromium")
        return subprocess.CompletedProcess(command, 0, "")


def test_finds_debians_name_before_the_others(programs):
    environment = programs("google-chrome", "chromium-browser", "chromium")

    assert needs.find(environment).name == "chromium"


def test_finds_none_on_an_empty_path(programs):
    assert needs.find(programs()) is None


def test_takes_the_one_that_is_named(programs):
    environment = programs("chromium", "my-chromium")
    named = f"{environment['PATH']}/my-chromium"

    assert str(needs.find(environment | {needs.VARIABLE: named})) == named


def test_refuses_a_name_that_is_no_program(programs):
    """It does not quietly take another one."""
    environment = programs("chromium") | {needs.VARIABLE: "/no/such/chromium"}

    with pytest.raises(SetupError, match=r"names /no/such/chromium, which is not a program"):
        needs.find(environment)


def test_installs_debians_package_and_a_font(programs, capsys):
    apt = Apt(programs)

    found = chromium.provide(programs("apt-get"), is_root=True, run=apt, loads=everything)

    update, install = apt.commands
    assert found.name == "chromium"
    assert update.endswith("update")
    assert install.endswith("--no-install-recommends chromium fonts-dejavu-core")
    assert "Chromium: installing Debian's package" in capsys.readouterr().out


@pytest.mark.parametrize("installed", [[], ["chromium"]], ids=["without Chromium", "with Chromium"])
def test_installs_what_playwrights_own_node_needs_with_or_without_chromium(programs, installed):
    """A desktop has a Chromium, and may still lack a library that only Node.js asks for."""
    apt = Apt(programs)
    loads = lambda _library: bool(apt.commands)  # noqa: E731 - once apt has run

    found = chromium.provide(programs("apt-get", *installed), is_root=True, run=apt, loads=loads)

    assert found.name == "chromium"
    assert apt.commands[-1].endswith(" libatomic1")
    assert ("fonts-dejavu-core" in apt.commands[-1]) == (installed == [])


def test_installs_nothing_where_all_is_there(programs):
    apt = Apt(programs)

    chromium.provide(programs("apt-get", "chromium"), is_root=True, run=apt, loads=everything)

    assert apt.commands == []


def test_asks_for_no_library_where_another_node_is_named(programs):
    environment = programs("chromium") | {"PLAYWRIGHT_NODEJS_PATH": "/usr/bin/node"}

    assert needs.missing(environment, nothing) == ()


def test_says_so_when_a_library_is_installed_and_not_found(programs):
    with pytest.raises(SetupError, match=r"need libatomic\.so\.1.*installed, but not found"):
        chromium.provide(programs("apt-get"), is_root=True, run=Apt(programs), loads=nothing)


@pytest.mark.parametrize(
    ("is_root", "tools"), [(False, ["apt-get"]), (True, [])], ids=["not root", "not Debian"]
)
def test_says_what_to_install_where_it_may_not(programs, is_root, tools):
    apt = Apt(programs)

    with pytest.raises(
        SetupError,
        match=r"need Chromium and libatomic\.so\.1.*apt-get install chromium \S+ libatomic1",
    ):
        chromium.provide(programs(*tools), is_root=is_root, run=apt, loads=nothing)
    assert apt.commands == []


@pytest.mark.parametrize("fails_at", [1, 2], ids=["update", "install"])
def test_says_why_an_installation_failed(programs, fails_at):
    apt = Apt(programs, fails_at)

    with pytest.raises(SetupError, match=r"This failed: apt-get(.|\n)*E: no such host"):
        chromium.provide(programs("apt-get"), is_root=True, run=apt, loads=everything)


def test_names_every_library_of_playwrights_own_node_that_a_small_system_lacks():
    listed = subprocess.run(
        [shutil.which("ldd"), NODE], capture_output=True, text=True, check=True
    ).stdout
    libraries = {Path(line.split()[0]).name for line in listed.splitlines()}

    beyond = {name for name in libraries if not OF_EVERY_SYSTEM.match(name)}

    assert beyond == {needs.LIBRARY.name}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({}, "need Chromium.* Install .*apt-get install chromium", id="no Chromium"),
        pytest.param(
            {"MINUTE_PRICES_CHROMIUM": "/no/such/chromium"}, "/no/such/chromium", id="wrong name"
        ),
    ],
)
def test_the_tests_say_in_their_first_line_what_only_root_can_install(
    programs, tmp_path, variables, words
):
    """Before anything else, so also before there is an environment, by whatever Python there is."""
    environment = programs() | variables
    for tool, program in {"dirname": shutil.which("dirname"), "python3": sys.executable}.items():
        Path(environment["PATH"], tool).symlink_to(program)
    checkout = tmp_path / "checkout"
    for name in (
        *("test", "__init__.py", "browser/__init__.py", "browser/needs.py"),
        *("machine/__init__.py", "machine/errors.py"),
    ):
        (checkout / "dev" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "dev" / name, checkout / "dev" / name)
    (checkout / "dev" / "bootstrap.sh").write_text("echo Python packages; exit")

    done = subprocess.run(
        [shutil.which("bash"), checkout / "dev" / "test"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )

    first, *others = done.stdout.splitlines()
    assert re.search(words, first)
    assert others == ["Python packages"]
