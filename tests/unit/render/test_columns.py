"""What goes to the GPU: bytes, values, and only the rows of the look's own table."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.look import Look
from swarm.render import colouring, columns
from swarm.render.columns import Columns
from tests.image.standin import Body, Energy, Plant, Standin


def world(level=(0.0, 1.0, 2.0, 4.0)):
    n = len(level)
    other = {Body.pos: np.full((5, 2), 9.0), Body.vel: np.zeros((5, 2)), Energy.level: np.zeros(5)}
    return Standin(
        (10, 10),
        other=other,
        forager={Body.pos: np.arange(2 * n).reshape(n, 2), Body.vel: np.tile([3.0, -4.0], (n, 1)), Energy.level: level},
    )


def read(sheet, world):
    """As `Sprites.take` does, in the scene's colours."""
    paint = colouring.scene(sheet.look)
    sheet.read(world, None if paint.read is None else paint.read(world, {}), paint.limits)


def test_no_more_than_sixteen_bytes_an_agent():
    sheet = Columns(Look("forager", Body.pos, Body.vel, Energy.level))
    read(sheet, world())
    used = sum(a.itemsize * a[0].size for a in (sheet.place, sheet.way, sheet.heading, sheet.tint))
    assert used == columns.BYTES <= 16


def test_only_the_rows_of_its_own_table_though_others_have_the_same_columns():
    sheet = Columns(Look("forager", Body.pos, Body.vel, Energy.level, limits=(0, 4)))
    read(sheet, world())
    assert sheet.n == 4
    assert sheet.place[:4].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    ahead = sheet.heading[:4].astype(float) - 128
    assert np.allclose(np.degrees(np.arctan2(*ahead.T[::-1])), np.degrees(np.arctan2(-4, 3)), atol=0.25)
    assert sheet.tint[:4, 0].tolist() == [0, 63, 127, 255]
    assert (sheet.tint[:4, 1] == 255).all()


def test_values_beyond_the_limits_are_cut_and_nan_is_the_lowest():
    sheet = Columns(Look("forager", Body.pos, colour=Energy.level, limits=(1, 2)))
    read(sheet, world((-5.0, np.nan, np.inf, 1.5)))
    assert sheet.tint[:4, 0].tolist() == [0, 0, 255, 127]


def test_without_limits_they_follow_the_data_slowly():
    sheet = Columns(Look("forager", Body.pos, colour=Energy.level))
    read(sheet, world(tuple(np.linspace(0, 1, 101))))
    assert sheet.limits == pytest.approx((0.02, 0.98), abs=1e-6)
    read(sheet, world(tuple(np.linspace(10, 11, 101))))
    assert 0.02 < sheet.limits[0] < 1.0  # on its way, not there
    read(sheet, world((3.0, 3.0)))
    assert sheet.limits[0] < sheet.limits[1]


def test_a_bool_column_is_a_strength():
    ripe = Standin((10, 10), plant={Plant.pos: np.ones((3, 2)), Plant.ripe: [True, False, True]})
    sheet = Columns(Look("plant", Plant.pos, strength=Plant.ripe))
    read(sheet, ripe)
    assert sheet.tint[:3, 1].tolist() == [255, 0, 255]


def test_a_table_that_is_not_there_yet_or_empty_has_no_rows():
    sheet = Columns(Look("predator", Body.pos))
    read(sheet, world())
    assert sheet.n == 0
    sheet = Columns(Look("forager", Body.pos, Body.vel, Energy.level))
    read(sheet, world(()))
    assert sheet.n == 0


def test_room_grows_and_is_kept():
    sheet = Columns(Look("forager", Body.pos, Body.vel))
    read(sheet, world((0.0,) * 3000))
    room = sheet.place
    read(sheet, world((0.0,) * 10))
    assert sheet.place is room
    assert sheet.n == 10
