"""Level of detail: what is counted, in which colour, and when one way of drawing gives way to another."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from swarm.look import Look
from swarm.render import buffers, density, palette
from swarm.render.camera import Camera
from swarm.render.columns import Columns
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image.standin import Body, Energy, Standin

WORLD = (40.0, 30.0)
SIZE = (400, 300)
LOOK = Look("agent", Body.pos, colour=Energy.level, limits=(0.0, 1.0), size=0.05)


def crowd(pos, level):
    return Standin(WORLD, agent={Body.pos: pos, Energy.level: level})


def halves(n=60_000, seed=0):
    """Two thirds of all in the left half, of energy 0, the others in the right half, of energy 1."""
    rng = np.random.default_rng(seed)
    left = rng.uniform(size=n) < 2 / 3
    pos = np.where(left[:, None], (0, 0), (20, 0)) + rng.uniform(0, 1, (n, 2)) * (20, 30)
    return crowd(pos, np.where(left, 0.0, 1.0))


@pytest.fixture
def draw(gl):
    """A function that draws a world, counted on the processor or on the card; gives renderer and picture."""
    made = []

    def drawn(world, software=True, prepare=None, look=LOOK):
        renderer, target = Renderer(gl, world, SIZE, looks=(look,)), Target(gl, SIZE)
        made.extend((renderer, target))
        renderer.hud = None
        renderer.shared.software = software
        if prepare is not None:
            prepare(renderer.camera)
        renderer.upload(world)
        renderer.draw(target.framebuffer)
        return renderer, target.read().astype(float)

    yield drawn
    for thing in made:
        thing.release()


def cells(renderer) -> np.ndarray:
    texture = renderer.sprites[0].map.cells
    return np.frombuffer(texture.read(), np.float32).reshape(*texture.size[::-1], 4)


@pytest.mark.parametrize("software", [True, False])
def test_everybody_is_counted_once_in_the_right_half_and_colour(draw, software):
    renderer, _ = draw(halves(), software)
    assert renderer.lod == "density"
    sums = cells(renderer)
    level = halves().tables["agent"].column(Energy.level)
    assert sums[..., 3].sum() == pytest.approx(len(level), rel=0 if software else 2e-3)
    assert sums[:, :100, 3].sum() == pytest.approx((level == 0).sum(), rel=0 if software else 2e-3)
    ends = palette.table("ember", "dark")[[0, 255]] / 255
    for half, ink in ((np.s_[:, :100], ends[0]), (np.s_[:, 100:], ends[1])):
        mean = sums[half][..., :3].sum((0, 1)) / sums[half][..., 3].sum()
        assert np.allclose(mean, ink, atol=4e-3)


@pytest.mark.parametrize("place", ["whole", "corner", "far"])
def test_the_card_and_the_processor_count_the_same(draw, place):
    """But for those at a cell's edge: cards place points on a grid of 1/256 cell, along two axes."""

    def prepare(camera):
        if place == "corner":
            camera.x, camera.y = 0.3, 0.2
        if place == "far":
            camera.scale *= 0.7
            camera.x = 35.0

    one, two = (cells(draw(halves(), software, prepare)[0])[..., 3] for software in (True, False))
    assert one.sum() == pytest.approx(two.sum(), rel=4e-3)
    assert np.abs(one - two).sum() <= 2 * 2 / 256 * one.sum()


def test_images_of_the_world_weigh_less():
    columns, camera = Columns(LOOK), Camera(WORLD, SIZE)
    columns.read(crowd([(1.0, 15.0)], [0.0]))
    camera.fit(0.5)  # one world in the middle, a half of it at either side
    found = density.count(columns, palette.table("ember", "dark"), camera, (200, 150), 0.25)
    weights = np.sort(found[..., 3][found[..., 3] > 0])
    assert weights.tolist() == pytest.approx([0.25] * (len(weights) - 1) + [1.0])
    assert len(weights) > 1


def test_where_more_are_it_is_stronger_and_the_colour_is_theirs(draw):
    world = halves()
    _, image = draw(world)
    world.tables["agent"].column(Energy.level)[:] = 0.5
    _, alike = draw(world)
    _, empty = draw(crowd(np.zeros((0, 2)), np.zeros(0)))
    seen = np.abs(alike - empty).sum(axis=2)
    assert seen[:, 20:180].mean() > 1.2 * seen[:, 220:380].mean() > 0
    left, right = image[:, 20:180].mean((0, 1)), image[:, 220:380].mean((0, 1))
    assert left[2] > left[0]  # the low end of the palette is blue
    assert right[0] > right[2]  # the high end yellow


