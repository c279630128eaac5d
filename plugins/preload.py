"""Imports what every task needs once, in the scheduler.

LocalExecutor's tasks are forks of the scheduler: a fork finds these modules in memory,
while importing Great Expectations anew costs each task four to ten seconds of CPU.
It also validates a made-up row, to load what Great Expectations loads only when first used.
Nothing is opened here: a connection made before the fork must not be used after it.
"""

import sys

if "scheduler" in sys.argv:
    import include.tasks.average_minutes  # noqa: F401
    import include.tasks.ingest_prices  # noqa: F401
    import include.tasks.report_prices  # noqa: F401
    import include.tasks.watch_prices  # noqa: F401
    from include.exchange.certificates import trusted
    from include.tasks.validate_batches import warm_up

    trusted()
    warm_up()
