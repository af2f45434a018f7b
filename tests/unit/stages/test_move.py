"""move: steps, wrapping, limits, and velocities that are not finite."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError, SettingsError
from swarm.stages.move import wrap
from tests.unit.stages.worlds import Body, Plant, host, places, run, world


def test_a_step_is_pos_plus_vel_dt(backend: str):
    w = world(backend)
    w.spawn(
        2, Body(pos=np.array([[1, 2], [63.9, 0.1]], np.float32), vel=np.array([[8, -4], [8, -8]], np.float32)), name="b"
    )
    w.spawn(2, Plant(pos=1.0), name="plant")
    run(w, swarm.move(Body.pos, Body.vel))
    want = np.array([[2, 1.5], [np.float32(63.9) + 1 - 64, np.float32(0.1) - 1 + 64]], np.float32)
    assert np.array_equal(host(w.tables["b"], Body.pos), want)
    assert host(w.tables["plant"], Plant.pos).tolist() == [[1, 1]] * 2


def test_limit_slows_and_keeps_the_direction(backend: str):
    w = world(backend)
    vel = np.array([[3, 4], [0.3, 0.4], [0, -50], [0, 0]], np.float32)
    w.spawn(4, Body(pos=32.0, vel=vel), name="b")
    run(w, swarm.move(Body.pos, Body.vel, limit=2.5))
    assert np.allclose(host(w.tables["b"], Body.vel), [[1.5, 2], [0.3, 0.4], [0, -2.5], [0, 0]])
    assert np.allclose(host(w.tables["b"], Body.pos), 32 + 0.125 * host(w.tables["b"], Body.vel))


@pytest.mark.parametrize("side", [1.0, 64.0, 7.3, 2825.48, 1e-3])
def test_wrapping_never_gives_the_side_itself(side: float):
    side = np.float32(side)
    eps = np.spacing(side)
    near = [0, -0.0, side, -side, 2 * side, side - eps, -eps, -1e-30, -1e-45, 1e-45, 3 * side + eps, -5 * side - eps]
    x = np.array([*near, 1e9, -1e9, 1e30, -1e30], np.float32)
    got = wrap(x, side)
    assert got.dtype == np.float32
    assert (got >= 0).all()
    assert (got < side).all()
    inside = np.array([0, side / 2, side - eps], np.float32)
    assert np.array_equal(wrap(inside, side), inside)


def test_the_kernels_wrap_alike(backend: str):
    """Displacements from tiny to absurd leave every position inside, in equal bits."""
    rng = np.random.default_rng(0)
    size = (7.3, 2825.48)
    pos = places(rng, 20_000, size)
    vel = (rng.normal(size=(20_000, 2)) * 10.0 ** rng.uniform(-40, 25, (20_000, 1))).astype(np.float32)
    w = world(backend, size)
    w.spawn(len(pos), Body(pos=pos, vel=vel), name="b")
    run(w, swarm.move(Body.pos, Body.vel))
    got = host(w.tables["b"], Body.pos)
    for axis in (0, 1):
        side = np.float32(size[axis])
        assert np.array_equal(got[:, axis], wrap(pos[:, axis] + vel[:, axis] * np.float32(0.125), side))
        assert (got[:, axis] < side).all()
        assert (got[:, axis] >= 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_velocity_that_leads_nowhere_is_named(backend: str, value: float):
    w = world(backend)
    w.dt = 8.0
    ids = w.spawn(6000, Body(pos=w.scatter), name="b")
    w.tables["b"].column(Body.vel)[5000, 1] = value
    with pytest.raises(NonFiniteError, match=f"move Body.pos: entity {ids[5000]} of table 'b' has Body"):
        run(w, swarm.move(Body.pos, Body.vel))


@pytest.mark.parametrize("limit", [0, -1, float("nan"), "fast"])
def test_bad_limits_are_refused(limit):
    with pytest.raises(SettingsError, match="move: limit"):
        swarm.move(Body.pos, Body.vel, limit=limit)
