"""Sums of what others carry, by direction: the kernel behind Sectors(reduce="sum") and Heard. The NumPy reference.

The others are added in one order on every backend: cells row by row from below, left to right, from the one before the
seeker's to the one behind it; within a cell by id. So sums have the same bits whatever the order of rows.
"""

from __future__ import annotations

import numpy as np

from swarm.stages.directions import placed
from swarm.stages.grid import Packed
from swarm.stages.near import outside, pairs
from swarm.stages.stage import Cost


def cost(n: int, width: int, per_cell: float) -> Cost:
    """Own position and order read, sums written, nine cells of candidates (12 bytes each) read once per seeker's cell;
    some ten flops a candidate and, for the third of them that is near, its values."""
    candidates = 9 * per_cell
    return Cost(
        int(n * (12 + 4 * width) + n * candidates * (12 + 4 * width / 3)), int(n * candidates * (10 + width / 3))
    )


def sums(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, radius: np.float32,
    edges: np.ndarray, frame: np.ndarray, flag: np.ndarray, values: np.ndarray, mean: bool, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + n V] float32 [N, W]: V sums for each of n sectors; returns a row outside the world, or -1.

    Arguments as for `sectors.sectors`. values float32 [entries, V] read. mean: divide by how many are in the sector.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    n, V = len(edges), values.shape[1]
    total, found = np.zeros((len(pos) * n, V), np.float32), np.zeros(len(pos) * n, np.float32)
    for pair in pairs(grid, pos, first, float(radius), world):
        place, keep = placed(grid, pair, frame, flag, edges)
        np.add.at(total, place, values[grid.entry[pair.p][keep]])
        np.add.at(found, place, np.float32(1))
    if mean:
        total /= np.maximum(found, np.float32(1))[:, None]
    out[:, at : at + n * V] = total.reshape(len(pos), -1)
    return -1
