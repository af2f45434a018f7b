"""turn: bodies that face somewhere. An agent turns, and speeds up or brakes along its nose; sideways it cannot go.

    heading' = rate * by[0]        speed' = push * by[1] - drag * speed        vel = speed (cos heading, sin heading)

The unicycle of robotics (Siegwart and Nourbakhsh, "Introduction to Autonomous Mobile Robots", section 3.2), one
explicit Euler step a tick. Headings are kept in [-pi, pi).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend.circle import cos_sin
from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.mirror import HostStage, Mirror, kernels_of
from swarm.stages.pick import Pick
from swarm.stages.stage import Cost, bad_value, need_column, positive
from swarm.stages.steer import kept, kept_drag

TAU = np.float32(2 * np.pi)
_PI = np.float32(np.pi)


def turn(
    heading: Column,
    speed: Column,
    vel: Column,
    by: Any,
    rate: float = np.pi,
    push: float = 10.0,
    drag: float = 0.0,
    limit: float | None = None,
    reverse: bool = False,
) -> Turn:
    """The stage that turns heading (float32, rad, 0 = +x, counter-clockwise), changes speed (float32, m/s) and writes
    vel, float32 [N, 2] m/s.

    by: two float32 numbers of each agent, such as (Mind, "turn", "push"): 1 turns left at `rate` rad/s and speeds up by
    `push` m/s2. drag: 1/s. limit: the greatest speed, m/s. reverse: whether agents can go backwards; else braking ends
    at 0. Raises `SettingsError`; the stage raises `NonFiniteError` naming the agent whose heading or speed is none.
    """
    return Turn(heading, speed, vel, by, rate, push, drag, limit, reverse)


class Turn(HostStage):
    """See `turn`."""

    def __init__(
        self, heading: Column, speed: Column, vel: Column, by: Any, rate: float, push: float, drag: float,
        limit: float | None, reverse: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.heading, self.speed = (need_column(c, (), np.float32, "turn") for c in (heading, speed))
        self.vel = need_column(vel, (2,), np.float32, "turn")
        self.by = Pick(by, 2, "by", "turn")
        self.rate, self.push = positive(rate, "rate", "turn"), positive(push, "push", "turn")
        self.drag, self.reverse = kept_drag(drag, "turn"), bool(reverse)
        self.limit = None if limit is None else positive(limit, "limit", "turn")
        self.name = f"turn {heading.key}"
        self.reads, self.writes = (self.by.column, heading, speed), (heading, speed, vel)

    def __call__(self, world: Any, dt: float) -> None:
        if self.rate * dt > np.pi:
            raise SettingsError(
                f"turn: {self.rate:g} rad/s are over half a turn in a tick of {dt:g} s. Use {np.pi / dt:g} or less."
            )
        kernels, ours = kernels_of(world, "swarm.stages.turn"), Mirror(world)
        most = np.float32(np.inf if self.limit is None else self.limit)
        least = -most if self.reverse else np.float32(0)
        how = np.float32(self.rate * dt), np.float32(self.push * dt), kept(self.drag, dt, "turn"), least, most
        for table in world.tables_with(self.heading, self.speed, self.vel, self.by.column):
            by, columns = self.by.of(ours, table), (ours.write(table, c) for c in self.writes)
            bad = kernels.head(by, *columns, *how)
            ours.close()
            if bad >= 0:
                self.accuse(world, table, bad)

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise `NonFiniteError` for the agent in `row`: its actions if they are to blame, else its heading."""
        read = Mirror(world).read
        blame = [c for c in (self.by.column, self.speed) if not np.isfinite(read(table, c)[row]).all()]
        remedy = "Headings, speeds and actions are finite numbers."
        raise bad_value(world, self, table, row, blame[0] if blame else self.heading, remedy)

    def describe(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("rate", "push", "drag", "limit", "reverse")}
        return {**super().describe(), "by": self.by.key, **own}

    def cost(self, world: Any) -> Cost:
        return cost(sum(t.n for t in world.tables_with(self.heading, self.speed, self.vel, self.by.column)))


# --- kernels: the reference; turn_cpu.py has the twin -----------------------------------------------------------------


def cost(n: int) -> Cost:
    """Actions read, heading and speed read and written, velocity written; sine and cosine of some forty flops."""
    return Cost(n * 32, n * 50)


def head(
    by: np.ndarray, heading: np.ndarray, speed: np.ndarray, vel: np.ndarray, rate: np.float32, push: np.float32,
    keep: np.float32, least: np.float32, most: np.float32,
) -> int:  # fmt: skip
    """One step in place; returns the first row whose heading or speed is not finite, or -1.

    by float32 [N, 2] read; heading rad, speed m/s float32 [N] read|write; vel float32 [N, 2] m/s written. rate and push
    are of a tick; keep: what drag leaves of the speed.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        angle = heading + by[:, 0] * rate
        angle = angle - TAU * np.floor((angle + _PI) / TAU)
        heading[:] = np.where(angle >= _PI, -_PI, np.where(angle < -_PI, -_PI, angle))
        pace = speed * keep + by[:, 1] * push
        speed[:] = np.where(pace < least, least, np.where(pace > most, most, pace))
        c, s = cos_sin(heading)
        vel[:, 0], vel[:, 1] = c * speed, s * speed
    good = np.isfinite(heading) & np.isfinite(speed)
    return -1 if good.all() else int(np.argmin(good))
