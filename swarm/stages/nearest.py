"""Nearest: the few others that are closest, one by one. A sense, its contract and the NumPy reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column
from swarm.stages.around import (
    OfOthers,
    around,
    at_least_one,
    by_entry,
    flags,
    labels_of,
    need_flag,
    need_values,
    values,
    width_of,
)
from swarm.stages.frame import forward, need_heading
from swarm.stages.grid import Packed
from swarm.stages.near import outside, pairs
from swarm.stages.stage import Cost, need_column, positive

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker

LEAD = 4  # numbers about each one found, ahead of its values


class Nearest(OfOthers):
    """The `k` others with position column `of` that are nearest within `radius` metres, nearest first.

    About each: present (1), the way to it as dx / radius and dy / radius, its closeness 1 - distance / radius, and the
    values of `columns` of the one found. **Where fewer than k are there, all numbers of the absent ones are 0**,
    present too. Of two at the same distance the one with the lower id comes first; nobody senses itself.

    columns: columns of the others, or (column, scale) to have them scaled; any dtype and row shape, 0 where the one
    found lacks the column. heading: the seeker's own column, f32 (an angle, rad) or f32(2) (a direction); then dx
    points straight ahead and dy to the left, else they are the world's x and y. where: a bool column of the others;
    only those that have it set are found. Raises `SettingsError` and `SchemaError`.
    """

    def __init__(
        self,
        k: int,
        radius: float,
        of: Column,
        columns: Any = (),
        heading: Column | None = None,
        where: Column | None = None,
    ) -> None:
        self.k = at_least_one(k, "k", "Nearest")
        self.radius = positive(radius, "radius", "Nearest")
        self.of = need_column(of, (2,), np.float32, "Nearest")
        self.columns = need_values(columns, "Nearest")
        self.heading, self.where = need_heading(heading, "Nearest"), need_flag(where, "Nearest")
        self.each = LEAD + width_of(self.columns)
        self.width = self.k * self.each
        also = (*(column for column, _ in self.columns), self.heading, self.where)
        self.reads = (("index", self.of), *(column for column in also if column is not None))
        self.needs = {self.of: self.radius}

    def labels(self, name: str) -> list[str]:
        """One label per sense: "foe 0 present (absent: all 0)", "foe 0 x", "foe 0 y", "foe 0 closeness", its values."""
        way = ("ahead", "left") if self.heading is not None else ("x", "y")
        about = ("present (absent: all 0)", *way, "closeness", *labels_of(self.columns))
        return [f"{name} {j} {what}" for j in range(self.k) for what in about]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, what is sensed, geometry, and in which order the numbers of each one found come."""
        return {
            "sense": "nearest", "of": self.of.key, "k": self.k, "radius": self.radius,
            "frame": "world" if self.heading is None else self.heading.key, "where": self.where and self.where.key,
            "each": ["present", "dx / radius", "dy / radius", "closeness", *labels_of(self.columns)],
        }  # fmt: skip

    def look(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """See `OfOthers.look`."""
        grid, about = around(world, seeker, self.of, self.radius, "Nearest")
        nobody = np.empty((0, 2), np.float32)
        frame = nobody if self.heading is None else forward(world, seeker.table, self.heading, "Nearest")
        others = by_entry(world, grid, "slots", np.uint32), flags(world, grid, self.where)
        carried = values(world, grid, self.columns, "Nearest") if self.columns else np.empty((0, 0), np.float32)
        kernels = world.backend.twin("swarm.stages.nearest")
        return kernels.nearest(*about, np.float32(self.radius), self.k, frame, *others, carried, False, out, at)

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` seekers."""
        grid = world.indices.get(self.of)
        return cost(n, self.k, self.each, grid.n / grid.cells if grid is not None and grid.n else 1.0)


# --- kernels: the reference; nearest_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, k: int, each: int, per_cell: float) -> Cost:
    """Own position and order read, senses written, nine cells of candidates (12 bytes each) read once per seeker's
    cell, values of those found; eight flops and a comparison a candidate."""
    candidates = 9 * per_cell
    return Cost(int(n * (12 + 4 * k * (each + each - LEAD) + candidates * 12)), int(n * (candidates * 9 + 10 * k)))


def nearest(
    grid: Packed, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, radius: np.float32,
    k: int, frame: np.ndarray, slots: np.ndarray, flag: np.ndarray, values: np.ndarray, bare: bool, out: np.ndarray,
    at: int,
) -> int:  # fmt: skip
    """Fill out[:, at : at + k (4 + V)] float32 [N, W]; returns the first row that is not inside the world, or -1.

    grid .. base: an `Around`. frame float32 [N, 2], unit vectors, or empty for the world's frame. By entry: slots
    uint32, flag bool or empty for all, values float32 [entries, V]. bare: write the values alone, k V numbers.
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    lead = 0 if bare else LEAD
    each = lead + values.shape[1]
    made = np.zeros((len(pos), k, each), np.float32)
    for pair in pairs(grid, pos, first, float(radius), world):
        entry = grid.entry[pair.p]
        if len(flag):
            entry, pair = entry[flag[entry]], type(pair)(*(part[flag[entry]] for part in pair))
        best = np.lexsort((slots[entry], pair.d2, pair.i))
        i, entry, d2 = pair.i[best], entry[best], pair.d2[best]
        dx, dy = pair.dx[best], pair.dy[best]
        rank = np.arange(len(i)) - np.searchsorted(i, i)  # how many of the same seeker are nearer
        keep = rank < k
        i, rank, entry, dx, dy, d2 = (part[keep] for part in (i, rank, entry, dx, dy, d2))
        if lead:
            if len(frame):
                c, s = frame[i].T
                dx, dy = dx * c + dy * s, dy * c - dx * s
            made[i, rank, 0] = 1
            made[i, rank, 1], made[i, rank, 2] = dx / radius, dy / radius
            made[i, rank, 3] = np.float32(1) - np.sqrt(d2) / radius
        if values.shape[1]:
            made[i, rank, lead:] = values[entry]
    out[:, at : at + k * each] = made.reshape(len(pos), -1)
    return -1
