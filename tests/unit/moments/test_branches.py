"""Branches: an unchanged run stays on its branch, a changed one begins another, and both can be gone back to."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.moments.timeline import SAMPLES, Samples
from tests.unit.moments.worlds import Energy, Live, build, run


def first(world: swarm.World) -> int:
    return int(world.tables["agent"].ids()[1])


def drive(world: swarm.World, moments: swarm.Moments) -> None:
    world.override(first(world), [3, 3])


def kill(world: swarm.World, moments: swarm.Moments) -> None:
    world.kill(first(world))


def tune(world: swarm.World, moments: swarm.Moments) -> None:
    world.schedule = (*world.schedule[:2], Live(0.4))


def edit(world: swarm.World, moments: swarm.Moments) -> None:
    world.write(Energy.level, first(world), 5.0)
    moments.changed(world)


def teach(world: swarm.World, moments: swarm.Moments) -> None:
    world.brain(first(world)).weight(0)[:] = 1
    moments.edited([first(world)])


CHANGES = [drive, kill, tune, edit, teach]


def travelled(ticks: int = 30, to: int = 13):
    """A world that ran and went back, its moments, and its hashes."""
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, ticks, hashes)
    moments.go(world, to)
    return world, moments, hashes


def test_without_a_change_it_is_the_same_run():
    world, moments, hashes = travelled()
    again = {}
    run(world, moments, 25, again)
    assert moments.branches == ("run 1",)
    assert {tick: again[tick] for tick in range(13, 31)} == {tick: hashes[tick] for tick in range(13, 31)}
    assert moments.reach == (0, 38)
    (curve,) = moments.curves
    assert curve.ticks.tolist() == list(range(1, 39))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_the_past_begins_a_branch(change):
    world, moments, old = travelled()
    change(world, moments)
    moments.note(world)
    assert moments.branch == "run 2"
    assert moments.reach == (0, 13)
    new: dict[int, str] = {}
    run(world, moments, 10, new)
    assert new[23] != old[23]
    for tick, branch in ((30, "run 1"), (13, "run 2"), (21, None), (20, "run 1"), (9, "run 2"), (23, None)):
        moments.go(world, tick, branch)
        assert world.hash() == (old if moments.branch == "run 1" or tick < 13 else new)[tick]
    before, after = moments.curves
    assert (before.name, before.parent, before.fork) == ("run 1", None, 0)
    assert (after.name, after.parent, after.fork) == ("run 2", "run 1", 13)
    assert before.ticks.tolist() == list(range(1, 31))
    assert after.ticks.tolist() == list(range(13, 24))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_does_not_come_again_is_another_run(change):
    """The branch had a change at tick 20; whoever goes back before it and runs on by himself has none."""
    world, hashes, plain = build(), {}, {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, 20, hashes)
    change(world, moments)
    moments.note(world)
    run(world, moments, 10, hashes)
    moments.go(world, 18)
    run(world, moments, 2, plain)
    assert moments.branch == "run 1"
    run(world, moments, 10, plain)
    assert (moments.branch, moments.curves[1].fork) == ("run 2", 20)
    for branch, known in (("run 1", hashes), ("run 2", plain)):
        for tick in (19, 21, 30):
            moments.go(world, tick, branch)
            assert world.hash() == known[tick]


def test_the_same_change_made_again_is_the_same_run():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, 10, hashes)
    drive(world, moments)
    run(world, moments, 10, hashes)
    moments.go(world, 9)
    run(world, moments, 1, {})
    drive(world, moments)
    run(world, moments, 10, {})
    assert moments.branches == ("run 1",)
    assert world.hash() == hashes[20]


def test_what_nobody_announced_is_seen_at_the_next_moment():
    world, moments, old = travelled()
    world.write(Energy.level, first(world), 5.0)
    new: dict[int, str] = {}
    run(world, moments, 10, new)
    assert (moments.branch, moments.curves[1].fork) == ("run 2", 16)
    for tick, branch in ((16, "run 1"), (23, "run 2"), (16, "run 2"), (14, "run 2")):
        moments.go(world, tick, branch)
        assert world.hash() == (new if tick >= 16 and branch == "run 2" else old)[tick]


def test_edits_at_one_tick_cost_one_moment():
    world, moments, _ = travelled()
    for value in range(20):
        world.write(Energy.level, first(world), float(value))
        moments.changed(world)
        tune(world, moments)
        moments.note(world)
        tune(world, moments)
        moments.note(world)
    assert moments.branches == ("run 1", "run 2")
    assert moments.ticks.tolist().count(13) == 1
    before = world.hash()
    moments.go(world, 5)
    moments.go(world, 13)
    assert world.hash() == before


def test_a_world_begun_anew_is_another_run():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, 20, hashes)
    other, fresh = build(seed=9), {}
    moments.note(other)
    run(other, moments, 12, fresh)
    assert moments.branches == ("run 1", "run 2")
    assert [(c.parent, c.fork) for c in moments.curves] == [(None, 0), (None, 0)]
    moments.go(other, 15, "run 1")
    assert other.hash() == hashes[15]
    moments.go(other, 11, "run 2")
    assert other.hash() == fresh[11]


def test_branches_of_branches():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=4)
    run(world, moments, 20, hashes)
    known = {"run 1": dict(hashes)}
    for k in range(2, 8):
        moments.go(world, 20 - 2 * k)
        drive(world, moments)
        moments.note(world)
        mine = {tick: text for tick, text in known[f"run {k - 1}"].items() if tick < world.tick}
        run(world, moments, 9, mine)
        known[f"run {k}"] = mine
    for name in moments.branches:
        for tick in (0, 5, max(known[name])):
            moments.go(world, tick, name)
            assert world.hash() == known[name][tick]


def test_curves_of_branches_without_moments_go_when_there_are_many():
    world = build(agents=8)
    moments = swarm.Moments(world, every=1000)
    for k in range(40):
        world.step()
        moments.note(world)
        moments.go(world, 0, "run 1")
        drive(world, moments)
        moments.note(world)
        for branch in moments._course.branches[1:-1]:
            for moment in list(branch.moments):
                moments._ring.drop(moment)
        assert moments.branch == f"run {k + 2}"
    assert moments.branches == ("run 1", *(f"run {k}" for k in range(24, 42)))


def test_a_curve_is_bounded_and_even():
    samples = Samples()
    for tick in range(5000):
        samples.add(tick, {"a": tick + 1, **({"b": 7} if tick > 100 else {})})
    assert samples.count <= SAMPLES
    assert samples.stride == 8
    ticks = samples.ticks[: samples.count]
    assert ticks.tolist() == list(range(0, 5000, 8))
    assert np.array_equal(samples.counts["a"][: samples.count], ticks + 1)
    assert np.array_equal(samples.counts["b"][: samples.count], np.where(ticks > 100, 7, 0))
    assert samples.bytes == 3 * 8 * SAMPLES
