"""The camera's arithmetic: places and pixels, zoom to the cursor, images on the torus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm.render.camera import Camera

WORLD = (300.0, 200.0)
pixels = st.tuples(st.floats(0, 799), st.floats(0, 599))


def test_fit_shows_the_whole_world_in_the_middle():
    camera = Camera(WORLD, (800, 600))
    assert camera.to_pixel(150, 100) == (400, 300)
    left, bottom = camera.to_pixel(0, 0)
    right, top = camera.to_pixel(*WORLD)
    assert (left, right) == (0, 800)
    assert bottom - top == pytest.approx(200 * 800 / 300)


@given(pixels)
def test_pixels_and_places_are_inverse(pixel):
    camera = Camera(WORLD, (800, 600))
    assert camera.to_pixel(*camera.to_world(*pixel)) == pytest.approx(pixel, abs=1e-9)


@given(pixels, st.floats(0.5, 8.0))
def test_zoom_keeps_the_place_under_the_cursor(pixel, factor):
    camera = Camera(WORLD, (800, 600))
    before = camera.to_world(*pixel)
    camera.zoom(factor, *pixel)
    after = camera.to_world(*pixel)
    for a, b, length in zip(before, after, WORLD, strict=True):  # the same place of the torus
        away = (a - b + length / 2) % length - length / 2
        assert abs(away) < 1e-6


def test_zoom_stops_at_both_ends():
    camera = Camera(WORLD, (800, 600))
    camera.zoom(1e9, 400, 300)
    assert camera.scale == camera.closest
    camera.zoom(1e-9, 400, 300)
    assert camera.scale == camera.farthest


def test_pan_follows_the_hand_and_stays_on_the_torus():
    camera = Camera(WORLD, (800, 600))
    before = camera.to_world(100, 100)
    camera.pan(40, -30)
    assert camera.to_world(140, 70) == pytest.approx(before)
    camera.pan(1e5, 1e5)
    assert 0 <= camera.x < WORLD[0]
    assert 0 <= camera.y < WORLD[1]


def test_resize_keeps_the_shorter_side():
    camera = Camera(WORLD, (800, 600))
    camera.zoom(3, 400, 300)
    metres = 600 / camera.scale
    camera.resize((2400, 1200))
    assert 1200 / camera.scale == pytest.approx(metres)
    camera.resize((0, 0))
    assert camera.size == (1, 1)


@given(st.floats(0, 300), st.floats(0, 200), st.floats(0.8, 40), st.tuples(st.floats(0, 299.9), st.floats(0, 199.9)))
def test_images_show_every_place_wherever_it_is_in_sight(x, y, scale, place):
    """Each image of a place that the picture shows is drawn, and none twice."""
    camera = Camera(WORLD, (800, 600))
    camera.x, camera.y, camera.scale = x, y, scale
    origin, images = camera.images(margin=1.0)
    home = [o + (p - o) % length for o, p, length in zip(origin, place, WORLD, strict=True)]
    drawn = {(round(home[0] + i - place[0]) // 300, round(home[1] + j - place[1]) // 200) for i, j in images}
    assert len(drawn) == len(images)
    for i in range(-4, 6):
        for j in range(-5, 6):
            px, py = camera.to_pixel(place[0] + 300 * i, place[1] + 200 * j)
            if 0 <= px <= 800 and 0 <= py <= 600:
                assert (i, j) in drawn


def test_a_picture_smaller_than_the_world_draws_everybody_once():
    camera = Camera(WORLD, (800, 600))
    camera.zoom(2, 0, 0)
    assert len(camera.images(1.0)[1]) == 1
    assert np.isfinite(camera.images(1.0)[0]).all()
