"""Laws: free drift has a closed form, the torus has no edge, contests conserve energy and favour nobody."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from tests.unit.stages.worlds import Body, Energy, Plant, differences, host, places, run, world


def test_free_drift_is_a_straight_line_round_the_torus(backend: str):
    """x(t) = x0 + v t mod L. A step rounds by half an ulp of L at most, twice; errors add up linearly at worst."""
    rng = np.random.default_rng(3)
    w = world(backend, (64.0, 48.0))
    start, vel = places(rng, 500, w.size), (rng.normal(size=(500, 2)) * 40).astype(np.float32)
    w.spawn(500, Body(pos=start, vel=vel), name="free")
    w.schedule = (swarm.move(Body.pos, Body.vel),)
    ticks = 400
    for _ in range(ticks):
        w.step()
    want = start.astype(float) + vel.astype(float) * (ticks * w.dt)
    off = host(w.tables["free"], Body.pos) - want
    off -= np.array(w.size) * np.rint(off / np.array(w.size))
    reach = np.abs(vel).max() * w.dt + 64
    assert np.abs(off).max() <= ticks * 2 * reach * 2.0**-24
    assert np.array_equal(host(w.tables["free"], Body.vel), vel)


def test_exact_drift_comes_back_exactly(backend: str):
    """Velocities in powers of two: after one round everybody stands where it stood, to the bit."""
    rng = np.random.default_rng(4)
    w = world(backend, (64.0, 64.0))
    start = places(rng, 200, w.size, step=2.0**-10)
    w.spawn(200, Body(pos=start, vel=np.float32([8.0, -16.0])), name="free")
    w.schedule = (swarm.move(Body.pos, Body.vel),)
    for _ in range(64):
        w.step()
    assert np.array_equal(host(w.tables["free"], Body.pos), start)


def test_what_is_seen_does_not_depend_on_where_the_seam_is(backend: str):
    """The world shifted round the torus by whole numbers: the same counts, sums and senses."""
    rng = np.random.default_rng(5)
    pos = places(rng, 700, (64, 64), step=2.0**-6)
    Mind = swarm.mind(kin=swarm.Sectors(8, 6.5, of=Body.pos), actions=("x",))
    seen = []
    for shift in ((0, 0), (17, 40), (63, 1)):
        w = world(backend)
        w.spawn(700, Body(pos=(pos + np.float32(shift)) % np.float32(64)), Mind(), name="bird")
        flock = swarm.flock(Body.pos, Body.vel, radius=6.5)
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
        with w.backend.running():
            sums = w.backend.host(flock.sums(w, w.indices[Body.pos]))[:700]
        seen.append((host(w.tables["bird"], Mind.senses).copy(), sums[:, 0].copy(), sums[:, 3:5].copy()))
    assert seen[0][1].sum() > 1000
    for other in seen[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(seen[0], other, strict=True))  # offsets are exact sums here


def pasture(backend: str, seed: int, count: int = 400, food: int = 500):
    rng = np.random.default_rng(seed)
    w = world(backend, (20.0, 20.0), seed)
    energy = (rng.integers(0, 4096, food) / 4096).astype(np.float32)  # multiples of 2^-12 J: sums are exact
    w.spawn(food, Plant(pos=places(rng, food, w.size, 0.125), energy=energy), name="plant")
    w.spawn(
        count,
        Body(pos=places(rng, count, w.size, 0.125)),
        Energy(level=rng.integers(0, 4096, count) / 1024),
        name="eater",
    )
    return w


@pytest.mark.parametrize("share", ["nearest", "equal"])
def test_contests_conserve_energy_exactly(backend: str, share: str):
    for seed in range(6):
        w = pasture(backend, seed)
        plants, eaters = host(w.tables["plant"], Plant.energy), host(w.tables["eater"], Energy.level)
        before = plants.astype(float).sum() + eaters.astype(float).sum()
        rich = eaters.astype(float).sum()
        w.schedule = (
            swarm.index(Plant.pos),
            swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy, share=share),
        )
        run(w, *w.schedule)
        plants, eaters = host(w.tables["plant"], Plant.energy), host(w.tables["eater"], Energy.level)
        assert plants.astype(float).sum() + eaters.astype(float).sum() == before
        assert eaters.astype(float).sum() > rich
        assert (plants >= 0).all()


def test_splitting_conserves_energy_exactly(backend: str):
    rng = np.random.default_rng(9)
    w = world(backend)
    w.spawn(900, Body(pos=w.scatter), Energy(level=rng.integers(0, 2**15, 900) / 4096), name="cell")
    w.schedule = (swarm.split(Energy.level, above=2, pos=Body.pos),)
    before = host(w.tables["cell"], Energy.level).astype(float).sum()
    for _ in range(3):
        w.step()
    levels = host(w.tables["cell"], Energy.level)
    assert len(levels) > 2000
    assert levels.astype(float).sum() == before
    assert np.array_equal(np.rint(levels.astype(float) * 4096), levels.astype(float) * 4096)


def test_ties_favour_neither_the_old_nor_the_young(backend: str):
    """600 plants with two eaters at equal distances, 20 ticks: the elder wins half of 12,000 contests.

    The number of wins is binomial, its deviation 55; the bound of 5 deviations fails once in 1.7 million seeds.
    """
    spots = np.stack(np.meshgrid(np.arange(30), np.arange(20)), axis=-1).reshape(-1, 2).astype(np.float32) * 2 + 1
    wins = 0
    for tick in range(20):
        w = world(backend, (64.0, 64.0))
        w.tick = tick
        w.spawn(600, Plant(pos=spots), name="plant")
        w.spawn(600, Body(pos=spots + np.float32([0.5, 0])), Energy(level=0), name="old")
        w.spawn(600, Body(pos=spots - np.float32([0, 0.5])), Energy(level=0), name="young")
        w.schedule = (swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy))
        run(w, *w.schedule)
        old, young = (host(w.tables[name], Energy.level) for name in ("old", "young"))
        assert np.array_equal(old + young, np.ones(600))
        wins += int(old.sum())
    assert abs(wins - 6000) <= 5 * 55


def test_nobody_wins_what_another_is_nearer_to(backend: str):
    w = pasture(backend, 2)
    plants, eaters = w.tables["plant"], w.tables["eater"]
    before = host(eaters, Energy.level).copy()
    w.schedule = (swarm.index(Plant.pos), swarm.graze(Body.pos, Plant.pos, into=Energy.level, gain=Plant.energy))
    run(w, *w.schedule)
    dx, dy = differences(host(eaters, Body.pos), host(plants, Plant.pos), w.size)
    d2 = dx * dx + dy * dy
    eaten = np.flatnonzero(host(plants, Plant.energy) == 0)
    winners = np.flatnonzero(host(eaters, Energy.level) > before)
    assert len(winners) > 50
    nearest = d2[winners][:, eaten].min(axis=1)
    assert (nearest < 1).all()
    for winner, distance in zip(winners, nearest, strict=True):
        plant = eaten[d2[winner, eaten].argmin()]
        rivals = np.flatnonzero((d2[:, plant] < distance) & (d2[:, eaten].argmin(axis=1) == d2[winner, eaten].argmin()))
        assert not len(rivals)  # whoever is nearer to it and wants it most would have won
