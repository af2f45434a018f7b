"""How long each system takes: the last ticks' times in a ring, read as p50, p99 and max."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

WINDOW = 4096  # ticks that p50 and p99 look back


class Timing(NamedTuple):
    """Seconds per tick of one system. p50 and p99 are of the last `WINDOW` ticks, max and mean of all `count`."""

    count: int
    p50: float
    p99: float
    max: float
    mean: float


class Profile:
    """Times of named steps, one entry a tick each. `profile["think"].p99`; printed, it is a table in milliseconds.

    On CUDA a step is a run of systems that are launched together, and its time that of launching them. `exact = True`
    has the next ticks wait for the device after each system: then every system has a row and its time on the device.
    `note` says which it is. On the host all times are exact.
    """

    def __init__(self, names: Sequence[str], exact: bool = False) -> None:
        self.exact = exact
        self.restart(names)

    def restart(self, names: Sequence[str], note: str = "") -> None:
        """Forget all times and have other steps."""
        self.names = tuple(names)
        self.note = note
        self.reset()

    def reset(self) -> None:
        """Forget all times, such as those of the first ticks, which compile."""
        self._ring = np.zeros((len(self.names), WINDOW), np.int64)
        self._total = [0] * len(self.names)
        self._most = [0] * len(self.names)
        self._count = [0] * len(self.names)

    def record(self, step: int, nanoseconds: int) -> None:
        """Add one time of step number `step`."""
        count = self._count[step]
        self._ring[step, count % WINDOW] = nanoseconds
        self._count[step] = count + 1
        self._total[step] += nanoseconds
        if nanoseconds > self._most[step]:
            self._most[step] = nanoseconds

    def times(self, name: str) -> np.ndarray:
        """The last times of one step, in seconds, oldest first."""
        step = self.names.index(name)
        count = self._count[step]
        ring = self._ring[step]
        return (ring[:count] if count <= WINDOW else np.roll(ring, -(count % WINDOW))) * 1e-9

    def __getitem__(self, name: str) -> Timing:
        if name not in self.names:
            inside = [step for step in self.names if name in step.split(" + ")]
            hint = f": it runs inside {inside[0]!r}; profile.exact = True times it alone" if inside else ""
            raise KeyError(f"no system {name!r}{hint or '; there are ' + ', '.join(self.names)}")
        step, times = self.names.index(name), self.times(name)
        if not len(times):
            return Timing(0, 0.0, 0.0, 0.0, 0.0)
        p50, p99 = np.percentile(times, (50, 99))
        count = self._count[step]
        return Timing(count, float(p50), float(p99), self._most[step] * 1e-9, self._total[step] * 1e-9 / count)

    def __iter__(self):
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def items(self) -> list[tuple[str, Timing]]:
        """(name, times) of every step, in the schedule's order; "barrier" and "tick" come last."""
        return [(name, self[name]) for name in self.names]

    def __str__(self) -> str:
        shown = {name: _short(name) for name in self.names}
        wide = max(map(len, shown.values()), default=0)
        lines = [f"{'ms':<{wide}}  {'p50':>9} {'p99':>9} {'max':>9} {'mean':>9}"]
        for name, t in self.items():
            figures = " ".join(f"{1e3 * x:9.3f}" for x in (t.p50, t.p99, t.max, t.mean))
            lines.append(f"{shown[name]:<{wide}}  {figures}")
        return "\n".join([*lines, self.note] if self.note else lines)

    __repr__ = __str__


def _short(name: str) -> str:
    """The name of a step as a table shows it: of a long run the first and the last system, and how many they are."""
    steps = name.split(" + ")
    return name if len(name) <= 40 or len(steps) < 3 else f"{steps[0]} ... {steps[-1]} ({len(steps)} systems)"
