"""How long to wait for what DAGs bring: in whole runs of theirs, which a busy machine stretches."""

import time

# What so many runs of each have not brought does not come.
ENOUGH_RUNS = 8
# A last resort: a run ends by itself, as each of its tasks has a longest time.
LONGEST_RUN_SECONDS = 900


class Runs:
    """The runs of some DAGs that end from now on.

    Args:
        dag_ids: At least one.
        count_ended: Returns how many runs of a DAG have ended, well or not.
        clock: Seconds.
    """

    def __init__(self, dag_ids, count_ended, clock=time.monotonic):
        self._dag_ids, self._count_ended, self._clock = dag_ids, count_ended, clock
        self._before = self._counted()
        self._ended, self._progressed_at = 0, clock()

    def why_enough(self):
        """Return why there is nothing to wait for any more; nothing while there is."""
        counted, names = self._counted(), " and ".join(self._dag_ids)
        ended = min(counted[dag_id] - self._before[dag_id] for dag_id in self._dag_ids)
        if ended >= ENOUGH_RUNS:
            return f"within {ended} runs of {names}"
        if ended > self._ended:
            self._ended, self._progressed_at = ended, self._clock()
        if self._clock() - self._progressed_at > LONGEST_RUN_SECONDS:
            return f"and no run of {names} ended for {LONGEST_RUN_SECONDS} s"
        return ""

    def _counted(self):
        return {dag_id: self._count_ended(dag_id) for dag_id in self._dag_ids}
