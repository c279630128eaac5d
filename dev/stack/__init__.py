"""The stack on one machine, without Docker: ./dev/up, ./dev/down and ./dev/status."""
