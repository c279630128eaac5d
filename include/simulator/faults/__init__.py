"""Faults on demand: scripted, applied to answers, and set over the control port."""
