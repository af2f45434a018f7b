"""Going back: at every tick the world is what it was, bit by bit, whatever happened before and between."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Brains
from swarm.digest import difference
from swarm.errors import CapacityError, SaveError, ScheduleError, SettingsError, StaleError
from tests.unit.moments.worlds import Body, Energy, Live, Lone, Mark, Mind, Stone, build, run

TICKS = (40, 39, 0, 17, 16, 1, 33, 34, 40, 8)


def first(world: swarm.World, table: str = "agent") -> int:
    return int(world.backend.host(world.tables[table].ids())[0])


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_every_tick_comes_back(name):
    world, hashes = build(name), {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, 40, hashes)
    assert moments.reach == (0, 40)
    assert moments.ticks.tolist() == [0, 8, 16, 24, 32, 40]
    assert world.tables["agent"].refused_total > 0
    same = world
    for tick in TICKS:
        assert moments.go(world, tick) == world.tick == tick
        assert world.hash() == hashes[tick]
    assert world is same


def test_a_world_that_went_back_goes_on_as_it_would_alone():
    world, alone = build(scale=np.float32(1.5)), build(scale=np.float32(1.5))
    moments = swarm.Moments(world, every=8)
    run(world, moments, 30, {})
    moments.go(world, 13)
    for _ in range(13):
        alone.step()
    assert difference(world, alone) is None
    assert world.counts() == alone.counts()
    for name, table in world.tables.items():
        assert table.cap == alone.tables[name].cap
        assert table.mutation == alone.tables[name].mutation
        assert table.born_total == alone.tables[name].born_total
        assert table.refused_total == alone.tables[name].refused_total
    assert type(world.resources["scale"]) is np.float32
    assert world.scattered == alone.scattered
    for _ in range(10):
        world.step()
        alone.step()
    assert difference(world, alone) is None


def test_tables_that_share_a_pool_share_it_still():
    world = build()
    pool = world.tables["left"].brains
    moments = swarm.Moments(world, every=8)
    run(world, moments, 10, {})
    before = world.hash()
    pool.set(0, np.full(7, 3))
    moments.changed(world)
    run(world, moments, 10, {})
    moments.go(world, 9)
    assert world.tables["left"].brains is pool is world.tables["right"].brains
    assert not (pool.flat() == 3).any()
    moments.go(world, 10)
    assert (pool.flat(0) == 3).all()
    assert world.hash() != before


def test_overrides_are_made_again():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=16)
    run(world, moments, 5, hashes)
    who = first(world)
    world.override(who, [0.5, -2])
    moments.note(world)
    run(world, moments, 10, hashes)
    other = first(world)
    world.override(other, [1, 1])
    world.override(other, None)
    run(world, moments, 20, hashes)
    log = world.overrides
    assert len(log) == 3
    for tick in (4, 5, 6, 15, 14, 20, 35):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
        assert world.overrides == tuple(call for call in log if call.tick <= tick)
    assert moments.branches == ("run 1",)


def test_kills_between_ticks_are_made_again():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=16)
    run(world, moments, 5, hashes)
    world.kill([first(world), first(world, "left")])
    moments.note(world)
    moments.note(world)
    run(world, moments, 20, hashes)
    world.kill(first(world))
    moments.changed(world)
    run(world, moments, 10, hashes)
    for tick in (5, 6, 24, 25, 26, 30, 3):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
    moments.go(world, 25)
    world.step()
    assert world.hash() == hashes[26]
    assert moments.branches == ("run 1",)


def test_settings_are_put_back_and_made_again():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=16)
    run(world, moments, 5, hashes)
    old = world.schedule
    for rate in (0.3, 0.35, 0.4):
        world.schedule = (*old[:2], Live(rate))
        moments.note(world)
    world.tables["agent"].cap = 60
    moments.note(world)
    run(world, moments, 30, hashes)
    assert world.tables["agent"].n > 30
    for tick in (4, 5, 10, 20, 3, 35):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
        assert world.schedule[2].rate == (0.25 if tick < 5 else 0.4)
        assert world.tables["agent"].cap == (30 if tick < 5 else 60)
    assert moments.branches == ("run 1",)


def test_edits_are_never_crossed():
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=16)
    run(world, moments, 5, hashes)
    world.write(Energy.level, first(world), 9.0)
    moments.changed(world)
    world.resources["books"][1] = 77
    moments.changed(world)
    run(world, moments, 7, hashes)
    world.brain(first(world)).weight(0)[:] = 0.25
    moments.edited([first(world)])
    run(world, moments, 20, hashes)
    assert moments.ticks.tolist()[:3] == [0, 5, 12]
    for tick in (4, 5, 6, 11, 12, 13, 32, 0):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]


def test_a_system_that_teaches_is_seen():
    """Genomes are known by their bits: nobody has to say that they were changed."""

    def teach(world, dt):
        world.tables["agent"].brains.parameters[:, 0] += np.float32(0.01)

    world, hashes = build(), {}
    world.schedule = (*world.schedule, teach)
    moments = swarm.Moments(world, every=8)
    run(world, moments, 20, hashes)
    for tick in (9, 3, 20):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]


def test_several_worlds_in_one():
    world = swarm.scene("foragers", worlds=3, agents=20, backend="reference", seed=4)
    moments, hashes = swarm.Moments(world, every=8), {}
    run(world, moments, 20, hashes)
    world.reset([1])
    moments.changed(world)
    run(world, moments, 20, hashes)
    for tick in (19, 20, 33, 7):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
        assert world.ticks.tolist() == [tick, tick - 20 if tick >= 20 else tick, tick]


def test_on_a_device(hosted):
    world, hashes = build("cuda"), {}
    moments = swarm.Moments(world, every=4)
    run(world, moments, 6, hashes)
    world.override(first(world), [1, 1])
    moments.note(world)
    run(world, moments, 3, hashes)
    for tick in (3, 7, 0):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]


# ---------------------------------------------------------------------- kept, files


def test_a_kept_moment_is_an_ordinary_file(tmp_path):
    world, hashes = build(), {}
    moments = swarm.Moments(world, every=8)
    run(world, moments, 5, hashes)
    world.override(first(world), [1, 2])
    run(world, moments, 6, hashes)
    kept = moments.keep(world, "a good one")
    log = world.overrides
    run(world, moments, 20, hashes)
    assert (kept.name, kept.tick, kept.branch, moments.kept) == ("a good one", 11, "run 1", (kept,))
    kept.save(tmp_path / "w")
    components = [Body, Energy, Mind, Mark, Lone, Stone]
    again = swarm.World.load(tmp_path / "w", components, world.schedule, backend="reference")
    assert again.hash() == hashes[11]
    assert again.overrides == log
    moments.go(world, kept)
    world.save(tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == (tmp_path / "w").read_bytes()
    again.step()
    assert again.hash() == hashes[12]
    with pytest.raises(SettingsError, match="a moment called 'a good one' is there already"):
        moments.keep(world, "a good one")
    other = moments.keep(world, "other")
    moments.rename("a good one", "the best")
    moments.rename("the best", "the best")
    assert moments.kept == (kept, other)
    assert kept.name == "the best"
    with pytest.raises(SettingsError, match="a moment called 'other' is there already"):
        moments.rename("the best", "other")
    moments.forget("the best")
    for act in (moments.forget, lambda name: moments.rename(name, "new")):
        with pytest.raises(SettingsError, match=r"no moment is kept as 'the best'\. There are other"):
            act("the best")
    assert moments.kept == (other,)


# ---------------------------------------------------------------------- what is refused, what may stop


def test_what_cannot_be_reached_is_refused_and_nothing_happens():
    world = build()
    moments = swarm.Moments(world, every=8)
    run(world, moments, 10, {})
    before = world.hash()
    for tick in (-1, 11):
        with pytest.raises(SettingsError, match=rf"tick {tick} of run 1 is out of reach. Choose one from 0 to 10\."):
            moments.go(world, tick)
    with pytest.raises(SettingsError, match=r"there is no branch 'other'\. There are run 1"):
        moments.go(world, 3, "other")
    assert world.hash() == before
    for budget, every in ((0, 1), (True, 1), (1.5, 1), (100, 0)):
        with pytest.raises(SettingsError, match="give a whole number, 1 or more"):
            swarm.Moments(world, budget, every)


def test_recorders_are_not_given_ticks_twice(tmp_path):
    world = build()
    moments = swarm.Moments(world, every=8)
    world.record(tmp_path / "run.csv", alive=swarm.count("agent"))
    run(world, moments, 10, {})
    with pytest.raises(SettingsError, match=r"run.csv is being recorded .* world.records.close\(\)"):
        moments.go(world, 3)
    assert world.tick == 10
    world.records.close()
    moments.go(world, 3)
    assert (tmp_path / "run.csv").read_text().count("\n") == 12


def test_a_tick_is_not_travelled_in():
    world = build()
    moments = swarm.Moments(world)
    world.schedule = (lambda world, dt: moments.go(world, 0),)
    with pytest.raises(ScheduleError, match="travel between ticks"):
        world.step()


def test_queued_births_are_no_state():
    world = build()
    moments = swarm.Moments(world, every=1)
    world.step()
    for agents in world.query(Mark):
        agents.birth([0])
    with pytest.raises(SaveError, match="step"):
        moments.note(world)


def test_progress_is_told_and_stopping_leaves_a_whole_tick():
    world, hashes, told = build(), {}, []
    moments = swarm.Moments(world, every=32)
    run(world, moments, 30, hashes)
    moments.go(world, 12, progress=lambda done, total: told.append((done, total)))
    assert told == [(k, 12) for k in range(1, 13)]
    assert moments.go(world, 28, stop=lambda: world.tick == 20) == 20
    assert world.hash() == hashes[20]
    assert moments.go(world, 28) == 28
    assert world.hash() == hashes[28]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_on_the_way_leaves_the_state_it_came_from(error):
    world, hashes = build(), {}
    bad = []

    def system(world, dt):
        if bad and world.tick == bad[0]:
            world.resources["ticks"] = -5
            raise error

    world.schedule = (*world.schedule, system)
    moments = swarm.Moments(world, every=8)
    run(world, moments, 30, hashes)
    bad.append(21)
    with pytest.raises(error):
        moments.go(world, 23)
    assert world.tick == 16
    assert world.hash() == hashes[16]
    bad.clear()
    moments.go(world, 23)
    assert world.hash() == hashes[23]
    assert moments.branches == ("run 1",)


def test_views_end():
    world = build()
    moments = swarm.Moments(world)
    run(world, moments, 3, {})
    pos = next(world.query(Body))[Body].pos
    moments.go(world, 1)
    with pytest.raises(StaleError):
        pos + 1


def test_a_state_that_does_not_fit_is_told_and_the_world_is_unharmed():
    world = build()
    moments = swarm.Moments(world, budget=10_000)
    with pytest.raises(CapacityError, match=r"this state takes .* the budget is 10.*Moments\(world, budget=...\)"):
        moments.note(world)
    before = world.hash()
    for _ in range(5):
        world.step()
        moments.note(world)  # it does not say so all the time
    assert moments.reach == (5, 5)
    assert world.hash() != before
    assert isinstance(world.tables["agent"].brains, Brains)
