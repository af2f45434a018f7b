"""Brains in waves: which of a population train together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from swarm.brain.brains import Brains


@dataclass(frozen=True)
class Wave:
    """members [n] int64: places in the whole population, group by group. runs: for each group that has some of them
    (its number, start, stop) of their rows, which are consecutive, so that they train where they are."""

    members: np.ndarray
    runs: tuple[tuple[int, int, int], ...]


def waves(brains: Brains, most: int | None) -> list[Wave]:
    """The brains, group after group, `most` at a time (None: all at once)."""
    ends = np.cumsum([0, *map(len, brains.groups)]).tolist()
    order = np.concatenate([group.positions for group in brains.groups])
    step, found = most or len(order), []
    for start in range(0, len(order), step):
        stop = min(start + step, len(order))
        runs = tuple(
            (g, max(start, a) - a, min(stop, b) - a)
            for g, (a, b) in enumerate(pairwise(ends))
            if max(start, a) < min(stop, b)
        )
        found.append(Wave(order[start:stop], runs))
    return found
