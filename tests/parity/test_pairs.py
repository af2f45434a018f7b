"""Neighbours and pair functions: the CPU's bits are the reference's, and both are those of all pairs, one by one.

The worlds are those of test_stages.py: down to one cell per axis, positions on a lattice or anywhere, several tables,
rows out of id order, caps that leave some out; and several independent worlds in one.
"""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm import Component, f32
from tests.parity.test_stages import build, radius_of, relaxed, worlds
from tests.unit.stages.worlds import Body, Energy, Plant, differences, places, run, shuffle, world

few = settings(relaxed, max_examples=25)


class Out(Component):
    value = f32()
    both = f32(2)


@swarm.pair(radius=1, reduce="sum", of=Plant.pos)
def smell(me, other, distance, dx):
    return other.energy / (0.5 + distance) * me.level - 0.25 * dx


@swarm.pair(radius=1, reduce="mean", of=Body.pos)
def drift(me, other, dy):
    return other.vel[0] - me.vel[1] if dy > 0 else me.vel[0], dy


def within(pair, radius: float, reduce: str):
    """The same compiled function with another radius and another way to reduce."""
    made = pair.among(pair.of)
    made.radius, made.reduce = radius, reduce
    made.needs = {pair.of: radius}
    return made


def both_ways(case: dict, use, *stages):
    """What `use(world)` finds behind these stages, on the reference and on the CPU."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
        for backend in ("reference", "cpu"):
            w = build(backend, case)
            w.ids.worlds = case.get("worlds", 1)
            run(w, *stages)
            found.append(use(w))
    return found


@few
@given(worlds, st.booleans(), st.sampled_from([1, 1, 3]))
def test_neighbours(case: dict, indexed: bool, count: int):
    """Equal bits, whether they come by an index with cap or without one."""
    radius, case = (
        radius_of(case),
        {**case, "worlds": count, "bodies": min(case["bodies"], 300), "plants": min(case["plants"], 200)},
    )

    def use(w):
        near = w.neighbours(Body.pos, radius, of=Plant.pos)
        return near.i, near.j, near.d2, near.count, near.sum(Plant.energy), near.argmin(near.d2), near.others

    stages = (swarm.index(Plant.pos, radius=radius, cap=case["cap"]),) if indexed else ()
    one, two = both_ways(case, use, *stages)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


@few
@given(worlds, st.sampled_from(["sum", "mean", "min", "max", "count", "any", "nearest"]), st.sampled_from([1, 1, 3]))
def test_pair_functions(case: dict, reduce: str, count: int):
    """Equal bits: every operation is the same single one, in the same order."""
    case = {**case, "worlds": count, "bodies": min(case["bodies"], 40), "plants": min(case["plants"], 40)}
    radius = radius_of(case)
    pairs = within(smell, radius, reduce), within(drift, radius, reduce)

    def use(w):
        return [pair(w, agents) for agents in w.query(Body, Energy) for pair in pairs]

    one, two = both_ways(case, use, swarm.index(Plant.pos, radius=radius, cap=case["cap"]))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


@few
@given(
    st.integers(0, 2**31), st.sampled_from([(30.0, 20.0), (8.0, 80.0)]), st.sampled_from([0.5, 0.3, 0.1]),
    st.sampled_from([0.0, 0.5]), st.sampled_from([1, 4]),
)  # fmt: skip
def test_against_all_pairs(seed: int, size, reach: float, step: float, count: int):
    """The pairs are those of a float32 test of everybody with everybody of the same world; sums within rounding."""
    rng, radius = np.random.default_rng(seed), reach * min(size)
    w = world("cpu", size, seed % 1000)
    w.ids.worlds = count
    n = 150
    body = Body(pos=places(rng, n, size, step), vel=rng.normal(size=(n, 2)))
    w.spawn(n, body, Energy(level=rng.random(n)), Plant(pos=places(rng, n, size, step), energy=rng.random(n)), name="x")
    shuffle(w, seed)
    table = w.tables["x"]
    slots, pos = table.slots % count, table.column(Body.pos)
    dx, dy = differences(pos, table.column(Plant.pos), size)
    d2 = dx * dx + dy * dy
    closer = (d2 < np.float32(radius) ** 2) & (slots[:, None] == slots[None, :])
    np.fill_diagonal(closer, False)
    near = w.neighbours(Body.pos, radius, of=Plant.pos)
    got = np.zeros_like(closer)
    got[near.i, near.j] = True
    assert np.array_equal(got, closer)
    assert len(near) == closer.sum()
    energy, level = table.column(Plant.energy).astype(float), table.column(Energy.level).astype(float)
    want = (energy[None] / (0.5 + np.sqrt(d2).astype(float)) * level[:, None] - 0.25 * dx) * closer
    agents = next(w.query(Body))
    from_body = within(smell, radius, "sum")
    from_body.pos = Body.pos
    np.testing.assert_allclose(from_body(w, agents), want.sum(axis=1), rtol=1e-12, atol=1e-12)
    found = np.where(closer, d2, np.inf)
    first = np.where(closer.any(axis=1), found.argmin(axis=1), -1)
    got = near.argmin(near.d2)
    assert np.array_equal(got < 0, first < 0)
    assert np.array_equal(found[np.arange(n), got][got >= 0], found.min(axis=1)[got >= 0])


def test_a_system_on_both_backends_for_some_ticks():
    """Children and dead in between, results written to columns, one thread and two."""

    def live(world, dt):
        for agents in world.query(Out):
            agents.kill(agents[Out].value > 4)
            agents.birth(agents[Out].value < 2)
            agents[Body].vel += dt * agents[Out].both

    made = []
    for backend, threads in (("reference", 1), ("cpu", 1), ("cpu", 2)):
        rng = np.random.default_rng(2)
        w = world(backend, (40.0, 30.0), threads=threads)
        w.spawn(
            300, Body(pos=places(rng, 300, w.size), vel=rng.normal(size=(300, 2))), Energy(), Out(), name="x", cap=330
        )
        w.spawn(400, Plant(pos=places(rng, 400, w.size), energy=rng.random(400)), name="plant")
        w.schedule = (
            swarm.index(Body.pos), swarm.index(Plant.pos), within(smell, 3.0, "sum").into(Out.value),
            within(drift, 2.5, "mean").into(Out.both), live, swarm.move(Body.pos, Body.vel, limit=5),
        )  # fmt: skip
        for _ in range(12):
            w.step()
        made.append(w)
    assert made[0].tables["x"].died_total > 0
    assert made[0].tables["x"].born_total > 0
    assert len({w.hash() for w in made}) == 1
