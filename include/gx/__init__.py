"""The gate: expectations, suites and checkpoints of Great Expectations, as code."""

import os

# Before the import that reads it: nothing of this deployment is reported to anyone.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
