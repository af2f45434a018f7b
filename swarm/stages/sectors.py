"""Sectors: what other entities are around, by direction. A sense, its contract and the NumPy reference.

Sector k covers the angles [2 pi k / n, 2 pi (k + 1) / n) in the world frame, counter-clockwise from +x. Which side of a
boundary an entity is on is decided by the sign of one cross product, so that no angle is ever computed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.grid import Packed, check_radius, find
from swarm.stages.near import outside, pairs
from swarm.stages.stage import Cost, need_column, positive

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

REDUCE = ("closeness", "count")


class Sectors:
    """`n` numbers about the entities with position column `of` within `radius` metres, one per direction.

    reduce: "closeness" is the largest 1 - distance / radius in the sector, 0 if nobody is there; "count" how many are.
    An entity at the very same place counts as straight ahead, sector 0; nobody senses itself.
    Raises `SettingsError` and `SchemaError`.
    """

    def __init__(self, n: int, radius: float, of: Column, reduce: str = "closeness") -> None:
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise SettingsError(f"Sectors: n is {n!r}, must be a whole number of sectors, 1 or more.")
        if reduce not in REDUCE:
            raise SettingsError(f"Sectors: reduce is {reduce!r}. Choose one of {', '.join(REDUCE)}.")
        self.n, self.reduce = int(n), reduce
        self.radius = positive(radius, "radius", "Sectors")
        self.of = need_column(of, (2,), np.float32, "Sectors")
        self.edges = edges(self.n)

    @property
    def width(self) -> int:
        """How many senses this makes."""
        return self.n

    @property
    def reads(self) -> tuple[Any, ...]:
        """What the schedule must have made before."""
        return (("index", self.of),)

    @property
    def needs(self) -> dict[Column, float]:
        """How far this looks, m."""
        return {self.of: self.radius}

    def labels(self, name: str) -> list[str]:
        """One label per sense: "food 0..45 deg"."""
        angles = [f"{360 * k / self.n:g}" for k in range(self.n + 1)]
        return [f"{name} {a}..{b} deg" for a, b in pairwise(angles)]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, what is sensed, geometry."""
        return {"sense": "sectors", "of": self.of.key, "n": self.n, "radius": self.radius, "reduce": self.reduce}

    def fill(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """Write columns at .. at + n of `out` [N, W]; returns a row whose position is not inside the world, or -1."""
        check_radius(self.radius, world.size, "Sectors")
        grid = find(world, self.of, self.radius, "sense")
        first = grid.base[grid.tables.index(seeker.table)] if self.of is seeker.column else -1
        kernels = world.backend.twin("swarm.stages.sectors")
        radius, counting = np.float32(self.radius), self.reduce == "count"
        who = seeker.pos, seeker.world, first, seeker.visit, seeker.base
        return kernels.sectors(grid.packed(), *who, radius, self.edges, counting, out, at)

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` seekers."""
        grid = world.indices.get(self.of)
        return cost(n, self.n, grid.n / grid.cells if grid is not None and grid.n else 1.0)


def edges(n: int) -> np.ndarray:
    """Boundary directions float32 [n, 2], longest component 1: multiples of 45 degrees are exact, opposites too."""
    angle = 2 * np.pi * np.arange(n) / n
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    way[np.abs(way) < 1e-9] = 0
    way /= np.abs(way).max(axis=1, keepdims=True)
    way[np.abs(np.abs(way) - 1) < 1e-9] = np.sign(way[np.abs(np.abs(way) - 1) < 1e-9])
    if n % 2 == 0:
        way[n // 2 :] = -way[: n // 2]
    return way.astype(np.float32)


# --- kernels: the reference; sectors_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, sectors: int, per_cell: float) -> Cost:
    """Own position and order read, senses written, nine cells of candidates (12 bytes each) read once per seeker's
    cell; some thirty flops and comparisons a candidate."""
    candidates = 9 * per_cell
    return Cost(int(n * (8 + 4 + 4 * sectors) + n * candidates * 12), int(n * candidates * 30))


def sector_of(dx: np.ndarray, dy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The sector int64 [K] of differences float32 [K] m: boundaries passed since +x or, for those below, since -x."""
    n, half = len(edges), (len(edges) + 1) // 2
    above = (dy > 0) | ((dy == 0) & (dx >= 0))
    passed = [edges[j, 0] * dy - edges[j, 1] * dx >= 0 for j in range(1, n)]
    up = sum((passed[j - 1] for j in range(1, half)), np.zeros(len(dx), np.int64))
    down = sum((passed[j - 1] for j in range(half, n)), np.full(len(dx), half - 1))
    return np.where((dx == 0) & (dy == 0), 0, np.where(above, up, down))


def sectors(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, radius: np.float32,
    edges: np.ndarray, counting: bool, out: np.ndarray, at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + n] float32 [N, W]; returns the first row that is not inside the world, or -1.

    pos float32 [N, 2] m read; world int32 [N] or empty, as for `near.pairs`; first: entry number of row 0 if `pos` is
    the grid's own column, else -1; visit int32, the order in which rows are handled: entries, row = entry - base,
    others skipped; edges float32 [n, 2] read.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    n = len(edges)
    found = np.zeros(len(pos) * n, np.int64)
    nearest = np.full(len(pos) * n, np.inf, np.float32)
    for pair in pairs(grid, pos, first, float(radius), world):
        place = pair.i * n + sector_of(pair.dx, pair.dy, edges)
        np.add.at(found, place, 1)
        np.minimum.at(nearest, place, pair.d2)
    close = np.where(found > 0, np.float32(1) - np.sqrt(np.where(found > 0, nearest, 0)) / radius, np.float32(0))
    out[:, at : at + n] = (found if counting else close).reshape(-1, n)
    return -1
