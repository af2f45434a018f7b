"""steer and turn: inertia has a closed form, headings stay in their range, speeds within their limits."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, Own, f32
from swarm.backend.circle import cos_sin
from swarm.errors import NonFiniteError, SchemaError, SettingsError
from tests.unit.stages.worlds import Body, Energy, host, run, world


class Craft(Component):
    heading = f32(unit="rad")
    speed = f32(unit="m/s")
    wish = f32(2)


Mind = swarm.mind(level=Own(Energy.level), actions=("eat", "turn", "push"))


def crafts(backend: str, count: int = 1, **values):
    w = world(backend)
    w.spawn(count, Body(pos=32.0), Craft(**values), name="craft")
    return w


def test_steering_reaches_push_over_drag(backend: str):
    """v_k = push / drag (1 - (1 - drag dt)^k), to rounding."""
    w = crafts(backend, wish=np.float32([1, -0.5]))
    w.schedule = (swarm.steer(Body.vel, by=Craft.wish, push=4.0, drag=2.0),)
    for k in range(1, 40):
        w.step()
        want = 2.0 * (1 - 0.75**k) * np.array([1, -0.5])
        assert np.allclose(host(w.tables["craft"], Body.vel), want, rtol=1e-6)


def test_without_drag_velocity_adds_up(backend: str):
    w = crafts(backend, wish=np.float32([0.5, 0]))
    run(w, *[swarm.steer(Body.vel, by=Craft.wish, push=8.0)] * 3)
    assert host(w.tables["craft"], Body.vel).tolist() == [[1.5, 0]]


def test_a_turn_is_a_circle(backend: str):
    """Half a turn a second at 2 m/s: in 16 ticks of 1/8 s back where it was, round a circle of 2 / pi m."""
    w = crafts(backend, wish=np.float32([1, 0]), speed=2.0)
    stages = swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Craft.wish, rate=np.pi), swarm.move(Body.pos, Body.vel)
    w.schedule = stages
    track = []
    for _ in range(16):
        w.step()
        track.append(host(w.tables["craft"], Body.pos)[0].astype(float))
    assert np.allclose(track[-1], [32, 32], atol=1e-4)
    radius = 2 * w.dt / (2 * np.sin(np.pi * w.dt / 2))  # of a regular polygon with 16 sides
    middle = np.mean(track, axis=0)
    assert np.allclose(np.hypot(*(np.array(track) - middle).T), radius, atol=1e-4)


def test_headings_stay_in_their_range_and_speeds_within_limits(backend: str):
    rng = np.random.default_rng(1)
    wish = rng.normal(size=(500, 2)).astype(np.float32)
    w = crafts(backend, 500, wish=wish, heading=rng.uniform(-np.pi, np.pi, 500), speed=1.0)
    w.schedule = (swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Craft.wish, push=8, drag=0.5, limit=3),)
    for _ in range(12):
        w.step()
        heading, speed, vel = (host(w.tables["craft"], c) for c in (Craft.heading, Craft.speed, Body.vel))
        assert (heading >= -np.float32(np.pi)).all()
        assert (heading < np.float32(np.pi)).all()
        assert (speed >= 0).all()
        assert (speed <= 3).all()
        assert np.allclose(vel[:, 0], speed * np.cos(heading.astype(float)), atol=1e-6)
        assert np.allclose(vel[:, 1], speed * np.sin(heading.astype(float)), atol=1e-6)
    assert (speed == 3).any()
    assert (speed == 0).any()


def test_reverse_goes_backwards(backend: str):
    w = crafts(backend, wish=np.float32([0, -1]))
    run(w, swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Craft.wish, push=8, reverse=True, limit=0.75))
    assert host(w.tables["craft"], Body.vel).tolist() == [[-0.75, 0]]


def test_actions_are_named(backend: str):
    w = world(backend)
    w.spawn(1, Body(pos=1.0), Craft, Energy, Mind, name="craft")

    @swarm.system(writes=[Mind.actions])
    def act(world, dt):
        world.tables["craft"].column(Mind.actions)[...] = world.backend.array(np.float32([[9, 0.5, 0.25]]))

    run(w, act, swarm.turn(Craft.heading, Craft.speed, Body.vel, by=(Mind, "turn", "push"), rate=2.0, push=8.0))
    assert host(w.tables["craft"], Craft.heading).tolist() == [0.125]
    assert host(w.tables["craft"], Craft.speed).tolist() == [0.25]


def test_sine_and_cosine_are_within_half_an_ulp_of_one():
    x = np.concatenate([np.linspace(-10, 10, 20_001), np.linspace(-1e5, 1e5, 9999)]).astype(np.float32)
    c, s = cos_sin(x)
    assert np.abs(c - np.cos(x.astype(float))).max() < 2.0**-24
    assert np.abs(s - np.sin(x.astype(float))).max() < 2.0**-24
    c, s = cos_sin(np.float32([0, -0.0, np.nan]))
    assert c[:2].tolist() == [1, 1]
    assert s[:2].tolist() == [0, 0]
    assert np.isnan(c[2])


def test_bad_actions_are_named(backend: str):
    w = crafts(backend, 2, wish=np.float32([[0, 0], [np.nan, 0]]))
    ids = w.tables["craft"].ids()
    with pytest.raises(NonFiniteError, match=f"turn Craft.heading: entity {ids[1]} .* has Craft.wish"):
        run(w, swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Craft.wish))


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match="steer: push is 0"):
        swarm.steer(Body.vel, by=Craft.wish, push=0)
    with pytest.raises(SettingsError, match="steer: drag is -1"):
        swarm.steer(Body.vel, by=Craft.wish, drag=-1)
    with pytest.raises(SchemaError, match=r"by is Craft.speed, must be 2 float32 numbers"):
        swarm.steer(Body.vel, by=Craft.speed)
    with pytest.raises(SettingsError, match="names 'jump'; Mind acts by eat, turn, push"):
        swarm.steer(Body.vel, by=(Mind, "turn", "jump"))
    with pytest.raises(SchemaError, match="Give a column, or actions"):
        swarm.steer(Body.vel, by=3)
    w = crafts("reference", wish=0)
    with pytest.raises(SettingsError, match=r"a drag of 8 1/s stops everything within a tick of 0.125 s"):
        run(w, swarm.steer(Body.vel, by=Craft.wish, drag=8))
    with pytest.raises(SettingsError, match="over half a turn in a tick"):
        run(w, swarm.turn(Craft.heading, Craft.speed, Body.vel, by=Craft.wish, rate=30))
