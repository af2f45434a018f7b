"""Ticks, real time, views between two ticks, and what the profiler says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm import Component, World, f32
from swarm.ecs.follow import blend
from swarm.errors import SettingsError
from swarm.profile import WINDOW, Profile


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    level = f32()


def drift(world, dt):
    for agents in world.query(Body):
        agents[Body].pos = (agents[Body].pos + agents[Body].vel * dt) % np.float32(16)


@pytest.fixture
def world(backend):
    world = World(size=(16, 16), tick=0.25, backend=backend, seed=5)
    world.spawn(3, Body(pos=[[1, 1], [15.5, 8], [8, 0.25]], vel=[[4, 0], [4, 0], [0, -4]]), name="thing")
    world.schedule = (drift,)
    return world


def test_advance_makes_whole_ticks_and_returns_the_rest(world):
    assert world.advance(0.1) == pytest.approx(0.4)
    assert world.tick == 0
    assert world.advance(0.2) == pytest.approx(0.2)
    assert world.tick == 1
    assert world.advance(0.7) == pytest.approx(0.0, abs=1e-6)
    assert world.tick == 4
    assert world.advance(0) == pytest.approx(0.0, abs=1e-6)


def test_catching_up_is_capped_and_the_rest_is_dropped(world):
    alpha = world.advance(100.125)
    assert world.tick == 5
    assert alpha == pytest.approx(0.5)
    world.advance(0.25)
    assert world.tick == 6


def test_frames_as_long_as_a_tick_make_one_tick_each():
    world = World(tick=1 / 60, backend="reference")
    for k in range(600):
        alpha = world.advance(1 / 60)
        assert world.tick == k + 1
        assert 0 <= alpha < 1


@pytest.mark.parametrize("seconds", [-0.1, float("nan"), float("inf"), "1", None])
def test_time_that_is_no_time_is_refused(world, seconds):
    with pytest.raises(SettingsError, match="advance"):
        world.advance(seconds)
    assert world.tick == 0


def test_a_view_is_a_copy_in_which_rows_match(world):
    ids, pos, level = world.view(Body.pos, Body.level)
    pos[:] = 0
    assert world.get(ids[0])[Body.pos].tolist() == [1, 1]
    assert type(pos) is np.ndarray
    world.spawn(2, Body(level=3), type("Extra", (Component,), {"x": f32()}), name="more")
    ids, level = world.view(Body.level)
    assert len(ids) == 5
    assert [world.get(id)[Body.level] for id in ids] == level.tolist()


def test_positions_between_ticks_go_the_shortest_way_round(world):
    def at(alpha):
        ids, pos, _ = world.view(Body.pos, Body.vel, alpha=alpha)
        return dict(zip(ids.tolist(), pos.tolist()))

    first = at(0.5)  # nothing was kept yet: everybody stands where they are
    a, b, c = first
    assert list(first.values()) == [[1, 1], [15.5, 8], [8, 0.25]]
    world.step()  # x: 1 -> 2, 15.5 -> 0.5 over the edge; y: 0.25 -> 15.25 over the edge
    half = at(0.5)
    assert half[a] == [1.5, 1]
    assert half[b] == [0.0, 8]
    assert half[c] == [8, 15.75]
    assert at(0.0)[b] == [15.5, 8]
    assert at(1.0)[b] == [0.5, 8]
    assert at(None)[b] == [0.5, 8]


def test_between_ticks_entities_are_matched_by_id_and_newborns_stand(world):
    world.view(Body.pos, alpha=0)
    ids = world.tables["thing"].ids()

    def life(world, dt):
        for agents in world.query(Body):
            agents.birth([0], Body(pos=(4, 4)))
            agents.kill([1])

    world.schedule = (drift, life)
    world.step()
    world.tables["thing"].permute(np.array([2, 1, 0]))
    found = dict(zip(*(a.tolist() for a in world.view(Body.pos, alpha=0.5))))
    assert found[int(ids[0])] == [1.5, 1]
    assert found[int(ids[2])] == [8, 15.75]
    child = next(id for id in found if id not in ids)
    assert found[child] == [4, 4]
    world.schedule = (drift,)
    world.step()
    found = dict(zip(*(a.tolist() for a in world.view(Body.pos, alpha=0.5))))
    assert found[child] == [4.5, 4]


def test_nothing_is_kept_until_somebody_asks(world):
    world.step()
    world.view(Body.pos)
    assert not world._past.columns
    world.view(Body.pos, Body.vel, alpha=0.5)
    assert world._past.columns == {Body.pos}


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_an_alpha_beyond_the_two_ticks_is_refused(world, alpha):
    with pytest.raises(SettingsError, match="alpha"):
        world.view(Body.pos, alpha=alpha)


@given(
    st.lists(st.tuples(*[st.floats(0, 1, exclude_max=True)] * 4), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_a_blend_stays_inside_and_never_goes_the_long_way(points, alpha):
    size = (16.0, 5.0)
    array = np.array(points, np.float32) * np.float32([*size, *size])
    array = np.minimum(array, np.nextafter(np.float32([*size, *size]), np.float32(0)))
    past, now = array[:, :2], array[:, 2:]
    out = blend(past, now, alpha, size)
    assert out.dtype == np.float32
    assert (out >= 0).all()
    assert (out < np.float32(size)).all()

    def apart(a, b):
        gap = np.abs(a.astype(np.float64) - b)
        return np.minimum(gap, np.array(size) - gap)

    whole, part = apart(past, now), apart(past, out)
    np.testing.assert_allclose(part, alpha * whole, atol=1e-5 * max(size))


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # on CUDA: tests/cuda/test_capture.py
def test_the_profile_has_every_system_the_barrier_and_the_tick(world):
    for _ in range(5):
        world.step()
    assert list(world.profile) == ["drift", "barrier", "tick"]
    timing = world.profile["drift"]
    assert timing.count == 5
    assert 0 < timing.p50 <= timing.p99 <= timing.max
    assert world.profile["tick"].mean >= timing.mean
    assert len(str(world.profile).splitlines()) == 4
    world.profile.reset()
    assert world.profile["tick"].count == 0
    with pytest.raises(KeyError, match="no system 'fly'"):
        world.profile["fly"]


def test_percentiles_look_back_a_window_and_the_maximum_at_everything():
    profile = Profile(["a"])
    profile.record(0, 10**9)
    for _ in range(WINDOW):
        profile.record(0, 1000)
    assert profile["a"] == pytest.approx((WINDOW + 1, 1e-6, 1e-6, 1.0, (1 + WINDOW * 1e-6) / (WINDOW + 1)))
    assert len(profile.times("a")) == WINDOW
    profile.record(0, 3000)
    assert profile.times("a")[-1] == pytest.approx(3e-6)
