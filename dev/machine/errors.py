"""Errors that end a command of dev/."""

from __future__ import annotations


class SetupError(Exception):
    """The user or the machine has to change something first; commands exit with 2."""


class StartError(Exception):
    """A part of the stack did not start, or died; commands exit with 1."""
