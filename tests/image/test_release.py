"""Nothing is left on the GPU or open on the disk after renderers, resizes and pictures."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from pathlib import Path

import numpy as np
import pytest

from swarm.render import picture
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image import senses
from tests.image.draw import agents, look
from tests.image.standin import crowd


@pytest.fixture
def living(gl):
    """A function that counts the OpenGL objects that exist, by asking the driver about each name."""
    library = ctypes.util.find_library("GL") or ctypes.util.find_library("OpenGL")
    if library is None:
        pytest.skip("no libGL to ask: the context came from EGL alone")
    opengl = ctypes.CDLL(library)

    def count() -> dict[str, int]:
        kinds = ("Buffer", "Texture", "VertexArray", "Program", "Shader", "Framebuffer", "Renderbuffer")
        return {kind: sum(bool(getattr(opengl, "glIs" + kind)(name)) for name in range(1, 5000)) for kind in kinds}

    probe = gl.buffer(reserve=4)
    if not opengl.glIsBuffer(probe.glo):
        pytest.skip("this libGL does not see the context")
    probe.release()
    return count


def use(gl, world, size):
    renderer, target = Renderer(gl, world, size), Target(gl, size)
    renderer.upload(world)
    renderer.draw(target.framebuffer)
    renderer.release()
    target.release()


def test_pictures_open_no_files_that_stay_open(gl, tmp_path):
    world = agents([(20, 15)])
    folder = Path("/proc/self/fd")
    picture.screenshot(world, tmp_path / "a.png", (64, 48))
    before = len(os.listdir(folder)) if folder.exists() else 0
    for _ in range(5):
        picture.screenshot(world, tmp_path / "a.png", (64, 48))
    assert (len(os.listdir(folder)) if folder.exists() else 0) <= before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_the_count_sees_what_is_not_released(gl, living):
    before = living()
    target = Target(gl, (8, 8))
    kept = living()
    target.release()
    assert kept != before
    assert living() == before


def test_renderers_come_and_go_without_a_trace(gl, living):
    world = crowd(200, 300)
    use(gl, world, (64, 48))  # the program that drew last lives until another is taken
    before = living()
    for k in range(200):
        use(gl, world, (64 + k, 48))
    assert living() == before


def everything(renderer, world, target):
    """All that makes objects of its own: a selected agent, trails, walls, the density map, another theme."""
    renderer.selected = int(world.tables["agent"].ids()[0])
    renderer.trails = True
    for k in range(3):
        world.step()
        renderer.take(world, world.inspect(renderer.selected))
        renderer.show(0.5)
        renderer.draw(target.framebuffer)
        renderer.retheme(("light", "dark")[k % 2])
        renderer.camera.resize((64 + k, 64))


def test_nothing_of_all_that_is_drawn_is_left(gl, living):
    world, target = senses.world(), Target(gl, (64, 64))
    counts = []
    for _ in range(6):
        renderer = Renderer(gl, world, (64, 64), looks=senses.LOOKS)
        everything(renderer, world, target)
        renderer.release()
        counts.append(living())
    target.release()
    for kind in counts[0]:  # the program that drew last lives until another is taken
        spare = {"Program": 1, "Shader": 2}.get(kind, 0)
        assert max(c[kind] for c in counts) <= min(c[kind] for c in counts) + spare


def test_trails_and_maps_leave_nothing_when_the_size_changes(gl, living):
    world, target = agents(np.random.default_rng(0).uniform(0, 1, (30_000, 2)) * (40, 30)), Target(gl, (200, 200))
    renderer = Renderer(gl, world, (64, 64), looks=(look(size=0.5),))
    renderer.trails = True
    counts = []
    for software in (True, False) * 8:
        renderer.shared.software = software
        renderer.camera.resize((64 + len(counts), 90))
        renderer.camera.scale = 1.4
        renderer.upload(world)
        renderer.draw(target.framebuffer)
        counts.append(living())
    assert renderer.lod == "density"
    assert counts[4:] == [counts[4]] * 12
    renderer.release()
    target.release()


def test_growing_tables_and_resizes_leave_nothing_behind(gl, living):
    renderer, target = Renderer(gl, agents([(1, 1)]), (64, 48), looks=(look(),)), Target(gl, (64, 48))
    for n in (30_000, 5000):  # as a density map, and as shapes
        renderer.upload(agents(np.ones((n, 2))))
        renderer.draw(target.framebuffer)
    before = living()
    crowds = [agents(np.ones((5000 + 2500 * k, 2))) for k in range(10)]
    for k in range(1000):
        renderer.camera.resize((64 + k % 200, 300 - k % 211))
        renderer.upload(crowds[k % 10])
        renderer.draw(target.framebuffer)
    assert living() == before
    renderer.release()
    target.release()
