"""steer: bodies with inertia. What an agent wants accelerates it, drag slows it; `move` then carries it along.

dv/dt = push * by - drag * vel            one explicit Euler step a tick; at rest in wanting, vel = push / drag * by
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.mirror import HostStage, Mirror
from swarm.stages.pick import Pick
from swarm.stages.stage import Cost, need_column, positive


def steer(vel: Column, by: Any, push: float = 10.0, drag: float = 0.0) -> Steer:
    """The stage that accelerates vel, float32 [N, 2] m/s, by `push` m/s2 times what an agent wants.

    by: two float32 numbers of each agent, such as Mind.actions or (Mind, "push_x", "push_y"): 1 is full push.
    drag: 1/s, the part of the velocity that is lost in a second; must be below 1 a tick. Raises `SettingsError`, also
    at the first tick, when the drag is too large for the world's tick.
    """
    return Steer(vel, by, push, drag)


class Steer(HostStage):
    """See `steer`."""

    def __init__(self, vel: Column, by: Any, push: float, drag: float) -> None:
        super().__init__()
        self.vel = need_column(vel, (2,), np.float32, "steer")
        self.by = Pick(by, 2, "by", "steer")
        self.push = positive(push, "push", "steer")
        self.drag = kept_drag(drag, "steer")
        self.name = f"steer {vel.key}"
        self.reads, self.writes = (self.by.column, vel), (vel,)

    def __call__(self, world: Any, dt: float) -> None:
        keep, push = kept(self.drag, dt, "steer"), np.float32(self.push * dt)
        ours = Mirror(world)
        for table in world.tables_with(self.vel, self.by.column):
            vel = ours.write(table, self.vel)
            vel *= keep
            vel += self.by.of(ours, table) * push
        ours.close()

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "by": self.by.key, "push": self.push, "drag": self.drag}

    def cost(self, world: Any) -> Cost:
        n = sum(table.n for table in world.tables_with(self.vel, self.by.column))
        return Cost(24 * n, 6 * n)


def kept_drag(drag: Any, where: str) -> float:
    """A drag of 0 1/s or more. Raises `SettingsError`."""
    return 0.0 if drag == 0 else positive(drag, "drag", where)


def kept(drag: float, dt: float, where: str) -> np.float32:
    """What drag leaves of a speed in a tick of `dt` s. Raises `SettingsError` where it would turn it round."""
    if drag * dt >= 1:
        raise SettingsError(
            f"{where}: a drag of {drag:g} 1/s stops everything within a tick of {dt:g} s. Use less than {1 / dt:g}."
        )
    return np.float32(1 - drag * dt)
