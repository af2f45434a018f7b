"""What an MGRIT run did, counted exactly: gradient steps in all, and those that must wait for one another.

The unit is one step of one network, which costs the same on every level. A launch advances `lanes` networks side by
side, each `depth` steps in a row; with L lanes at hand it takes depth x ceil(lanes / L) steps of time. Everything else
(copies, differences, norms) is left out: it is a few additions per parameter.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Launches by (level, lanes, depth), and the seconds that each level took."""

    launches: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def launch(self, level: int, lanes: int, depth: int) -> Iterator[None]:
        """Count what happens inside as one launch, and time it."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[level] += time.perf_counter() - begin
            if lanes and depth:
                self.launches[level, int(lanes), int(depth)] += 1

    def work(self, level: int | None = None) -> int:
        """Steps of single networks on a level, or in all."""
        return sum(n * lanes * depth for (l, lanes, depth), n in self.launches.items() if level in (None, l))

    def path(self, lanes: int | None = None) -> int:
        """Steps one after another when `lanes` networks advance at a time; None: as many as there are."""
        return sum(
            n * depth * (1 if lanes is None else -(-wide // lanes)) for (_, wide, depth), n in self.launches.items()
        )
