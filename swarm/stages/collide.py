"""collide: discs that overlap push each other apart, and nothing ends inside an obstacle. Two parts, in this order:

Agents. All pushes of a round are computed from the positions before it (Jacobi), half of the overlap each, and a
contact counts 1 / k where the busier of its two discs has k contacts: two alone part exactly, a crowd neither jitters
nor explodes. Velocities change by the impulse of equal masses along the line of centres; weighed like this, the sum of
all impulses never adds energy: the pushes are a sum of projections P, weighed so that 0 <= P <= 1, and v - 2 P v is not
longer than v. Pushes are summed as whole 2^-24 m (m/s), so the order of a sum does not matter, and what one disc gets
the other loses exactly.

Obstacles (obstacles.py). Each agent for itself: out of the deepest of circles, segments and solid tiles, several times.

Source of the averaging: Macklin, Mueller, Chentanez and Kim, "Unified Particle Physics for Real-Time Applications",
ACM TOG 33(4), 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Collision
from swarm.errors import SettingsError
from swarm.stages.contest import named
from swarm.stages.grid import Grid, Packed
from swarm.stages.mirror import HostStage, Mirror, grid_of, kernels_of
from swarm.stages.move import wrap
from swarm.stages.near import shortest, stray
from swarm.stages.obstacles import Obstacles, Radius
from swarm.stages.stage import Cost, bad_value, need_column, positive

EDGES = ("torus", "wall")
STEPS = 2.0**24  # of a metre, in which pushes are counted


def collide(
    pos: Column,
    radius: Column | float,
    vel: Column | None = None,
    circles: tuple[Column, Column | float] | None = None,
    segments: tuple[Column, Column] | None = None,
    tiles: Any = None,
    bounce: float = 0.0,
    rounds: int = 1,
    agents: bool = True,
    widest: float | None = None,
    fastest: float = 0.0,
    edge: str = "torus",
) -> Collide:
    """The stage that pushes discs around pos, float32 [N, 2] m, apart and out of obstacles. Put it behind `move`.

    radius: m, a number or a float32 column. vel: float32 [N, 2] m/s; what runs into something loses that part of its
    velocity, or gets it back: bounce, 0 to 1, is the coefficient of restitution. Without vel only positions change.
    circles: (position, radius) of discs that stand still, of any tables. segments: (a, b), the ends of walls. tiles: a
    `swarm.Tiles`, whose solid tiles nobody enters. rounds: of pushing; more for crowds. agents: whether agents push
    each other. widest: the largest radius where a radius is a column. edge: "wall" keeps pushes inside the world, and
    agents do not touch over the seam.

    Nobody passes through a segment or a tile who moves less than its radius in a tick; with `fastest`, m/s, and vel,
    nobody who is not faster than that. The busier of two discs that touch decides how far they part in one round; two
    alone part exactly. Contacts are looked for where everybody is at first. Needs `index(pos)` behind `move` where
    agents push each other, and `index` of the circles. Emits `swarm.Collision`: of two agents the lower id first, with
    circles and segments their id, with tiles 0; amount is the overlap, m.

    Raises `SettingsError`, `SchemaError`; `ScheduleError` without an index, `NonFiniteError` for an agent outside the
    world or with a radius that is none.
    """
    return Collide(pos, radius, vel, circles, segments, tiles, bounce, rounds, agents, widest, fastest, edge)


class Collide(HostStage):
    """See `collide`."""

    def __init__(
        self, pos: Column, radius: Column | float, vel: Column | None, circles: Any, segments: Any, tiles: Any,
        bounce: float, rounds: int, agents: bool, widest: float | None, fastest: float, edge: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pos = need_column(pos, (2,), np.float32, "collide")
        self.vel = vel if vel is None else need_column(vel, (2,), np.float32, "collide")
        self.radius = Radius(radius, widest, "radius")
        self.bounce = 0.0 if bounce == 0 else positive(bounce, "bounce", "collide")
        if self.bounce > 1:
            raise SettingsError(f"collide: bounce is {bounce!r}; more than 1 would make energy. Use 0 to 1.")
        if not isinstance(rounds, (int, np.integer)) or isinstance(rounds, bool) or rounds < 1:
            raise SettingsError(f"collide: rounds is {rounds!r}, must be a whole number, 1 or more.")
        if edge not in EDGES:
            raise SettingsError(f"collide: edge is {edge!r}. Choose one of {', '.join(EDGES)}.")
        self.rounds, self.agents, self.edge = int(rounds), bool(agents), edge
        self.fastest = 0.0 if fastest == 0 else positive(fastest, "fastest", "collide")
        if self.fastest and vel is None:
            raise SettingsError("collide: with fastest, where an agent came from must be known. Give vel=Body.vel.")
        self.obstacles = Obstacles(circles, segments, tiles, widest)
        if not self.agents and not self.obstacles.any:
            raise SettingsError("collide: agents=False and no obstacles: nothing to run into. Give circles=... or so.")
        self.name = f"collide {pos.key}"
        own = (pos, *self.radius.reads, *((vel,) if vel is not None else ()))
        self.reads = (*own, *((("index", pos),) if self.agents else ()), *self.obstacles.reads)
        self.writes = (pos,) if vel is None else (pos, vel)
        self.needs = {pos: 2 * self.radius.widest} if self.agents else {}
        for column, reach in self.obstacles.needs(self.radius.widest).items():
            self.needs[column] = max(reach, self.needs.get(column, 0.0))

    def __call__(self, world: Any, dt: float) -> None:
        ours = Mirror(world)
        tables = [t for t in self.tables(world) if t.n]
        radii = {table: self.radius.of(world, self, ours, table) for table in tables}
        grid = None
        if self.agents:
            grid = grid_of(world, self.pos, self.needs[self.pos], "collide")
        for k in range(self.rounds):
            if grid is not None and grid.n:
                self.part(world, ours, grid, radii, told=k > 0 or not world.wants(Collision))
            if self.obstacles.any:
                for table in tables:
                    self.obstacles.clear(world, self, ours, table, radii[table], dt, told=k > 0)
        ours.close()

    def tables(self, world: Any) -> list[Any]:
        """The tables whose entities collide."""
        return world.tables_with(self.pos, *self.radius.reads, *(() if self.vel is None else (self.vel,)))

    def part(self, world: Any, ours: Mirror, grid: Grid, radii: dict[Any, np.ndarray], told: bool) -> None:
        """One round of agents against each other."""
        kernels, scratch, n = kernels_of(world, "swarm.stages.collide"), self.scratch(world), grid.n
        packed, entry = grid.packed(), grid.entry[:n]
        x, y, r, vx, vy = (scratch.array(name, n, np.float32) for name in ("x", "y", "r", "vx", "vy"))
        slot = scratch.array("slot", n, np.uint32)

        def pack(of: np.ndarray, to: np.ndarray) -> None:
            np.take(of, entry, out=to[:n], mode="clip")

        where = ours.joined(grid.tables, self.pos)
        pack(where[:, 0], x)
        pack(where[:, 1], y)
        pack(_each([radii.get(t, np.full(t.n, np.nan, np.float32)) for t in grid.tables]), r)
        vx[:n], vy[:n] = 0, 0
        if self.vel is not None:
            still = [ours.read(t, self.vel) if t.has(self.vel) else np.zeros((t.n, 2), np.float32) for t in grid.tables]
            vel = _each(still)
            pack(vel[:, 0], vx)
            pack(vel[:, 1], vy)
        pack(ours.joined(grid.tables, "slots"), slot)
        contacts = scratch.array("contacts", n, np.int32)
        walled = self.edge == "wall"
        kernels.touch(packed, n, x, y, r, walled, contacts)
        if not told:
            self.tell(world, ours, grid, x, y, r, slot)
        if not contacts[:n].any():
            return
        out = scratch.array("out", 4 * n, np.int64)[: 4 * n].reshape(n, 4)
        kernels.push(packed, n, x, y, r, vx, vy, slot, walled, np.float64(self.bounce), contacts, out)
        moved = np.flatnonzero(contacts[:n])
        change = out[moved] / STEPS
        at = [self.kept((w[moved] + change[:, k]).astype(np.float32), world.size[k]) for k, w in enumerate((x, y))]
        speed = [(v[moved] + change[:, 2 + k]).astype(np.float32) for k, v in enumerate((vx, vy))]
        for base, table in zip(grid.base, grid.tables):
            mine = (entry[moved] >= base) & (entry[moved] < base + table.n)
            rows = entry[moved][mine] - base
            if len(rows):
                ours.write(table, self.pos)[rows] = np.stack(at, axis=1)[mine]
                if self.vel is not None:
                    ours.write(table, self.vel)[rows] = np.stack(speed, axis=1)[mine]

    def kept(self, x: np.ndarray, side: float) -> np.ndarray:
        """One coordinate inside the world again."""
        last = np.nextafter(np.float32(side), np.float32(0))
        return np.clip(x, np.float32(0), last) if self.edge == "wall" else wrap(x, np.float32(side))

    def tell(self, world: Any, ours: Mirror, grid: Grid, x: Any, y: Any, r: Any, slot: Any) -> None:
        """Emit who touches whom, the lower id first."""
        for i, j, _, _, d2 in touching(grid.packed(), grid.n, x, y, r, self.edge == "wall"):
            mine = slot[i] < slot[j]
            i, j, d2 = i[mine], j[mine], d2[mine]
            ids = [named(ours, grid.tables, grid.entry[p]) for p in (i, j)]
            world.emit(Collision, *ids, (r[i] + r[j] - np.sqrt(d2)).astype(np.float32))

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the agent in `row`: its radius if that is none, else its position."""
        if self.radius.column is not None and self.radius.wrong(Mirror(world).read(table, self.radius.column)[row]):
            raise bad_value(world, self, table, row, self.radius.column, self.radius.remedy)
        raise stray(world, self, table, row, self.pos, "Keep it inside the world; swarm.move wraps it.")

    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("bounce", "rounds", "agents", "fastest", "edge")}
        return {**super().describe(), "radius": self.radius.key, **own, **self.obstacles.describe()}

    def cost(self, world: Any) -> Cost:
        n, grid = sum(t.n for t in self.tables(world)), world.indices.get(self.pos) if self.agents else None
        return cost(n * self.rounds, grid.n / grid.cells if grid is not None and grid.n else 0.0)


