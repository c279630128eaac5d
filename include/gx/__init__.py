"""The gate: expectations, suites and checkpoints of Great Expectations, as code."""

import os

# Set before the import that reads it: this deployment sends no usage data to anyone.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
