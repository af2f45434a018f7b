"""Who is under the mouse: by closed forms, against looking at everybody, and round the torus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.look import Look
from swarm.render import pick
from swarm.render.camera import Camera
from swarm.render.columns import Columns
from swarm.render.renderer import Renderer
from tests.image import senses
from tests.image.draw import SIZE, WORLD, agents
from tests.image.standin import Body

LOOK = Look("forager", Body.pos, Body.vel)


def sheet(places):
    columns = Columns(LOOK)
    columns.read(agents(places))
    return columns


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 60),
    x=st.floats(-50, 450),
    y=st.floats(-50, 350),
    reach=st.floats(0, 400),
    zoom=st.floats(0.4, 5),
    alpha=st.floats(0, 1),
)
def test_it_is_the_nearest_of_all_on_the_torus(seed, n, x, y, reach, zoom, alpha):
    rng = np.random.default_rng(seed)
    columns, camera = sheet(rng.uniform(0, 1, (n, 2)) * WORLD), Camera(WORLD, SIZE)
    columns.way[:n] = rng.normal(0, 3, (n, 2))
    columns.farthest = float(np.abs(columns.way[:n]).max())
    camera.scale *= zoom
    camera.x, camera.y = rng.uniform(0, 1, 2) * WORLD
    shown = columns.place[:n].astype(float) - (1 - alpha) * columns.way[:n].astype(float)
    gap = shown - camera.to_world(x, y)
    gap -= np.rint(gap / WORLD) * WORLD
    distance = np.hypot(*gap.T) * camera.scale
    found = pick.nearest(columns, camera, x, y, reach, alpha)
    if abs(distance.min() - reach) < 1e-6:
        return
    if distance.min() > reach:
        assert found is None
    else:
        assert found is not None
        assert found[1] == pytest.approx(distance.min(), abs=1e-6)
        assert distance[found[0]] == pytest.approx(distance.min(), abs=1e-6)  # the stand-in's ids are row numbers


def test_images_beyond_the_edge_are_their_entity():
    columns, camera = sheet([(1, 15), (20, 15)]), Camera(WORLD, SIZE)
    camera.fit(0.5)  # 5 px per m: the world from 100 to 300 px
    assert pick.nearest(columns, camera, 105, 150, 3, 1.0) == (0, 0.0)
    assert pick.nearest(columns, camera, 305, 150, 3, 1.0) == (0, 0.0)
    assert pick.nearest(columns, camera, 0, 150, 3, 1.0) == (1, 0.0)
    assert pick.nearest(columns, camera, 250, 150, 3, 1.0) is None


@pytest.fixture
def renderer(gl):
    world = senses.world()
    made = Renderer(gl, world, SIZE, looks=senses.LOOKS)
    made.upload(world)
    yield made, world
    made.release()


def test_thinkers_come_before_things(renderer):
    made, world = renderer
    first = int(world.tables["agent"].ids()[0])
    world.write(senses.Rock.pos, int(world.tables["stone"].ids()[0]), np.float32([20.2, 15]))
    made.upload(world)
    assert made.pick(202, 150) == first
    assert made.pick(250, 300 - 180) == 0 or made.pick(250, 120) != first
    stone = int(world.tables["stone"].ids()[3])  # at (8, 6)
    assert made.pick(80, 240, reach=2.0) == stone


def test_nobody_is_far_from_everybody(renderer):
    made, _ = renderer
    made.camera.scale = 200.0
    made.camera.x, made.camera.y = 20.0, 12.0
    assert made.pick(200, 150) == 0


def test_a_large_shape_is_hit_on_its_whole_body(renderer):
    made, world = renderer
    made.camera.scale, made.camera.x, made.camera.y = 300.0, 20.0, 15.0  # an agent is 420 px long
    assert made.pick(200 + 150, 150, reach=5.0) == int(world.tables["agent"].ids()[0])


def test_place_is_none_for_the_dead(renderer):
    made, world = renderer
    gone = int(world.tables["agent"].ids()[4])
    assert made.place(gone) is not None
    world.kill(gone)
    world.step()
    made.upload(world)
    assert made.place(gone) is None
    made.selected = gone
    made.take(world)  # nothing is drawn of it, and nothing raised
    made.show(0.5)
