"""flock: steer by the neighbours. Separation, alignment and cohesion after Reynolds.

Source: C. W. Reynolds, "Flocks, herds and schools: a distributed behavioral model", SIGGRAPH 1987. The three urges are
sums over all neighbours within a radius, so one pass feeds them all: SUMS below, seven numbers an agent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.grid import Grid, Packed, find
from swarm.stages.near import outside, pairs, stray
from swarm.stages.sense import row_order
from swarm.stages.stage import Cost, Stage, need_column, positive

SUMS = ("count", "vel x", "vel y", "offset x", "offset y", "push x", "push y")
_NEAREST = 2.0**-20  # of the radius squared: nearer than a thousandth of the radius pushes no harder


def flock(
    pos: Column, vel: Column, radius: float, cohesion: float = 1.0, alignment: float = 1.0, separation: float = 1.0
) -> Flock:
    """The stage that accelerates entities with `pos` and `vel` (float32 [N, 2]; m, m/s) by their neighbours' places.

    Neighbours are others within `radius` m. cohesion (1/s2) pulls towards their mean position, alignment (1/s) towards
    their mean velocity, separation (m2/s2) away from each with 1 / distance. Everybody sees the others as they were
    before this stage. Needs `index(pos)` ahead of it; let `move` with a limit follow. Raises `ScheduleError`.
    """
    return Flock(pos, vel, radius, cohesion, alignment, separation)


class Flock(Stage):
    """See `flock`."""

    def __init__(
        self, pos: Column, vel: Column, radius: float, cohesion: float, alignment: float, separation: float
    ) -> None:
        super().__init__()
        self.pos, self.vel = need_column(pos, (2,), np.float32, "flock"), need_column(vel, (2,), np.float32, "flock")
        self.radius = positive(radius, "radius", "flock")
        self.weights = np.array([cohesion, alignment, separation], np.float32)
        if not np.isfinite(self.weights).all():
            raise SettingsError(f"flock: cohesion, alignment, separation are {self.weights.tolist()}, must be finite.")
        self.name = f"flock {pos.key}"
        self.reads = (pos, vel, ("index", pos))
        self.writes = (vel,)
        self.needs = {pos: self.radius}

    def __call__(self, world: Any, dt: float) -> None:
        if world.backend.device is not None:
            world.backend.twin("swarm.stages.flock").run(self, world, dt)
            return
        kernels = world.backend.twin("swarm.stages.flock")
        grid = find(world, self.pos, self.radius, "flock")
        whole = self.sums(world, grid)
        for base, table in zip(grid.base, grid.tables, strict=True):
            if table.n and table.has(self.vel):
                kernels.steer(whole[base : base + table.n], self.weights, np.float32(dt), table.column(self.vel))

    def sums(self, world: Any, grid: Grid) -> Any:
        """The neighbour sums float32 [entries, 7] of this tick; rows of entities without `vel` hold nothing."""
        if world.backend.device is not None:
            return world.backend.twin("swarm.stages.flock").sums(self, world, grid)
        kernels, scratch = world.backend.twin("swarm.stages.flock"), self.scratch(world)
        total = sum(table.n for table in grid.tables)
        out = scratch.array("sums", total * 7, np.float32)[: total * 7].reshape(total, 7)
        vel = scratch.array("vel", total * 2, np.float32)[: total * 2].reshape(total, 2)
        packed = scratch.array("vx", total, np.float32), scratch.array("vy", total, np.float32)
        for base, table in zip(grid.base, grid.tables, strict=True):
            vel[base : base + table.n] = table.column(self.vel) if table.has(self.vel) else 0
        for base, table in zip(grid.base, grid.tables, strict=True):
            rows = slice(base, base + table.n)
            pos = table.column(self.pos)
            visit, offset = (grid.entry, base) if grid.complete else (row_order(scratch, table.n), 0)
            who = pos, table.worlds, base, visit, offset
            bad = kernels.neighbour_sums(grid.packed(), grid.n, *who, vel, np.float32(self.radius), *packed, out[rows])
            if bad >= 0:
                self.accuse(world, table, bad)
        return out

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the entity in `row`."""
        raise stray(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def describe(self) -> dict[str, Any]:
        weights = dict(zip(("cohesion", "alignment", "separation"), self.weights.tolist(), strict=True))
        return {**super().describe(), "radius": self.radius, **weights}

    def cost(self, world: Any) -> Cost:
        grid = world.indices.get(self.pos)
        return cost(grid.n, grid.n / grid.cells) if grid is not None else Cost(0, 0)


# --- kernels: the reference; flock_cpu.py has the twin ----------------------------------------------------------------


def cost(n: int, per_cell: float) -> Cost:
    """Velocities packed (8 read, 8 written), own position and sums, nine cells of candidates (20 bytes each) once per
    cell; eighteen flops a candidate."""
    return Cost(int(n * (16 + 12 + 28) + 9 * 20 * n), int(n * 9 * per_cell * 18))


def neighbour_sums(
    grid: Packed, n: int, pos: np.ndarray, world: np.ndarray, first: int, visit: np.ndarray, base: int, vel: np.ndarray,
    radius: np.float32, vx: np.ndarray, vy: np.ndarray, out: np.ndarray,
) -> int:  # fmt: skip
    """Fill out float32 [N, 7] with `SUMS` over the neighbours of pos float32 [N, 2] m; returns a bad row or -1.

    grid: the index of this position column, n its members; world, first, visit, base as for `sectors`; vel float32
    [entries, 2] m/s read by entry; vx, vy float32 [n] are work space. offset is the way to the neighbour, push
    -offset / max(distance2, tiny).
    """
    bad = outside(pos, grid.width, grid.height)
    if bad >= 0:
        return bad
    nearest = radius * radius * np.float32(_NEAREST)
    out[:] = 0
    for pair in pairs(grid, pos, first, float(radius), world):
        other = vel[grid.entry[pair.p]]
        weight = np.float32(1) / np.maximum(pair.d2, nearest)
        ones = np.ones(len(pair.i), np.float32)
        parts = (ones, other[:, 0], other[:, 1], pair.dx, pair.dy, -pair.dx * weight, -pair.dy * weight)
        for k, part in enumerate(parts):
            np.add.at(out[:, k], pair.i, part)
    return -1


def steer(sums: np.ndarray, weights: np.ndarray, dt: np.float32, vel: np.ndarray) -> None:
    """vel float32 [N, 2] += dt * (cohesion * mean offset + alignment * (mean velocity - vel) + separation * push).

    sums float32 [N, 7]; weights float32 [3]. Nobody around: nothing changes.
    """
    share = np.float32(1) / np.maximum(sums[:, :1], np.float32(1))
    alone = sums[:, 0] == 0
    urge = weights[0] * (sums[:, 3:5] * share) + weights[1] * (sums[:, 1:3] * share - vel) + weights[2] * sums[:, 5:7]
    urge[alone] = 0
    vel += dt * urge
