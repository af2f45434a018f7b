"""Between two ticks: where agents are shown, by closed forms. Names are ids: rows change places when somebody dies.

Tolerance: the way of a tick is sent in 16-bit floats, 11 bits: 1/2000 of it, m.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import Component, f32
from swarm.ecs.follow import blend
from swarm.look import Look
from swarm.marks import Heat
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image.draw import agents, centre
from tests.image.draw import look as discs

SIZE = (40.0, 30.0)


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


def world(pos, vel, rules=()):
    made = swarm.World(size=SIZE, tick=0.5, backend="reference", seed=1)
    pos = np.asarray(pos, np.float32)
    made.spawn(len(pos), Body(pos=pos, vel=np.asarray(vel, np.float32)), name="agent")
    made.schedule = (*rules, swarm.move(Body.pos, Body.vel))
    return made


@pytest.fixture
def renderer(gl):
    looks = (Look("agent", Body.pos, Body.vel, size=2.0, shape="disc"),)
    made = Renderer(gl, world([(1, 1)], [(0, 0)]), (400, 300), looks=looks)
    made.hud = None
    yield made
    made.release()


def test_half_way_between_two_ticks_and_across_the_edge(renderer):
    w = world([(10, 10), (39, 1)], [(4, 2), (4, -4)])
    renderer.take(w)
    w.step()  # two metres, one metre; and over both edges
    renderer.take(w)
    first, second = w.tables["agent"].ids().tolist()
    for alpha, one, two in ((0.0, (10, 10), (39, 1)), (0.5, (11, 10.5), (0, 0)), (None, (12, 11), (1, 29))):
        renderer.show(alpha)
        assert renderer.place(first) == pytest.approx(one, abs=2e-3)
        gap = np.subtract(renderer.place(second), two)
        assert np.abs(gap - np.rint(gap / SIZE) * SIZE).max() <= 2e-3


def test_the_pixels_stand_there_too(renderer, gl):
    w, target = world([(39, 15)], [(4, 0)]), Target(gl, (400, 300))
    renderer.take(w)
    w.step()
    renderer.take(w)
    shots = {}
    for alpha in (0.0, 0.25, 1.0):
        renderer.show(alpha)
        renderer.draw(target.framebuffer)
        shots[alpha] = target.read().astype(float)
    target.release()
    moved = {a: np.abs(shots[a] - shots[b]).sum(axis=2) for a, b in ((0.0, 1.0), (0.25, 1.0))}
    left = {a: np.where(np.arange(400) > 200, seen, 0) for a, seen in moved.items()}
    assert centre(left[0.0]) == pytest.approx((390, 150), abs=0.5)  # 39 m
    assert centre(left[0.25]) == pytest.approx((394.6, 150), abs=1.0)  # 39.5 m, its right end beyond the edge


def test_who_dies_in_row_0_makes_nobody_jump(renderer):
    def cull(world, dt):
        for them in world.query(Body):
            them.kill(np.arange(len(them)) == 0)

    rng = np.random.default_rng(3)
    w = world(rng.uniform(0, 1, (50, 2)) * SIZE, rng.normal(0, 1, (50, 2)), (cull,))
    speed = float(np.linalg.norm(w.tables["agent"].column(Body.vel), axis=1).max())
    renderer.take(w)
    before = {}
    for _ in range(20):
        w.step()
        renderer.take(w)
        for alpha in (0.0, 0.5, 1.0):
            renderer.show(alpha)
            now = {id: renderer.place(id) for id in w.tables["agent"].ids().tolist()}
            for id in now.keys() & before.keys():
                gap = np.subtract(now[id], before[id])
                gap -= np.rint(gap / SIZE) * SIZE
                assert np.hypot(*gap) <= speed * w.dt * 0.5 * 1.01 + 1e-3
            before = now
    assert len(now) == 30


def test_newborns_stand_where_they_are(renderer):
    def bear(world, dt):
        for them in world.query(Body):
            them.birth(np.array([0] if world.tick == 1 else [], np.int64), Body(pos=np.float32([20, 20])))

    w = world([(10, 10)], [(2, 0)], (bear,))
    renderer.take(w)
    w.step()
    w.step()
    renderer.take(w)
    parent, child = sorted(w.tables["agent"].ids().tolist())
    for alpha in (0.0, 0.5, 1.0):
        renderer.show(alpha)
        assert renderer.place(child) == pytest.approx((20, 20), abs=1e-5)
    assert renderer.place(parent) == pytest.approx((12, 10), abs=2e-3)


def test_who_is_put_somewhere_else_does_not_slide_there(renderer):
    w = world([(10, 10), (30, 20)], [(1, 0), (1, 0)])
    first, second = w.tables["agent"].ids().tolist()

    def put(world, dt):
        world.tables["agent"].column(Body.pos)[1] = (11, 5)

    w.schedule = (*w.schedule, put)
    renderer.take(w)
    w.step()
    renderer.take(w)
    for alpha in (0.0, 0.5):
        renderer.show(alpha)
        assert renderer.place(second) == pytest.approx((11, 5), abs=1e-5)
        assert renderer.place(first) == pytest.approx((10 + 0.5 * alpha, 10), abs=1e-3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.tuples(st.floats(0, 39.9), st.floats(0, 29.9)),
    speed=st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    alpha=st.floats(0, 1),
)
def test_it_is_what_blending_on_the_processor_gives(renderer, start, speed, alpha):
    w = world([start], [speed])
    renderer.take(w)
    past = w.tables["agent"].column(Body.pos).copy()
    w.step()
    renderer.take(w)
    renderer.show(alpha)
    right = blend(past, w.tables["agent"].column(Body.pos), alpha, SIZE)[0]
    gap = np.subtract(renderer.place(w.tables["agent"].ids()[0]), right)
    assert np.abs(gap - np.rint(gap / SIZE) * SIZE).max() <= 10 / 2000 + 1e-4


def test_what_is_drawn_is_a_copy(gl):
    """Between `take` and the next one the world may change as it likes: columns and fields."""
    field = np.zeros((3, 4), np.float32)
    w, target = agents([(10, 5)]), Target(gl, (400, 300))
    scene = SimpleNamespace(marks=lambda world: (Heat(field, (0.0, 1.0)),))
    renderer = Renderer(gl, w, (400, 300), scene=scene, looks=(discs(),))
    renderer.hud = None
    renderer.take(w)
    shots = []
    for change in (False, True):
        if change:
            field[:] = 1.0
            for column in w.tables["forager"].components[0].columns:
                w.tables["forager"].column(column)[:] = 25
        renderer.show(0.5)
        renderer.draw(target.framebuffer)
        shots.append(target.read())
    renderer.take(w)
    renderer.show()
    renderer.draw(target.framebuffer)
    shots.append(target.read())
    renderer.release()
    target.release()
    assert np.array_equal(shots[0], shots[1])
    assert not np.array_equal(shots[1], shots[2])


def test_sixteen_bytes_an_agent_and_none_between_ticks(renderer, gl, monkeypatch):
    from swarm.render import columns

    w, target = (
        world(np.random.default_rng(0).uniform(0, 1, (5000, 2)) * SIZE, np.ones((5000, 2))),
        Target(gl, (400, 300)),
    )
    sent = []

    class Counted:
        def __init__(self, buffer):
            self.buffer = buffer

        def write(self, data):
            sent.append(memoryview(data).nbytes)

    def frame(alpha):
        sent.clear()
        renderer.show(alpha)
        renderer.draw(target.framebuffer)
        return sum(sent)

    renderer.take(w)
    frame(0.0)
    buffers = renderer.sprites[0].buffers
    real, buffers.buffers = buffers.buffers, [Counted(buffer) for buffer in buffers.buffers]
    assert [frame(alpha) for alpha in (0.2, 0.6, 1.0)] == [0, 0, 0]
    renderer.take(w)
    before = renderer.sent
    assert frame(0.5) == renderer.sent - before == columns.BYTES * 5000 == 16 * 5000
    buffers.buffers = real
    target.release()
