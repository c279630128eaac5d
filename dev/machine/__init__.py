"""This machine: servers as child processes, folders, ports, and what a command prints."""
