"""The ways to a goal over a map of cells: distances, first steps, and how agents look them up.

The distance of a cell is the cheapest way to the goal over the centres of its eight neighbours; a step of length l from
cell u to v costs l (factor u + factor v) / 2. Solid cells are not entered, and no corner of one is cut. (Dijkstra, "A
note on two problems in connexion with graphs", Numer. Math. 1, 1959.)
"""

from __future__ import annotations

import numpy as np

from swarm.stages.near import outside
from swarm.stages.raster import Lattice, cells_of
from swarm.stages.stage import Cost

STEPS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))  # (columns, rows), by angle
NOWHERE = 8  # the way of a goal's own cells, and of those from where there is none


def compass_of(cell: tuple[float, float]) -> np.ndarray:
    """Unit vectors float32 [9, 2] of the steps between the centres of cells of this size, m; the last is 0."""
    steps = np.array(STEPS, np.float64) * cell
    return np.concatenate([steps / np.hypot(*steps.T)[:, None], np.zeros((1, 2))]).astype(np.float32)


def lengths_of(cell: tuple[float, float]) -> np.ndarray:
    """How long the steps are, float32 [8] m, between the centres of cells of this size, m."""
    return np.hypot(*(np.array(STEPS, np.float64) * cell).T).astype(np.float32)


# --- kernels: the reference; ways_cpu.py has the twin -----------------------------------------------------------------


def cost(n: int) -> Cost:
    """Position, goal and order read, three senses written, one line of each map."""
    return Cost(n * (8 + 4 + 4 + 12 + 128), n * 6)


def integrate(
    factor: np.ndarray, sources: np.ndarray, lengths: np.ndarray, closed: bool, distance: np.ndarray, way: np.ndarray
) -> None:
    """Fill distance float32 and way uint8 [W, rows, columns]: the cheapest ways to the cells `sources`, int64 flat.

    factor float32 [W, rows, columns], infinite where solid; lengths float32 [8] m, of `STEPS`. Of ways that cost the
    same the first step in the order of `STEPS` is taken. Distances are the least over all ways of sums in float32,
    added up from the goal on: rounding keeps the order of sums, so there is one answer in whatever order cells are
    visited. Here all cells are relaxed at once until nothing changes.
    """
    far = np.float32(np.inf)
    prices = []
    for k, (right, up) in enumerate(STEPS):
        price = lengths[k] * (np.float32(0.5) * (factor + _shift(factor, right, up, closed)))
        for a, b in ((right, 0), (0, up)) if right and up else ():
            price = np.where(_shift(factor, a, b, closed) < far, price, far)
        prices.append(price)
    distance[...], way[...] = far, NOWHERE
    distance.reshape(-1)[sources] = 0
    while True:
        totals = np.stack([_shift(distance, *step, closed) + price for step, price in zip(STEPS, prices, strict=True)])
        best = np.minimum(totals.min(axis=0), distance)
        if np.array_equal(best, distance):
            break
        distance[...] = best
    there = (distance < far) & (distance > 0)
    way[there] = totals.argmin(axis=0)[there]


def follow(
    distance: np.ndarray, way: np.ndarray, goals: int, plane: np.ndarray, pos: np.ndarray, goal: np.ndarray,
    lattice: Lattice, compass: np.ndarray, scale: np.float32, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + 3] float32 [N, W] with direction and closeness; returns a bad row or -1.

    distance, way: `flow.Maps` of so many `goals`, flat; plane int32 [N] or empty; pos float32 [N, 2] m; goal int32 [N],
    negative for none; compass float32 [9, 2]. A row is bad if it is outside or its goal is `goals` or more.
    """
    bad = outside(pos, lattice.width, lattice.height)
    wrong = np.flatnonzero(goal >= goals)
    if bad >= 0 or len(wrong):
        return min(k for k in (bad, *wrong[:1].tolist()) if k >= 0)
    cell, none = cell_of(pos, goal, plane, len(way) // goals, lattice), goal < 0
    out[:, at : at + 2] = compass[np.where(none, NOWHERE, way[cell])]
    close = np.float32(1) / (np.float32(1) + distance[cell] / scale)
    out[:, at + 2] = np.where(none, np.float32(0), close)
    return -1


def cell_of(pos: np.ndarray, goal: np.ndarray, plane: np.ndarray, area: int, lattice: Lattice) -> np.ndarray:
    """The place int64 [N] in flat maps of all goals, `area` numbers each; arrays as for `follow`."""
    column, row = cells_of(pos, lattice)
    cell = row * np.int64(lattice.columns) + column + np.maximum(goal, 0).astype(np.int64) * area
    return cell + plane.astype(np.int64) * (lattice.rows * lattice.columns) if plane.size else cell


def _shift(array: np.ndarray, right: int, up: int, closed: bool) -> np.ndarray:
    """What the neighbour (right, up) of every cell of [W, rows, columns] holds; infinity beyond a closed edge."""
    moved = np.roll(array, (-up, -right), (1, 2))
    if closed:
        if up:
            moved[:, -1 if up > 0 else 0] = np.inf
        if right:
            moved[:, :, -1 if right > 0 else 0] = np.inf
    return moved
