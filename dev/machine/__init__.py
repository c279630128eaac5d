"""This machine: servers as child processes, folders, ports, and console output."""
