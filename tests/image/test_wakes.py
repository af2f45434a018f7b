"""Short trails: they lie where agents went, fade, and stay in their place in the world when the camera moves."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.look import Look
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image.draw import centre
from tests.image.senses import Body

SIZE = (400, 300)
LOOK = Look("agent", Body.pos, Body.vel, "#ffffff", size=0.2)


@pytest.fixture
def run(gl):
    """A function that makes ticks of one agent that goes 1 m a tick to +x, and returns renderer, world and drawing."""
    made = []

    def begin(ticks=8, trails=True, at=(10, 15)):
        world = swarm.World(size=(40, 30), tick=1.0, backend="reference", seed=1)
        world.spawn(1, Body(pos=np.float32(at), vel=np.float32([1, 0])), name="agent")
        world.schedule = (swarm.move(Body.pos, Body.vel),)
        renderer, target = Renderer(gl, world, SIZE, looks=(LOOK,)), Target(gl, SIZE)
        made.extend((renderer, target))
        renderer.hud, renderer.trails = None, trails
        renderer.take(world)

        def draw():
            renderer.show()
            renderer.draw(target.framebuffer)
            return target.read().astype(float)

        draw()
        for _ in range(ticks):
            world.step()
            renderer.take(world)
            draw()
        return renderer, world, draw

    yield begin
    for thing in made:
        thing.release()


def light(run, **options):
    """What trails add to the picture."""
    return np.abs(run(**options)[2]() - run(trails=False, **options)[2]()).sum(axis=2)


def test_they_lie_where_agents_went_and_fade_towards_the_past(run):
    seen = light(run)
    across = seen[140:160].sum(axis=0)  # 10 px per m: from x = 10 m to 18 m
    assert across[:95].sum() == across[185:].sum() == 0
    young, old = across[150:175].mean(), across[105:130].mean()
    assert young > old > 0
    rows = seen.sum(axis=1)
    assert rows[:140].sum() == rows[160:].sum() == 0


def test_they_stay_in_their_place_when_the_camera_moves(run):
    renderer, _, draw = run()
    renderer.trails = True
    before = centre(np.abs(draw() - run(trails=False)[2]()).sum(axis=2))
    still, _, plain = run(trails=False)
    for one in (renderer, still):
        one.camera.pan(30, -20)
    moved = centre(np.abs(draw() - plain()).sum(axis=2))
    assert moved == pytest.approx((before[0] + 30, before[1] - 20), abs=2.0)
    for one in (renderer, still):
        one.camera.zoom(1.5, 200, 150)
    zoomed = centre(np.abs(draw() - plain()).sum(axis=2))
    wanted = [middle + 1.5 * (m - middle) for m, middle in zip(moved, (200, 150), strict=True)]
    assert zoomed == pytest.approx(wanted, abs=3.0)


def test_over_the_edge_there_is_no_line_across_the_world(run):
    seen = light(run, at=(36, 15))
    assert seen[:, 60:350].sum() == 0
    assert seen[:, :60].sum() > 0
    assert seen[:, 355:].sum() > 0


def test_going_back_begins_anew(run):
    renderer, world, draw = run()
    world.tick -= 5
    renderer.take(world)
    draw()
    assert renderer.wakes.tick == world.tick
    lit = np.frombuffer(renderer.wakes.textures[0].read(), np.float16)
    assert lit.max() <= 0.5 + 1e-3  # the last way alone


def test_switched_off_and_on_they_are_drawn_again(run):
    renderer, world, draw = run()
    renderer.trails = False
    draw()
    renderer.trails = True
    world.step()
    renderer.take(world)
    draw()
    assert np.frombuffer(renderer.wakes.textures[0].read(), np.float16).max() > 0.1
    assert renderer.sprites[0].buffers.arrays["lines"].program is renderer.wakes.line  # not the one that was released


def test_switched_off_nothing_is_left(run):
    renderer, _, draw = run()
    assert renderer.wakes is not None
    renderer.trails = False
    draw()
    assert renderer.wakes is None
