"""Measure the CPU time that a stack's servers have used, including all they ever forked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from dev.machine.processes import Record


@dataclass(frozen=True)
class CpuSeconds:
    """CPU time of one server, user and system.

    Attributes:
        own: Of the process that was started.
        forked: Of its child processes and theirs; of ended ones as well, once their parent has
            waited for them.
    """

    own: float
    forked: float

    @property
    def total(self) -> float:
        """Of all of them."""
        return self.own + self.forked

    def __sub__(self, earlier: CpuSeconds) -> CpuSeconds:
        return CpuSeconds(self.own - earlier.own, self.forked - earlier.forked)


def cpu_seconds(servers: Sequence[Record]) -> dict[str, CpuSeconds]:
    """Return the CPU time of each running server since its start, by name."""
    return {server.name: _of_tree(server.pid) for server in servers}


def used_between(
    before: Mapping[str, CpuSeconds], after: Mapping[str, CpuSeconds]
) -> dict[str, CpuSeconds]:
    """Return each server's CPU time between two readings, largest first."""
    used = {name: after[name] - before[name] for name in after if name in before}
    return dict(sorted(used.items(), key=lambda item: -item[1].total))


def _of_tree(pid: int) -> CpuSeconds:
    process = psutil.Process(pid)
    forked = 0.0
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            # It has ended meanwhile: its time now counts for its parent.
            continue
        forked += times.user + times.system + times.children_user + times.children_system
    times = process.cpu_times()
    forked += times.children_user + times.children_system
    return CpuSeconds(times.user + times.system, forked)