def test_nothing_is_counted_again_while_camera_and_tick_stay(draw, gl, monkeypatch):
    world = halves()
    renderer, _ = draw(world)
    target, calls = Target(gl, SIZE), []
    real = density.count
    monkeypatch.setattr(density, "count", lambda *about: calls.append(1) or real(*about))
    renderer.draw(target.framebuffer)
    assert calls == []
    renderer.camera.pan(3, 0)
    renderer.draw(target.framebuffer)
    renderer.upload(world)
    renderer.draw(target.framebuffer)
    assert len(calls) == 2
    target.release()


def test_levels_follow_the_zoom_with_a_margin(draw):
    """Out from sprites over points to the map and back: each change on the way in lies nearer than on the way out."""
    n = 60_000
    renderer, _ = draw(halves(n), look=Look("agent", Body.pos, colour=Energy.level, limits=(0.0, 1.0), size=0.02))
    (sprites,) = renderer.sprites
    camera, spacing = renderer.camera, np.sqrt(WORLD[0] * WORLD[1] / n)
    scales = np.geomspace(120, 0.5, 300) / spacing / 10

    def walk(scales):
        found = []
        for camera.scale in scales:
            found.append(sprites.choose(camera))
        return np.array(found)

    out, back = walk(scales), walk(scales[::-1])[::-1]
    for levels in (out, back):
        assert [k for k, _ in groupby(levels)] == ["sprites", "points", "density"]
    rank = {"sprites": 0, "points": 1, "density": 2}
    away = np.array([rank[b] - rank[o] for o, b in zip(out, back, strict=True)])
    assert (away >= 0).all()
    assert (away > 0).sum() > 4


def test_few_are_never_a_map(draw):
    renderer, _ = draw(crowd([(1, 1)] * 50, [0.0] * 50), prepare=lambda camera: setattr(camera, "scale", 1.0))
    assert renderer.lod != "density"


def test_in_the_map_no_past_is_kept(draw):
    world = halves()
    renderer, _ = draw(world)
    asked = []
    real = world.view
    world.view = lambda *columns, alpha=None: asked.append(alpha) or real(*columns)
    renderer.take(world)
    assert set(asked) == {None}


def test_of_a_crowd_out_of_sight_only_what_is_near_is_sent(gl, monkeypatch):
    """And the picture is the same, byte for byte, wherever the camera looks, also across the edge and on its way."""
    world = halves(30_000)
    look = Look("agent", Body.pos, Body.vel, Energy.level, limits=(0.0, 1.0), size=0.15, glow=0.3)
    rng = np.random.default_rng(2)
    world.tables["agent"] = crowd_with_ways(world.tables["agent"], rng)
    target, shots, sent = Target(gl, SIZE), {}, {}
    for few in (0, 1_000_000):
        monkeypatch.setattr(buffers, "FEW", few)
        renderer = Renderer(gl, world, SIZE, looks=(look,))
        renderer.hud = None
        renderer.take(world)
        renderer.show(0.3)
        shots[few] = []
        for x, y, scale in (
            (20, 15, 60),
            (20.5, 15, 60),
            (39.9, 0.1, 80),
            (1, 29, 200),
            (5, 5, 30),
            (5, 5, 10),
            (3, 3, 90),
        ):
            camera = renderer.camera
            camera.x, camera.y, camera.scale = float(x), float(y), float(scale)
            renderer.draw(target.framebuffer)
            shots[few].append(target.read())
        sent[few] = renderer.sent
        renderer.release()
    target.release()
    for one, two in zip(shots[0], shots[1_000_000], strict=True):
        assert np.array_equal(one, two)
        assert (one.max(axis=2) > 60).any()
    assert sent[1_000_000] == 16 * 30_000
    assert sent[0] < 2.5 * sent[1_000_000]  # seven pictures, one of the whole world


def test_near_the_camera_little_is_sent(draw):
    renderer, _ = draw(halves(60_000), prepare=lambda camera: setattr(camera, "scale", 80.0))
    seen = 400 * 300 / 80**2 / (WORLD[0] * WORLD[1])
    assert 0 < renderer.sent < 16 * 60_000 * 10 * seen


def crowd_with_ways(table, rng):
    """The same table with headings."""
    vel = rng.normal(0, 1, (table.n, 2))
    return Standin(
        WORLD, agent={Body.pos: table.column(Body.pos), Body.vel: vel, Energy.level: table.column(Energy.level)}
    ).tables["agent"]
