"""The neutral twin of a run: the same founders, as many births and deaths in every tick, but anybody's.

What differs between a run and its twin is selection; what they share is drift (Kimura 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from swarm.ecs.system import system
from swarm.errors import SettingsError
from swarm.world import World


def twin(module: Any, settings: Any, born: Sequence[int], died: Sequence[int]) -> World:
    """The world of a scene in which `born[t]` thinkers have a child at tick t and `died[t]` die, drawn at random.

    Nothing else happens in it, and no cap refuses a birth. Raises `SettingsError` when nobody has a brain of its own.
    """
    world = module.build(replace(settings, cap=None) if hasattr(settings, "cap") else settings)
    table = thinkers(world)

    @system
    def drift(world: World, dt: float) -> None:
        own = world.tables[table.name]  # a world that was loaded has other tables
        for agents in world.query(*own.components):
            if agents.table is own:
                luck = world.backend.host(agents.uniform(2, stream="neutral"))
                agents.birth(_lowest(luck[:, 0], born[world.tick]))
                agents.kill(_lowest(luck[:, 1], died[world.tick]))

    world.schedule = (drift,)
    return world


def thinkers(world: World) -> Any:
    """The largest table with own brains. Raises `SettingsError` when there is none."""
    tables = [t for t in world.tables.values() if t.own_brains is not None]
    if not tables:
        raise SettingsError("Nobody in this scene has a brain of its own, so there is neither an assay nor a control.")
    return max(tables, key=lambda t: t.n)


def _lowest(luck: np.ndarray, count: int) -> np.ndarray:
    """The rows of the `count` lowest numbers: a draw without replacement that depends on ids only."""
    count = min(count, len(luck))
    return np.argpartition(luck, count - 1)[:count].astype(np.int32) if count else np.empty(0, np.int32)
