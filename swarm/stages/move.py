"""move: carry everything that has a velocity along, round the torus or up to the walls of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.mirror import Mirror, kernels_of
from swarm.stages.stage import Cost, Stage, bad_value, need_column, positive

EDGES = ("torus", "wall", "bounce")


def move(pos: Column, vel: Column, limit: float | None = None, edge: str = "torus") -> Move:
    """The stage that adds vel * dt to pos (both float32 [N, 2]; m, m/s) and keeps it in [0, size) exactly.

    limit: the greatest speed, m/s; faster ones are slowed to it first, `vel` included.
    edge: what happens at the edge of the world. "torus": who leaves comes in on the other side. "wall": who runs into
    it stands there, that part of the velocity is 0. "bounce": position and velocity are mirrored; who is so fast that
    the mirrored position is outside as well stands at the far wall. Senses go round the torus all the same.
    Raises `SettingsError`; the stage raises `NonFiniteError` naming the entity when a new position is not finite.
    """
    return Move(pos, vel, limit, edge)


class Move(Stage):
    """See `move`."""

    def __init__(self, pos: Column, vel: Column, limit: float | None = None, edge: str = "torus") -> None:
        super().__init__()
        if edge not in EDGES:
            raise SettingsError(f"move: edge is {edge!r}. Choose one of {', '.join(EDGES)}.")
        self.edge = edge
        self.pos, self.vel = need_column(pos, (2,), np.float32, "move"), need_column(vel, (2,), np.float32, "move")
        self.limit = None if limit is None else positive(limit, "limit", "move")
        self.name = f"move {pos.key}"
        self.reads = (pos, vel)
        self.writes = (pos,) if limit is None and edge == "torus" else (pos, vel)

    @property
    def on_cuda(self) -> Callable[[Any, float], None] | None:
        """See `Stage.on_cuda`; only the torus has kernels there."""
        return super().on_cuda if self.edge == "torus" else None

    def __call__(self, world: Any, dt: float) -> None:
        if self.edge != "torus":
            self.within(world, dt)
            return
        kernels = world.backend.twin("swarm.stages.move")
        size = np.float32(world.size[0]), np.float32(world.size[1])
        limit = np.float32(np.inf if self.limit is None else self.limit)
        for table in world.tables_with(self.pos):
            if table.n and table.has(self.vel):
                bad = kernels.drift(table.column(self.pos), table.column(self.vel), np.float32(dt), *size, limit)
                if bad >= 0:
                    self.accuse(world, table, bad)

    def within(self, world: Any, dt: float) -> None:
        """One tick between walls."""
        kernels, ours = kernels_of(world, "swarm.stages.move"), Mirror(world)
        limit = np.float32(np.inf if self.limit is None else self.limit)
        how = np.float32(dt), *map(np.float32, world.size), limit, self.edge == "bounce"
        for table in world.tables_with(self.pos, self.vel):
            if table.n:
                bad = kernels.confine(ours.write(table, self.pos), ours.write(table, self.vel), *how)
                ours.close()
                if bad >= 0:
                    self.accuse(world, table, bad)

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the entity in `row`: its velocity if that is to blame, else its position."""
        velocity = world.backend.host(table.column(self.vel)[row])
        blame = self.pos if np.isfinite(velocity).all() else self.vel
        raise bad_value(world, self, table, row, blame, "Keep velocities finite; move's `limit` bounds them.")

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "limit": self.limit, "edge": self.edge}

    def cost(self, world: Any) -> Cost:
        return cost(sum(t.n for t in world.tables_with(self.pos) if t.has(self.vel)), self.limit is not None)


# --- kernels: the reference; move_cpu.py has the twin -----------------------------------------------------------------


def cost(n: int, limited: bool) -> Cost:
    """Positions and velocities read, positions written, with a limit velocities too."""
    return Cost(n * (24 + 8 * limited), n * (12 + 7 * limited))


def drift(
    pos: np.ndarray, vel: np.ndarray, dt: np.float32, width: np.float32, height: np.float32, limit: np.float32
) -> int:
    """One explicit Euler step in place; returns the first row whose new position is not finite, or -1.

    pos float32 [N, 2] m read|write; vel float32 [N, 2] m/s read, and written where faster than `limit`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _drift(pos, vel, dt, width, height, limit)


def _drift(pos: np.ndarray, vel: np.ndarray, dt: Any, width: Any, height: Any, limit: Any) -> int:
    _slow(vel, limit)
    pos += vel * dt
    for axis, side in enumerate((width, height)):
        pos[:, axis] = wrap(pos[:, axis], side)
    return _first_bad(pos)


def confine(
    pos: np.ndarray, vel: np.ndarray, dt: np.float32, width: np.float32, height: np.float32, limit: np.float32,
    bounce: bool,
) -> int:  # fmt: skip
    """As `drift`, but between walls: the last place inside is the largest float32 below the side."""
    with np.errstate(over="ignore", invalid="ignore"):
        _slow(vel, limit)
        for axis, side in enumerate((width, height)):
            last = np.nextafter(side, np.float32(0))
            v = vel[:, axis]
            step = v * dt
            x = pos[:, axis] + step
            out = ((x < 0) | (x > last)) & (np.abs(step) < np.inf)
            if bounce:
                x = np.where(x < 0, -x, np.where(x > last, side + side - x, x))
            x = np.where(x < 0, np.float32(0), np.where(x > last, last, x))
            pos[:, axis] = x + step * np.float32(0)  # what is not finite stays so
            vel[:, axis] = np.where(out, -v if bounce else np.float32(0), v)
    return _first_bad(pos)


def _slow(vel: np.ndarray, limit: np.float32) -> None:
    if limit < np.inf:
        speed = np.sqrt(vel[:, 0] * vel[:, 0] + vel[:, 1] * vel[:, 1])
        fast = speed > limit
        vel[fast] *= (limit / speed[fast])[:, None]


def _first_bad(pos: np.ndarray) -> int:
    finite = np.isfinite(pos).all(axis=1)
    return -1 if finite.all() else int(np.argmin(finite))


def wrap(x: np.ndarray, side: np.float32) -> np.ndarray:
    """`x` in [0, side), float32: never `side` itself, whatever the rounding; NaN where it is not finite."""
    x = x - side * np.floor(x / side)
    x = np.where(x < 0, x + side, x)
    x = np.where(x >= side, x - side, x)
    return np.where((x >= 0) & (x < side), x, x * np.float32(0) + np.float32(0))  # NaN stays
