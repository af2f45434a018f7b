"""move between walls: who runs into one stands, or comes back; nobody leaves the world."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import NonFiniteError, SettingsError
from tests.unit.stages.worlds import Body, host, places, run, world

LAST = np.nextafter(np.float32(64), np.float32(0))


def moved(backend: str, pos, vel, **options):
    w = world(backend)
    w.spawn(len(pos), Body(pos=np.asarray(pos, np.float32), vel=np.asarray(vel, np.float32)), name="b")
    run(w, swarm.move(Body.pos, Body.vel, **options))
    return host(w.tables["b"], Body.pos), host(w.tables["b"], Body.vel)


def test_walls_stop_one_part_of_the_velocity(backend: str):
    pos, vel = moved(backend, [[0.5, 10], [63.5, 63.75], [32, 32]], [[-8, 8], [8, 16], [8, 8]], edge="wall")
    assert pos.tolist() == [[0, 11], [LAST, LAST], [33, 33]]
    assert vel.tolist() == [[0, 8], [0, 0], [8, 8]]


def test_bounce_mirrors_position_and_velocity(backend: str):
    pos, vel = moved(backend, [[0.5, 10], [63.5, 63.75], [1, 1]], [[-8, 8], [8, 16], [-1024, 8]], edge="bounce")
    assert pos.tolist() == [[0.5, 11], [63.5, 62.25], [LAST, 2]]
    assert vel.tolist() == [[-8 * -1, 8], [-8, -16], [1024, 8]]


def test_the_limit_holds_before_the_wall(backend: str):
    pos, vel = moved(backend, [[1, 32]], [[-64, 0]], edge="bounce", limit=16)
    assert pos.tolist() == [[1, 32]]
    assert vel.tolist() == [[16, 0]]


@pytest.mark.parametrize("edge", ["wall", "bounce"])
def test_nobody_leaves_and_backends_agree(backend: str, edge: str):
    """Any speed: all stay in [0, side), in the bits of the reference."""
    rng = np.random.default_rng(0)
    pos = places(rng, 5000, (64, 64))
    vel = (rng.normal(size=pos.shape) * 10.0 ** rng.uniform(-3, 6, (5000, 1))).astype(np.float32)
    found, want = moved(backend, pos, vel, edge=edge), moved("reference", pos, vel, edge=edge)
    assert (found[0] >= 0).all()
    assert (found[0] < 64).all()
    assert all(np.array_equal(a, b) for a, b in zip(found, want))


def test_a_ball_between_walls_keeps_its_speed(backend: str):
    w = world(backend)
    w.spawn(50, Body(pos=w.scatter, vel=np.float32([8, -24])), name="b")
    w.schedule = (swarm.move(Body.pos, Body.vel, edge="bounce"),)
    for _ in range(40):
        w.step()
    assert np.array_equal(np.abs(host(w.tables["b"], Body.vel)), np.tile(np.float32([8, 24]), (50, 1)))


def test_velocities_that_lead_nowhere_are_named(backend: str):
    with pytest.raises(NonFiniteError, match=r"has Body.vel = \[\s*inf"):
        moved(backend, [[1, 1]], [[np.inf, 0]], edge="wall")


def test_an_unknown_edge_is_refused():
    with pytest.raises(SettingsError, match=r"edge is 'open'. Choose one of torus, wall, bounce"):
        swarm.move(Body.pos, Body.vel, edge="open")
    assert swarm.move(Body.pos, Body.vel, edge="wall").describe()["edge"] == "wall"
