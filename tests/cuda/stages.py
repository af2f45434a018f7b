"""Stages run one by one on a CUDA device, without the barrier, beside the same on the CPU."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import swarm
from swarm.stages.grid import Grid
from tests.cuda.twins import host
from tests.unit.stages.worlds import Body, Energy, Plant, places, shuffle, world

CASES = [
    {"seed": 0, "size": (64.0, 64.0), "reach": 0.5, "bodies": 0, "plants": 40, "step": 0.0, "cap": 256},
    {"seed": 1, "size": (20.0, 33.0), "reach": 0.4, "bodies": 1, "plants": 2, "step": 0.25, "cap": 256},
    {"seed": 2, "size": (7.3, 400.0), "reach": 0.3, "bodies": 17, "plants": 1, "step": 1.0, "cap": 5},
    {"seed": 3, "size": (1000.0, 9.0), "reach": 0.21, "bodies": 300, "plants": 0, "step": 0.0, "cap": 2},
    {"seed": 4, "size": (64.0, 64.0), "reach": 0.1, "bodies": 500, "plants": 900, "step": 0.25, "cap": 1},
    {"seed": 5, "size": (20.0, 33.0), "reach": 0.02, "bodies": 300, "plants": 900, "step": 1.0, "cap": 256},
    {"seed": 6, "size": (7.3, 400.0), "reach": 0.5, "bodies": 300, "plants": 40, "step": 0.0, "cap": 40},
    {"seed": 7, "size": (64.0, 64.0), "reach": 0.3, "bodies": 60, "plants": 300, "step": 0.0, "cap": 256},
]


def name_of(case: dict) -> str:
    return f"seed {case['seed']}"


def build(backend: str, case: dict) -> swarm.World:
    """The same world anywhere: two tables of bodies, one of them plants as well, two of plants; rows in no order."""
    rng = np.random.default_rng(case["seed"])
    size, step = case["size"], case["step"]
    w = world(backend, size, case["seed"])
    w.tick = case["seed"] * 1000
    for name, share, extra in (("one", 1, ()), ("two", 2, (Plant(pos=0, ripe=False, energy=0),))):
        n = case["bodies"] // share
        vel = rng.normal(size=(n, 2)).astype(np.float32)
        level = rng.integers(0, 64, n) / 16
        w.spawn(n, Body(pos=places(rng, n, size, step), vel=vel), Energy(level=level), *extra, name=name)
    for name in ("grass", "bush"):
        n = case["plants"]
        ripe, energy = rng.random(n) < 0.6, rng.integers(0, 64, n) / 16
        w.spawn(n, Plant(pos=places(rng, n, size, step), ripe=ripe, energy=energy), name=name)
    shuffle(w, case["seed"])
    return w


def radius_of(case: dict) -> float:
    return case["reach"] * min(case["size"])


def run(world: swarm.World, *stages: Any) -> tuple[int, int, int] | None:
    """Run these stages once; returns (stage, table, row) of the first fault that a kernel reported, or None."""
    world.schedule = stages
    with world.backend.running(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
        if world._runner is not None:
            world._runner.forget()
            world._runner.balance()
        for world.step_number, stage in enumerate(stages):
            stage(world, world.dt)
        if world.backend.device is None:
            return None
        world.ledger.pull()
        return world.ledger.fault


def contents(world: swarm.World, grid: Grid) -> dict[str, Any]:
    """What an index holds, on the host, with entries as ids: those are numbered alike on all backends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        entry = host(world, grid.entry).astype(np.int64)
    base = np.array(grid.base or (0,))
    ids = np.zeros(len(entry), np.uint64)
    for k, table in enumerate(grid.tables):
        mine = (entry >= base[k]) & (entry < base[k] + table.n)
        ids[mine] = host(world, table.ids())[entry[mine] - base[k]]
    return {
        "shape": grid.shape, "n": grid.n, "most": grid.most, "overflow": grid.overflow, "complete": grid.complete,
        "start": host(world, grid.start), "x": host(world, grid.x), "y": host(world, grid.y), "ids": ids,
    }  # fmt: skip


def assert_same(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Equal names, equal values, arrays bit by bit."""
    assert one.keys() == two.keys()
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == two[name].dtype and value.tobytes() == two[name].tobytes(), name
        else:
            assert value == two[name], name
