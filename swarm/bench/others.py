"""Who else was using the processor while we measured: a figure taken on a busy machine is not one."""

from __future__ import annotations

import time

import psutil

LOUD = 0.1  # cores; more than that is said


class Others:
    """Counts from its making on. `cores()`: how many processor cores other programs kept busy, on average."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.begun = time.perf_counter()
        self.ours = self._ours()
        self.all = self._all()

    def cores(self) -> float:
        """Busy cores that were not ours since this object was made; 0 where too little time has passed to tell."""
        passed = time.perf_counter() - self.begun
        if passed < 0.05:
            return 0.0
        return max(0.0, (self._all() - self.all) - (self._ours() - self.ours)) / passed

    def note(self) -> str:
        """A sentence for the report, or nothing when it was quiet."""
        cores = self.cores()
        if cores <= LOUD:
            return ""
        return f"Other programs kept {cores:.2f} cores busy meanwhile: repeat this on a quiet machine."

    def _ours(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def _all(self) -> float:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # guest time is part of user time already; stolen time is other machines' and as bad as other programs
        return sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
