"""A tiny world of fixed arrays with the attributes the renderer reads: for pictures whose every agent is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from swarm.ecs.component import Component, bool_, f32


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(unit="J")


class Plant(Component):
    pos = f32(2, unit="m")
    ripe = bool_()


class Standin:
    """Tables of plain arrays: `Standin((100, 100), forager={Body.pos: ..., ...})`. Nothing moves."""

    def __init__(self, size: tuple[float, float], **tables: dict[Any, Any]) -> None:
        self.size, self.tick, self.dt, self.worlds = size, 0, 1 / 60, 1
        self.backend = SimpleNamespace(host=np.asarray)
        self.tables = {name: _table(name, columns) for name, columns in tables.items()}

    def view(self, *columns: Any, alpha: float | None = None) -> tuple[Any, ...]:
        rows = self.tables_with(*columns)
        ids = np.concatenate([np.arange(t.n, dtype=np.uint64) for t in rows])
        return ids, *(np.concatenate([t.column(c) for t in rows]) for c in columns)

    def tables_with(self, *columns: Any) -> list[Any]:
        return [t for t in self.tables.values() if all(t.has(c) for c in columns)]

    def counts(self) -> dict[str, int]:
        return {name: table.n for name, table in self.tables.items()}

    def advance(self, seconds: float) -> float:
        self.tick += round(seconds / self.dt)
        return 0.0

    def step(self) -> None:
        self.tick += 1


def _table(name: str, columns: dict[Any, Any]) -> Any:
    arrays = {c: np.asarray(values, c.dtype).reshape(-1, *c.shape) for c, values in columns.items()}
    owners = tuple(dict.fromkeys(c.owner for c in arrays))
    n = len(next(iter(arrays.values())))
    return SimpleNamespace(
        name=name,
        n=n,
        xp=np,
        brains=None,
        version=0,
        slots=np.arange(n, dtype=np.uint32),
        generations=np.zeros(n, np.uint32),
        parents=np.zeros(n, np.uint64),
        born=np.full(n, -1),
        ids=lambda: np.arange(n, dtype=np.uint64),
        components=owners,
        born_total=0,
        died_total=0,
        column=arrays.__getitem__,
        has=arrays.__contains__,
    )


def crowd(n: int = 3000, plants: int = 6000, size: tuple[float, float] = (220.0, 220.0), seed: int = 1) -> Standin:
    """Foragers in loose clusters among plants: something to look at."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 1, (60, 2)) * size
    pos = (centres[rng.integers(0, 60, n)] + rng.normal(0, 14, (n, 2))) % size
    swirl = np.stack([-(pos[:, 1] - size[1] / 2), pos[:, 0] - size[0] / 2], 1)
    vel = swirl / np.linalg.norm(swirl, axis=1, keepdims=True) * 3 + rng.normal(0, 1.5, (n, 2))
    level = np.clip(rng.gamma(3.0, 0.35, n), 0, 3)
    patches = rng.uniform(0, 1, (120, 2)) * size
    where = (patches[rng.integers(0, 120, plants)] + rng.normal(0, 9, (plants, 2))) % size
    return Standin(
        size,
        plant={Plant.pos: where, Plant.ripe: rng.uniform(size=plants) < 0.6},
        forager={Body.pos: pos, Body.vel: vel, Energy.level: level},
    )
