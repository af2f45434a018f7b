"""Tile maps: text, edits, what follows from them, and when it is made anew."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Tiles
from swarm.errors import SchemaError, SettingsError
from tests.unit.stages.worlds import world

MAP = """
#####
#..~#
##..#
"""


def ground(**settings) -> Tiles:
    return Tiles("ground", **{"cells": (5, 3), "solid": (1,), "cost": {2: 4.0}, **settings})


def test_text_has_the_top_row_first(backend: str):
    w, tiles = world(backend), ground()
    tiles.load(w, MAP, {"#": 1, ".": 0, "~": 2})
    assert w.backend.host(tiles.of(w)).tolist() == [[1, 1, 0, 0, 1], [1, 0, 0, 2, 1], [1, 1, 1, 1, 1]]
    tiles.load(w, ["10000", "  3  ", "#...9"])
    assert w.backend.host(tiles.of(w)).tolist() == [[1, 0, 0, 0, 9], [0, 0, 3, 0, 0], [1, 0, 0, 0, 0]]


def test_what_follows_from_the_map(backend: str):
    w, tiles = world(backend), ground()
    tiles.load(w, MAP, {"#": 1, ".": 0, "~": 2})
    found = tiles.ground(w)
    solid, open, factor = map(w.backend.host, (found.solid, found.open, found.factor))
    assert solid.tolist() == [[True, True, False, False, True], [True, False, False, False, True], [True] * 5]
    assert np.array_equal(open, (~solid).astype(np.float32))
    assert factor[1].tolist() == [np.inf, 1, 1, 4, np.inf]
    assert np.array_equal(w.backend.host(found.ids), w.backend.host(tiles.of(w)))


def test_edits_are_noticed_and_nothing_is_made_twice(backend: str):
    w, tiles = world(backend), ground()
    first = tiles.ground(w)
    assert tiles.ground(w) is first
    assert tiles.solid_mask(w) is first.solid
    tiles.of(w)[1, 2] = 1  # straight into the array
    second = tiles.ground(w)
    assert (second.version, bool(second.solid[1, 2]), bool(first.solid[1, 2])) == (first.version + 1, True, False)
    tiles.edit(w, slice(0, 2), 0, 1)
    tiles.edit(w, [3, 4], [2, 2], [2, 3])
    assert w.backend.host(tiles.of(w)).tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 2, 3]]
    assert tiles.ground(w).version == second.version + 1
    other = world(backend)
    assert not w.backend.host(tiles.of(other)).any()


def test_several_worlds_have_maps_of_their_own():
    w, tiles = world(), ground(default=2)
    w.ids.worlds = 2
    assert tiles.ground(w).factor.shape == (2, 3, 5)
    tiles.of(w)[1, 0, 0] = 1
    assert tiles.solid_mask(w).sum() == 1
    tiles.edit(w, 3, 2, 1)
    assert tiles.solid_mask(w)[:, 2, 3].all()


def test_the_map_is_saved(tmp_path):
    w, tiles = world(), ground()
    tiles.edit(w, 3, 1, 7)
    w.save(tmp_path / "w.safetensors")
    loaded = swarm.World.load(tmp_path / "w.safetensors", components=[], schedule=(), backend="reference")
    assert loaded.hash() == w.hash()
    assert tiles.of(loaded).dtype == np.uint8
    assert tiles.of(loaded)[1, 3] == 7


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ground(cost={2: -1}), "cost of tile 2 is -1"),
        (lambda: ground(cost={2: 0}), "above 0"),
        (lambda: ground(cost={2: float("inf")}), r"solid=\(2,\)"),
        (lambda: ground(solid=(256,)), "256 is no tile"),
        (lambda: ground(cost={"x": 2}), "'x' is no tile"),
        (lambda: ground(default=-1), "-1 is no tile"),
        (lambda: ground(cells=(5,)), "columns and rows"),
        (lambda: ground().edit(world(), 0, 0, 300), "300 is no tile"),
        (lambda: ground().edit(world(), 0, 0, 0.5), "0.5 is no tile"),
        (lambda: ground().load(world(), "....\n"), "1 lines of up to 4 characters, the map 3 rows of 5"),
        (lambda: ground().load(world(), MAP), "no tile is named for ['~']".replace("[", r"\[").replace("]", r"\]")),
    ],
)
def test_bad_maps_are_refused(make, says: str):
    with pytest.raises(SettingsError, match=says):
        make()


def test_arrays_that_are_no_tiles_are_refused():
    w = world()
    with pytest.raises(SchemaError, match="uint8, got float64"):
        ground().set(w, np.zeros((3, 5)))
    with pytest.raises(SchemaError, match=r"\(3, 5\).*got \(5, 3\)"):
        ground().set(w, np.zeros((5, 3), int))
