"""Known agents at known places give known pixels.

Tolerances: colours 4 of 255 (8-bit targets, dither of 1, palettes of 256 steps), places 0.3 px, directions 4 degrees.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm.look import Look
from swarm.render import palette
from tests.image.draw import GROUND, SIZE, WORLD, agents, centre, light, look, shot
from tests.image.standin import Energy, Plant, Standin


def test_two_agents_appear_where_they_are_in_their_colours(gl):
    image = shot(gl, agents([(10, 5), (30.5, 22)], levels=[0.0, 1.0]), look())
    colours = palette.table("ember", "dark")
    for place, ink in (((10, 5), colours[0]), ((30.5, 22), colours[255])):
        x, y = round(place[0] * 10), round(300 - place[1] * 10)
        expected = 0.82 * ink + 0.18 * GROUND  # discs are a little transparent
        assert np.abs(image[y, x] - expected).max() <= 4
    assert np.abs(image[150, 200] - GROUND).max() <= 4  # and nobody stands in the middle


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0, 8.0])
def test_the_centre_of_light_is_the_place_for_every_way_of_drawing(gl, size):
    seen = light(gl, agents([(20.03, 15.02)]), look(size=size))
    assert centre(seen) == pytest.approx((200.3, 149.8), abs=0.3)


@pytest.mark.parametrize("size", [1.2, 4.0])
@pytest.mark.parametrize("degrees", range(0, 360, 45))
def test_a_drop_points_along_its_heading(gl, degrees, size):
    """From the middle of its box, the light lies towards the head; across, it is symmetric."""
    angle = math.radians(degrees + 7)
    heading = [[3 * math.cos(angle), 3 * math.sin(angle)]]
    seen = light(gl, agents([(20, 15)], heading), look(size=size, shape="drop"))
    x, y = centre(seen)
    assert math.hypot(x - 200, y - 150) > 0.1 * size * 10
    turned = math.degrees(math.atan2(150 - y, x - 200) - angle)
    assert abs((turned + 180) % 360 - 180) < 4


@pytest.mark.parametrize("size", [1.0, 6.0])
def test_shapes_have_the_lengths_of_their_column(gl, size):
    """Discs whose areas are as the squares of their lengths; beyond the longest they are cut."""
    places, lengths = [(8, 15), (20, 15), (32, 15)], [0.5 * size, size, 3 * size]
    seen = light(gl, agents(places, levels=lengths), look(size=size, lengths=Energy.level, limits=(-1.0, 1000.0)))
    small, whole, cut = (seen[:, left : left + 130].sum() for left in (15, 135, 255))
    assert cut == pytest.approx(whole, rel=0.02)
    assert small == pytest.approx(whole / 4, rel=0.25)


@pytest.mark.parametrize("degrees", range(0, 360, 40))
def test_with_lengths_a_drop_still_points_along_its_heading(gl, degrees):
    angle = math.radians(degrees)
    world = agents([(20, 15)], [[math.cos(angle), math.sin(angle)]], levels=[4.0])
    x, y = centre(light(gl, world, look(size=4.0, shape="drop", lengths=Energy.level)))
    turned = math.degrees(math.atan2(150 - y, x - 200) - angle)
    assert abs((turned + 180) % 360 - 180) < 4


def test_an_agent_at_the_edge_shows_one_half_at_either_side(gl):
    whole = light(gl, agents([(20, 15)]), look()).sum()
    for place, cut in (((0.0, 15.0), np.s_[:, 20:-20]), ((20.0, 0.0), np.s_[20:-20, :])):
        seen = light(gl, agents([place]), look())
        assert seen[cut].sum() == 0.0
        assert seen.sum() == pytest.approx(whole, rel=0.03)
        first, second = (seen[:, :20], seen[:, -20:]) if place[0] == 0.0 else (seen[:20], seen[-20:])
        assert first.sum() == pytest.approx(second.sum(), rel=0.1)


def test_images_beyond_the_edge_are_drawn_faintly(gl):
    def half(renderer):
        renderer.camera.fit(0.5)  # the world takes the middle half of the picture

    seen = light(gl, agents([(20, 15)]), look(size=4.0), half)
    middle = seen[145:155, 195:205].sum()
    left = seen[145:155, 0:5].sum() + seen[145:155, 395:400].sum()  # half an image at either side
    assert 0.05 * middle < left < 0.35 * middle


def test_the_camera_across_the_edge_sees_the_same(gl):
    def moved(renderer):
        renderer.camera.zoom(2.0, 0, 0)
        renderer.camera.x, renderer.camera.y = 0.0, 0.0  # the corner of the world in the middle

    seen = light(gl, agents([(39, 29), (1, 1), (39, 1), (1, 29)]), look(), moved)
    spots = [seen[y - 20 : y + 20, x - 20 : x + 20].sum() for x, y in ((180, 130), (180, 170), (220, 130), (220, 170))]
    assert min(spots) > 0
    assert sum(spots) == pytest.approx(seen.sum(), rel=0.01)


def test_tiny_agents_keep_their_light_in_proportion(gl):
    """Dots below two pixels: many of them give more light than few, none vanishes."""
    places = np.random.default_rng(0).uniform(0, 1, (60000, 2)) * WORLD
    totals = [light(gl, agents(places[:n]), look(size=0.02)).sum() for n in (15000, 30000, 60000)]
    assert totals[0] > 0
    assert totals[0] < totals[1] < totals[2]


def test_weak_plants_are_specks(gl):
    def plants(ripe):
        world = Standin(WORLD, plant={Plant.pos: [(20, 15)], Plant.ripe: [ripe]})
        look = Look("plant", Plant.pos, palette="moss", strength=Plant.ripe, size=2.0, shape="disc")
        return np.abs(shot(gl, world, look) - shot(gl, agents([]), look)).sum()

    assert 0 < plants(False) < 0.1 * plants(True)


def test_the_light_theme_is_light(gl):
    from swarm.render.picture import pixels

    image = pixels(agents([(20, 15)]), SIZE, theme="light", looks=(look(),))
    assert image.mean() > 200