def _each(parts: list[np.ndarray]) -> np.ndarray:
    """Arrays of tables by entry: the one there is, or a copy."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


# --- kernels: the reference; collide_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, per_cell: float) -> Cost:
    """Two passes over nine cells of candidates (12 bytes each), own place, radius, velocity and push."""
    return Cost(int(n * (2 * 9 * per_cell * 12 + 60)), int(n * 2 * 9 * per_cell * 10))


def touching(
    grid: Packed, n: int, x: np.ndarray, y: np.ndarray, r: np.ndarray, walled: bool
) -> Iterator[tuple[np.ndarray, ...]]:
    """Contacts, each from both sides: places i, j int64 [K] in the grid, the way from i to j float32 [K] m, its square.

    x, y, r float32 [n] m, in the order of the grid, whose cells say who may touch whom; NaN touches nobody. walled: not
    over the seam.
    """
    cells = grid.rows * grid.columns
    of = np.repeat(np.arange(cells * grid.worlds), np.diff(grid.start[: cells * grid.worlds + 1]))
    column, row, first = of % grid.columns, of % cells // grid.columns, of - of % cells
    steps = [range(-1, 2) if count >= 3 else range(count) for count in (grid.rows, grid.columns)]
    for down in steps[0]:
        for right in steps[1]:
            cell = first + (row + down) % grid.rows * grid.columns + (column + right) % grid.columns
            low, high = grid.start[cell].astype(np.int64), grid.start[cell + 1].astype(np.int64)
            i = np.repeat(np.arange(n), high - low)
            j = np.arange(len(i)) + np.repeat(high - np.cumsum(high - low), high - low)
            dx, dy = x[j] - x[i], y[j] - y[i]
            keep = i != j
            if walled:
                keep &= (np.abs(dx) <= grid.width * np.float32(0.5)) & (np.abs(dy) <= grid.height * np.float32(0.5))
            dx, dy = shortest(dx, grid.width), shortest(dy, grid.height)
            d2, both = dx * dx + dy * dy, r[i] + r[j]
            keep &= d2 < both * both
            yield i[keep], j[keep], dx[keep], dy[keep], d2[keep]


def touch(
    grid: Packed, n: int, x: np.ndarray, y: np.ndarray, r: np.ndarray, walled: bool, contacts: np.ndarray
) -> None:
    """Fill contacts int32 [n]: how many others each disc overlaps. Arrays as for `touching`."""
    contacts[:n] = 0
    for i, *_ in touching(grid, n, x, y, r, walled):
        contacts[:n] += np.bincount(i, minlength=n).astype(np.int32)


def push(
    grid: Packed, n: int, x: np.ndarray, y: np.ndarray, r: np.ndarray, vx: np.ndarray, vy: np.ndarray, slot: np.ndarray,
    walled: bool, bounce: np.float64, contacts: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Fill out int64 [n, 4]: the changes of x, y (2^-24 m) and of vx, vy (2^-24 m/s).

    vx, vy float32 [n] m/s; slot uint32 [n]: of two at the same place the lower one goes to -x; contacts of `touch`.
    """
    out[:] = 0
    for i, j, dx, dy, d2 in touching(grid, n, x, y, r, walled):
        d = np.sqrt(d2.astype(np.float64))
        apart = d > 0
        safe = np.where(apart, d, 1.0)
        nx = np.where(apart, dx / safe, np.where(slot[i] < slot[j], 1.0, -1.0))
        ny = np.where(apart, dy / safe, 0.0)
        share = 1.0 / np.maximum(contacts[i], contacts[j])
        way = ((r[i] + r[j]).astype(np.float64) - d) * 0.5 * share
        closing = (vx[i].astype(np.float64) - vx[j]) * nx + (vy[i].astype(np.float64) - vy[j]) * ny
        kick = np.where(closing > 0, closing, 0.0) * (0.5 * (1.0 + bounce)) * share
        for k, change in enumerate((-way * nx, -way * ny, -kick * nx, -kick * ny)):
            np.add.at(out[:, k], i, np.rint(change * STEPS).astype(np.int64))
