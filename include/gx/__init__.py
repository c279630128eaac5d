"""The gate: expectations, suites and checkpoints of Great Expectations, as code."""
