"""Which moment to give up when the budget is full: the older, the sparser, so that the reach goes on growing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from swarm.moments.moment import Moment
from swarm.moments.timeline import Branch


def victim(branches: Iterable[Branch]) -> Moment | None:
    """The moment to drop; None where all are kept by name.

    The one goes whose absence leaves the smallest gap in proportion to its age, which spaces them by powers. Edges, to
    which no running on leads, stay until nothing else is left; then the oldest goes, so that what can be reached has no
    hole.
    """
    branches = [branch for branch in branches if branch.moments]
    newest = max((branch.moments[-1].tick for branch in branches), default=0)
    best: tuple[float, int] | None = None
    found: Moment | None = None
    edges: list[Moment] = []
    for branch in branches:
        ticks = np.array([branch.fork, *(m.tick for m in branch.moments), branch.head], np.float64)
        score = (ticks[2:] - ticks[:-2]) / np.maximum(newest - ticks[:-2], 1)
        free = np.array([not m.names and not m.edge for m in branch.moments])
        edges += [m for m in branch.moments if m.edge and not m.names]
        if free.any():
            k = int(np.argmin(np.where(free, score, np.inf)))
            key = float(score[k]), branch.moments[k].tick
            if best is None or key < best:
                best, found = key, branch.moments[k]
    return found if found is not None else min(edges, key=lambda m: (m.tick, m.made), default=None)
