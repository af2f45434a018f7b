"""Fields on the CPU against the reference from the same state: equal bits, down to the sign of zero.

Random fields: one cell to several bands of rows, widths that fill no vector, torus and closed, one world or three.
"""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Field, Flow, Gradient, Probe, Tiles, Value, Window, i32
from tests.unit.stages.worlds import Body, Energy, Plant, places, shuffle, world

relaxed = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "size": st.sampled_from([(64.0, 64.0), (20.0, 33.0), (7.3, 400.0)]),
        "cells": st.sampled_from([(1, 1), (3, 2), (16, 16), (17, 65), (100, 130), (47, 200)]),
        "edge": st.sampled_from(["torus", "closed"]),
        "worlds": st.sampled_from([1, 1, 3]),
        "bodies": st.sampled_from([0, 1, 17, 900, 5000]),
        "step": st.sampled_from([0.0, 0.25]),
    }
)


class Npc(swarm.Component):
    goal = i32(default=0)


def build(backend: str, case: dict, mind=None) -> swarm.World:
    """The same world on any backend: two tables of bodies, rows out of id order."""
    rng = np.random.default_rng(case["seed"])
    w = world(backend, case["size"], case["seed"])
    for name, extra in (("one", ()), ("two", (Plant(pos=0),))):
        n = case["bodies"]
        pos, vel = places(rng, n, case["size"], case["step"]), rng.normal(size=(n, 2)) * rng.integers(0, 2, (n, 1))
        level, goal = rng.normal(size=n), rng.integers(-1, 2, n).astype(np.int32)
        made = Body(pos=pos, vel=vel), Energy(level=level), Npc(goal=goal), *extra
        w.spawn(n, *made, *(() if mind is None else (mind(),)), name=name)
    shuffle(w, case["seed"])
    w.ids.worlds = case["worlds"]
    return w


def random(case: dict, salt: int, shape) -> np.ndarray:
    return np.random.default_rng((case["seed"], salt)).random(shape).astype(np.float32)


def both(case: dict, fill, *stages, mind=None) -> list[swarm.World]:
    made = []
    for backend in ("reference", "cpu"):
        w = build(backend, case, mind)
        fill(w)
        with w.backend.running(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
            for stage in stages:
                stage(w, w.dt)
        made.append(w)
    return made


def assert_same(one, two, *rasters) -> None:
    for raster in rasters:
        a, b = raster.of(one), raster.of(two)
        assert a.tobytes() == b.tobytes(), f"{raster} differs at {np.argwhere(a != b)[:5].tolist()}"


@relaxed
@given(cases, st.sampled_from(["constant", "fields", "none"]), st.booleans())
def test_diffuse(case: dict, flow: str, walled: bool):
    field, right, up = (Field(name, case["cells"], edge=case["edge"]) for name in ("scent", "right", "up"))
    tiles = Tiles("ground", case["cells"])
    speed = 0.9 * min(side / n for side, n in zip(case["size"], case["cells"], strict=True))  # of 8 cells a second

    def fill(w):
        for salt, raster in enumerate((field, right, up)):
            numbers = random(case, salt, raster.shape(w))
            raster.set(w, numbers if raster is field else 2 * speed * (numbers - np.float32(0.5)))
        tiles.set(w, (random(case, 9, tiles.shape(w)) < 0.3).astype(np.uint8))

    currents = {"constant": (speed, -speed / 2), "fields": (right, up), "none": (0, 0)}[flow]
    stage = swarm.diffuse(field, rate=speed**2 / 2, decay=0.3, flow=currents, tiles=tiles if walled else None)
    assert_same(*both(case, fill, stage, stage, stage), field)


@relaxed
@given(cases, st.booleans(), st.booleans(), st.booleans())
def test_deposit(case: dict, spread: bool, column: bool, chosen: bool):
    field = Field("scent", case["cells"], edge=case["edge"], default=0.1)
    if chosen:
        stage = swarm.deposit(Body.pos, Energy.level if column else 0.7, into=field, where=Plant.ripe, spread=spread)
    else:
        stage = swarm.deposit(Body.pos, Energy.level if column else 0.7, into=field, spread=spread)
    assert_same(*both(case, field.of, stage, stage), field)


@relaxed
@given(cases, st.booleans())
def test_senses(case: dict, indexed: bool):
    field, tiles = (kind("map", case["cells"], edge=case["edge"]) for kind in (Field, Tiles))
    reach = min(case["size"]) / 3
    Mind = swarm.mind(
        value=Value(field, scale=0.3), slope=Gradient(field, scale=1.7), walls=Window(tiles, n=1),
        around=Window(field, n=3 if min(case["cells"]) >= 3 else 1, scale=0.1),
        trail=Probe(field, angles=(-40, 0, 77, 180), distance=reach, heading=Body.vel),
        still=Probe(field, angles=(10, 200), distance=reach / 2), turned=Probe(field, distance=1, heading=Energy.level),
        actions=("x",),
    )  # fmt: skip

    def fill(w):
        field.set(w, random(case, 1, field.shape(w)))
        tiles.set(w, (random(case, 2, tiles.shape(w)) < 0.3).astype(np.uint8))

    index = (swarm.index(Body.pos, radius=reach),) if indexed else ()
    one, two = both(case, fill, *index, swarm.sense(Mind, Body.pos), mind=Mind)
    for name, table in one.tables.items():
        assert table.column(Mind.senses).tobytes() == two.tables[name].column(Mind.senses).tobytes()


@relaxed
@given(cases)
def test_flow(case: dict):
    """Equal distances and ways too: there is one answer, in whatever order cells are visited."""
    tiles = Tiles("ground", case["cells"], edge=case["edge"], cost={2: 4.5, 3: 0.25})
    flow = Flow(tiles, {"home": [(0, 0)], "plants": Plant.pos})
    Mind = swarm.mind(way=flow.to(Npc.goal), actions=("x",))

    def fill(w):
        ids = (6 * random(case, 2, tiles.shape(w))).astype(np.uint8)
        ids[..., 0, 0] = 0
        tiles.set(w, ids)

    one, two = both(case, fill, swarm.sense(Mind, Body.pos), mind=Mind)
    for a, b in zip(flow.maps(one)[2:], flow.maps(two)[2:], strict=True):
        assert a.tobytes() == b.tobytes()
    for name, table in one.tables.items():
        assert table.column(Mind.senses).tobytes() == two.tables[name].column(Mind.senses).tobytes()
