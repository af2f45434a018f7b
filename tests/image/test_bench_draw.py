"""`swarm bench draw`: figures that are checked, and refused where the picture or a pick is wrong."""

from __future__ import annotations

import json

import pytest

from swarm.backend import device
from swarm.bench import draw, harness
from swarm.bench.request import Request
from swarm.render import Drawer


@pytest.fixture
def scene(gl):
    world = draw.drifting(400, 3, device.choose("reference"))
    drawer = Drawer(world, draw.SIZE, looks=draw.looks())
    yield drawer, world
    drawer.release()


def test_it_reports_what_was_counted(tmp_path, gl, capsys):
    path = tmp_path / "draw.json"
    draw.command(Request(agents=(300,), backend="reference", repeats=3, json=path), Drawer)
    (row,) = json.loads(path.read_text())["rows"]
    assert (row["agents"], row["bytes"], row["lod"]) == (300, 16.0, "sprites")
    assert 0 < row["python_ms"] < row["median_ms"]
    assert "frames/s" in capsys.readouterr().out


def test_our_python_makes_the_same_calls_without_opengl(scene):
    drawer, world = scene
    draw.still(drawer, world)()  # nothing raised: all that is drawn goes through the context


def test_an_empty_picture_is_refused(scene):
    drawer, world = scene
    drawer.renderer.sprites.clear()
    drawer()
    with pytest.raises(harness.Invalid, match="0 agents were taken of 400"):
        draw.validate(drawer, world)


def test_a_wrong_pick_is_refused(scene, monkeypatch):
    drawer, world = scene
    drawer()
    monkeypatch.setattr(drawer.renderer, "pick", lambda x, y: 0)
    drawer.renderer.camera.scale *= 0.2  # somebody is near every pixel
    with pytest.raises(harness.Invalid, match="not the nearest"):
        draw.picking(drawer.renderer, world)


def test_another_renderer_goes_on_in_the_same_colours(scene):
    drawer, world = scene
    drawer.renderer.colour_by("Body.vel")
    drawer.renderer.trails = True
    again = Drawer(world, draw.SIZE, looks=draw.looks())
    again.renderer.like(drawer.renderer)
    assert (again.renderer.colouring, again.renderer.trails) == ("Body.vel", True)
    again.release()
