import subprocess

import pytest

from dev import browser
from dev.errors import SetupError


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

    assert browser.find(environment).name == "chromium"


def test_finds_none_on_an_empty_path(programs):
    assert browser.find(programs()) is None


def test_takes_the_one_that_is_named(programs):
    environment = programs("chromium", "my-chromium")
    named = f"{environment['PATH']}/my-chromium"

    assert str(browser.find(environment | {browser.VARIABLE: named})) == named


def test_refuses_a_name_that_is_no_program(programs):
    """It does not quietly take another one."""
    environment = programs("chromium") | {browser.VARIABLE: "/no/such/chromium"}

    with pytest.raises(SetupError, match=r"names /no/such/chromium, which is no program"):
        browser.find(environment)


def test_installs_debians_package_and_a_font(programs, capsys):
    apt = Apt(programs)

    found = browser.install(programs("apt-get"), is_root=True, run=apt)

    update, install = apt.commands
    assert found.name == "chromium"
    assert update.endswith("update")
    assert "--no-install-recommends chromium fonts-" in install
    assert "installing Debian's package" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("is_root", "tools"), [(False, ["apt-get"]), (True, [])], ids=["not root", "not Debian"]
)
def test_says_what_to_install_where_it_may_not(programs, is_root, tools):
    apt = Apt(programs)

    with pytest.raises(SetupError, match="apt-get install chromium"):
        browser.install(programs(*tools), is_root=is_root, run=apt)
    assert apt.commands == []


@pytest.mark.parametrize("fails_at", [1, 2], ids=["update", "install"])
def test_says_why_an_installation_failed(programs, fails_at):
    with pytest.raises(SetupError, match=r"This failed: apt-get(.|\n)*E: no such host"):
        browser.install(programs("apt-get"), is_root=True, run=Apt(programs, fails_at))
