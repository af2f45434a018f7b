"""The digits scene in pictures: the crowd has the colour of its digit, and in a window the mouse draws a 1."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.marks import Box, Line, Text
from swarm.render import palette, picture
from swarm.render.camera import Camera
from swarm.scenes.digits_picture import CENTRE, FIELDS, RADIUS, SIZE
from tests.image.test_window import Driven, display  # noqa: F401  (a fixture)


def near(image, at, colour, reach):
    """The share of pixels within `reach` of a place, in m for 2,000 agents, whose colour is close to `colour`."""
    camera = Camera(SIZE, (image.shape[1], image.shape[0]))
    camera.cover()
    x, y = camera.to_pixel(*at)
    rows, columns = np.indices(image.shape[:2])
    inside = (columns - x) ** 2 + (rows - y) ** 2 < (reach * camera.scale) ** 2
    away = np.abs(image[inside].astype(float) / 255 - palette.rgb(colour)).max(axis=1)
    return float((away < 0.25).mean())


def test_the_crowd_is_in_the_field_it_voted_for(gl):
    world = swarm.scene("digits", agents=80, digit=0)
    for _ in range(400):
        world.step()
    image = picture.pixels(world, (800, 450), hud=False)
    colour = palette.KINDS["dark"][1]
    assert near(image, FIELDS[0], colour, RADIUS) > 0.03
    assert max(near(image, at, colour, RADIUS * 0.8) for at in FIELDS[1:]) < 0.01
    assert near(image, CENTRE, colour, 14) > 0.1  # the drawing itself, in the colour of the verdict


def test_marks_are_where_they_say(gl):
    """A disc, its edge, a line and a text, in metres; below and above the agents."""

    class Scene:
        name = "marks"

        @staticmethod
        def look(world):
            return ()

        @staticmethod
        def marks(world):
            yield Box((20, 20), (10, 10), "#ff0000", radius=5)
            yield Box((60, 20), (10, 10), "#00ff00", radius=5, outline=2, over=True)
            yield Line([(10, 35), (70, 35)], "#0000ff", width=2)
            yield Text((40, 8), "0", 6, "#ffffff")

    world = swarm.World(size=(80, 45), backend="reference")
    image = picture.pixels(world, (800, 450), scene=Scene, hud=False).astype(float)
    assert (image[250, 200] > [240, -1, -1]).all() and image[250, 200, 1] < 20
    assert (image[:, :, 0] > 200).sum() == pytest.approx(np.pi * 50**2 + 380, rel=0.1)  # the disc and the white text
    assert image[250, 600, 1] < 60 and image[250, 549:552, 1].max() > 120  # an edge, hollow inside
    assert image[100, 400, 2] > 200 and image[115, 400, 2] < 80
    middle = np.argwhere(image[300:400, 300:500].min(axis=2) > 200).mean(axis=0)
    assert middle[1] == pytest.approx(100, abs=2)


def test_a_mouse_draws_a_one_and_the_crowd_walks_there(gl, display, tmp_path):  # noqa: F811
    pytest.importorskip("pygame")
    window = Driven(display, tmp_path, "tests.image.windowed_digits", "90")
    window.until(lambda s: s["tick"] > 3, 60)
    (x, y), side = window.now["middle"], window.now["side"]
    window.hand("mousemove", 500, 350)
    under = dict(line.split("=") for line in window.hand("getmouselocation", "--shell").split())["WINDOW"]

    def pen(share):
        window.hand("mousemove", "--window", under, round(x), round(y + (share - 0.5) * side))

    pen(0.15)
    window.hand("mousedown", 1)
    assert window.until(lambda s: s["strokes"] == 1)["x"] == window.now["x"]
    before = window.now["away"]
    for k in range(1, 8):
        pen(0.15 + 0.1 * k)
    window.hand("mouseup", 1)
    read = window.until(lambda s: s["votes"][1] > 40 and s["strokes"] >= 4)  # votes may come before the pen has ended
    assert read["strokes"] >= 4
    window.until(lambda s: s["away"] < 0.3 * before)
    window.hand("key", "c")
    window.until(lambda s: sum(s["votes"]) == 0 and s["message"].startswith("wiped"))
    window.hand("click", 3, "key", "7")
    window.until(lambda s: s["votes"][7] > 40)
    window.hand("key", "Escape")
    assert window.process.wait(20) == 0
