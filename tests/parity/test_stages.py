"""Stages on the CPU against the reference from the same state: integers equal, floats equal or within a stated bound.

Random worlds: sizes down to one cell per axis, positions on a lattice (ties, exact angles, same places) or anywhere,
several tables, flags, caps, newborns and dead in between so that rows are not in id order.
"""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Own, Sectors
from swarm.stages.flock import SUMS
from tests.unit.stages.worlds import Body, Energy, Plant, places, shuffle, world

relaxed = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

worlds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "size": st.sampled_from([(64.0, 64.0), (20.0, 33.0), (7.3, 400.0), (1000.0, 9.0)]),
        "reach": st.sampled_from([0.5, 0.4, 0.3, 0.21, 0.1, 0.02]),  # of the smaller side
        "bodies": st.sampled_from([0, 1, 2, 17, 300, 3000]),
        "plants": st.sampled_from([0, 1, 2, 40, 900]),
        "step": st.sampled_from([0.0, 0.0, 0.25, 1.0]),
        "cap": st.sampled_from([256, 256, 5]),
    }
)


def build(backend: str, case: dict) -> swarm.World:
    """The same world on any backend: two tables of bodies, two of plants, rows out of id order."""
    rng = np.random.default_rng(case["seed"])
    size, step = case["size"], case["step"]
    w = world(backend, size, case["seed"])
    for name, share, extra in (("one", 1, ()), ("two", 2, (Plant(pos=0, ripe=False, energy=0),))):
        n = case["bodies"] // share
        vel = rng.normal(size=(n, 2)).astype(np.float32)
        w.spawn(
            n,
            Body(pos=places(rng, n, size, step), vel=vel),
            Energy(level=rng.integers(0, 64, n) / 16),
            *extra,
            name=name,
        )
    for name in ("grass", "bush"):
        n = case["plants"]
        w.spawn(
            n,
            Plant(pos=places(rng, n, size, step), ripe=rng.random(n) < 0.6, energy=rng.integers(0, 64, n) / 16),
            name=name,
        )
    shuffle(w, case["seed"])
    return w


def radius_of(case: dict) -> float:
    return case["reach"] * min(case["size"])


def both(case: dict, *stages):
    """The stages run on both backends; returns the two worlds."""
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
        for backend in ("reference", "cpu"):
            w = build(backend, case)
            w.tick = case["seed"] % 1000
            w.schedule = stages
            with w.backend.running():
                for stage in stages:
                    stage(w, w.dt)
            made.append(w)
    return made


def assert_equal(one: swarm.World, two: swarm.World, *columns) -> None:
    for column in columns:
        for table in one.tables_with(column):
            a, b = table.column(column), two.tables[table.name].column(column)
            assert np.array_equal(a, b), f"{column.key} of {table.name} differs in rows {np.flatnonzero(a != b)[:5]}"


@relaxed
@given(worlds, st.booleans())
def test_index(case: dict, flagged: bool):
    stage = swarm.index(Plant.pos, radius=radius_of(case), where=Plant.ripe if flagged else None, cap=case["cap"])
    one, two = (w.indices[Plant.pos] for w in both(case, stage))
    assert (one.shape, one.n, one.most, one.overflow) == (two.shape, two.n, two.most, two.overflow)
    for name in ("start", "entry", "x", "y"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


@relaxed
@given(worlds, st.sampled_from([1, 2, 3, 8, 8, 8, 13]), st.sampled_from(["closeness", "count"]))
def test_sense(case: dict, n: int, reduce: str):
    """Equal bits: every operation is the same single one on both sides."""
    radius = radius_of(case)
    Mind = swarm.mind(
        food=Sectors(n, radius, of=Plant.pos, reduce=reduce), kin=Sectors(n, radius / 2, of=Body.pos, reduce=reduce),
        own=Own(Energy.level, scale=0.3), actions=("x",),
    )  # fmt: skip
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for backend in ("reference", "cpu"):
            w = build(backend, case)
            w.spawn(case["bodies"], Body(pos=w.scatter), Energy(level=2), Mind(), name="minds")
            stages = (
                swarm.index(Body.pos, cap=case["cap"]),
                swarm.index(Plant.pos, where=Plant.ripe),
                swarm.sense(Mind, Body.pos),
            )
            w.schedule = stages
            with w.backend.running():
                for stage in stages:
                    stage(w, w.dt)
            made.append(w)
    assert_equal(*made, Mind.senses)


@relaxed
@given(worlds, st.sampled_from([None, 0.5, 1e-3]), st.sampled_from([1e-3, 1.0, 1e4]))
def test_move(case: dict, limit: float | None, scale: float):
    """Equal bits, limits included."""

    def hasten(world, dt):
        for agents in world.query(Body):
            agents[Body].vel *= np.float32(scale)

    one, two = both(case, hasten, swarm.move(Body.pos, Body.vel, limit=limit))
    assert_equal(one, two, Body.pos, Body.vel)


@relaxed
@given(worlds, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["nearest", "equal"]))
def test_graze(case: dict, ripe: bool, column: bool, indexed: bool, share: str):
    """Equal winners and levels. Without gain or ripe column the same food is dying."""
    radius = radius_of(case)
    graze = swarm.graze(
        Body.pos, Plant.pos, into=Energy.level, reach=radius, gain=Plant.energy if column else 0.25,
        ripe=Plant.ripe if ripe else None, share=share,
    )  # fmt: skip
    own = (swarm.index(Body.pos, radius=radius),) if indexed else ()
    one, two = both(case, swarm.index(Plant.pos, cap=case["cap"]), *own, graze)
    assert_equal(one, two, Energy.level, Plant.ripe, Plant.energy)
    for name, table in one.tables.items():
        assert np.array_equal(table.dying, two.tables[name].dying)


@relaxed
@given(worlds)
def test_flock_sums(case: dict):
    """Counts equal. Sums within 2^-22 times the sum of sizes: some 60 additions in another order, each off by 2^-24."""
    radius = radius_of(case)
    stage = swarm.flock(Body.pos, Body.vel, radius=radius, cohesion=0, alignment=0, separation=0)
    worlds = both(case, swarm.index(Body.pos, cap=case["cap"]), stage)
    one, two = (stage.sums(w, w.indices[Body.pos]).copy() for w in worlds)
    assert np.array_equal(one[:, 0], two[:, 0])
    n, fastest = (
        one[:, :1],
        max(6.0, *(float(np.abs(t.column(Body.vel)).max(initial=0)) for t in worlds[0].tables_with(Body.vel))),
    )
    nearest = radius * 2.0**-10
    sizes = n * np.array([1, fastest, fastest, radius, radius, 1 / nearest, 1 / nearest])
    assert one.shape[1] == len(SUMS)
    assert (np.abs(one - two) <= 2.0**-20 * sizes).all()


@relaxed
@given(worlds)
def test_flock_steers(case: dict):
    """From equal sums equal velocities: the sums differ, so the bound is theirs."""
    radius = radius_of(case)
    stages = (
        swarm.index(Body.pos),
        swarm.flock(Body.pos, Body.vel, radius=radius, cohesion=0.3, alignment=0.2, separation=0),
    )
    one, two = both(case, *stages)
    for table in one.tables_with(Body.vel):
        assert np.allclose(
            table.column(Body.vel), two.tables[table.name].column(Body.vel), rtol=1e-5, atol=1e-5 * max(1, radius)
        )
