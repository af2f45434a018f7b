"""flock: the seven neighbour sums against a brute-force oracle, and what they steer."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import SettingsError
from tests.unit.stages.worlds import Body, Energy, differences, host, places, run, world


def oracle(pos, vel, size, radius):
    """float64 sums [N, 7] over float32 differences."""
    dx, dy = differences(pos, pos, size)
    d2 = dx * dx + dy * dy
    near = d2 < np.float32(radius) ** 2
    np.fill_diagonal(near, False)
    weight = 1 / np.maximum(d2.astype(float), radius**2 * 2.0**-20)
    parts = (np.ones_like(d2), vel[None, :, 0], vel[None, :, 1], dx, dy, -dx * weight, -dy * weight)
    return np.stack([np.where(near, part, 0).astype(float).sum(axis=1) for part in parts], axis=1), near


def sums(backend, pos, vel, size, radius, **index):
    w = world(backend, size)
    w.spawn(len(pos), Body(pos=pos, vel=vel), name="bird")
    stage = swarm.flock(Body.pos, Body.vel, radius=radius, cohesion=0, alignment=0, separation=0)
    run(w, swarm.index(Body.pos, **index), stage)
    with w.backend.running():
        return w.backend.host(stage.sums(w, w.indices[Body.pos]))[: len(pos)]


@pytest.mark.parametrize(
    ("size", "radius"), [((60.0, 45.0), 5.0), ((20.0, 20.0), 10.0), ((30.0, 30.0), 9.9), ((400.0, 31.0), 9)]
)
def test_sums_against_the_oracle(backend: str, size, radius: float):
    rng = np.random.default_rng(6)
    pos, vel = places(rng, 300, size), rng.normal(size=(300, 2)).astype(np.float32)
    want, near = oracle(pos, vel, size, radius)
    got = sums(backend, pos, vel, size, radius, cap=300)
    assert np.array_equal(got[:, 0], near.sum(axis=1))
    scale = np.maximum(near.sum(axis=1), 1)[:, None] * np.array([1, 4, 4, radius, radius, 1e3, 1e3])
    assert (np.abs(got - want) <= 1e-6 * scale).all()


def test_entities_left_out_by_the_cap_still_see(backend: str):
    pos = np.full((40, 2), 10.0, np.float32)
    with pytest.warns(UserWarning, match="more than cap=16 members, 24 were left out"):
        got = sums(backend, pos, np.ones((40, 2), np.float32), (64.0, 64.0), 4.0, cap=16)
    assert sorted(np.unique(got[:, 0])) == [15, 16]  # members do not see themselves
    assert np.isfinite(got).all()


def test_two_birds_by_hand(backend: str):
    w = world(backend)
    pos = np.array([[63, 10], [1, 10]], np.float32)
    w.spawn(2, Body(pos=pos, vel=np.array([[0, 4], [0, 0]], np.float32)), name="bird")
    w.spawn(1, Body(pos=40.0, vel=3.0), name="alone")
    w.spawn(2, Body(pos=10.0), Energy(), name="other")
    run(w, swarm.index(Body.pos), swarm.flock(Body.pos, Body.vel, radius=5, cohesion=1, alignment=0.5, separation=3))
    # towards each other 2 m: cohesion +-2, separation -+3 * 2 / 4, alignment half the difference of velocities; dt 1/8
    assert host(w.tables["bird"], Body.vel).tolist() == [[0.5 / 8, 4 - 2 / 8], [-0.5 / 8, 2 / 8]]
    assert host(w.tables["alone"], Body.vel).tolist() == [[3, 3]]
    assert host(w.tables["other"], Body.vel).tolist() == [[0, 0]] * 2


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match="radius"):
        swarm.flock(Body.pos, Body.vel, radius=-1)
    with pytest.raises(SettingsError, match="finite"):
        swarm.flock(Body.pos, Body.vel, radius=1, cohesion=float("nan"))
