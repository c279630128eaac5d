"""Measurements: ./dev/bench NAME runs the module of that name."""
