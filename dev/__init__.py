"""Implementation of the commands in dev/: the whole stack on one machine, without Docker."""
