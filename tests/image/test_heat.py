"""Fields on the ground: the right cell at the right place, round the torus, blended or not, and no leak of textures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from swarm.errors import SettingsError
from swarm.marks import Heat
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image.draw import GROUND, SIZE, agents, look


def shot(gl, mark: Heat, fit: float = 1.0) -> np.ndarray:
    """The picture of an empty world of 40 x 30 m, 10 px per m, float [300, 400, 3]."""
    scene = SimpleNamespace(marks=lambda world: (mark,))
    target, world = Target(gl, SIZE), agents(np.zeros((0, 2)))
    renderer = Renderer(gl, world, SIZE, scene=scene, looks=(look(),))
    try:
        renderer.hud = None
        renderer.camera.fit(fit)
        renderer.upload(world)
        renderer.draw(target.framebuffer)
        return target.read().astype(float)
    finally:
        renderer.release()
        target.release()


def at(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The colour at a place of the world, m."""
    return image[int(300 - 10 * y), int(10 * x)]


def test_a_cell_is_painted_where_it_lies(gl):
    values = np.zeros((3, 4), np.float32)
    values[0, 3] = 1.0  # x 30..40, y 0..10
    image = shot(gl, Heat(values, (0.0, 1.0), colour="#ff0000", alpha=1.0, smooth=False))
    assert np.allclose(at(image, 35, 5), (255, 0, 0), atol=2)
    for place in ((25, 5), (35, 15), (5, 5), (5, 25)):
        assert np.allclose(at(image, *place), GROUND, atol=14)


def test_smooth_fields_are_means_between_the_middles(gl):
    values = np.array([[0.0, 1.0]], np.float32)  # middles at x = 10 and 30
    image = shot(gl, Heat(values, (0.0, 1.0), colour="#ffffff", alpha=1.0))
    red = [at(image, x, 15)[0] for x in (10, 20, 30)]
    assert red[0] < 40 < red[1] < red[2]
    assert red[1] == pytest.approx((GROUND[0] + 255) / 2, abs=16)


def test_whole_numbers_and_floats_look_alike(gl):
    values = np.random.default_rng(1).integers(0, 256, (6, 8), np.uint8)
    one = shot(gl, Heat(values, (0, 255), smooth=False))
    two = shot(gl, Heat(values.astype(np.float32), (0, 255), smooth=False))
    assert np.abs(one - two).max() <= 2


def test_without_fade_everything_is_covered(gl):
    image = shot(gl, Heat(np.zeros((1, 1)), (0.0, 1.0), colour="#00ff00", alpha=1.0, fade=False))
    assert np.allclose(at(image, 20, 15), (0, 255, 0), atol=2)


def test_a_field_that_is_none_is_refused(gl):
    with pytest.raises(SettingsError, match=r"heat map: values of shape \(3,\)"):
        shot(gl, Heat(np.zeros(3), (0.0, 1.0)))
