"""Palettes: equal steps look equal, and the order survives every kind of colour vision."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.render import palette

ALL = [(name, mode) for name in palette.NAMES for mode in ("dark", "light")]

# Linear sRGB seen with one kind of cone missing (Viénot, Brettel and Mollon 1999): red and green cones.
_MISSING = {
    "protanopia": np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    "deuteranopia": np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
}


def test_oklab_of_white_black_and_the_way_back():
    assert palette.oklab(np.array([1.0, 1.0, 1.0])) == pytest.approx([1, 0, 0], abs=1e-3)
    assert palette.oklab(np.zeros(3)) == pytest.approx([0, 0, 0], abs=1e-6)
    colours = np.random.default_rng(0).uniform(size=(500, 3))
    assert np.abs(palette.srgb(palette.oklab(colours)) - colours).max() < 1e-5


@pytest.mark.parametrize(("name", "mode"), ALL)
def test_steps_are_even_and_lightness_only_goes_one_way(name, mode):
    lab = palette.oklab(palette.table(name, mode)[::15] / 255)
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.35  # 8-bit colours leave some unevenness
    rise = np.diff(lab[:, 0])
    assert (rise > 0.005).all() if mode == "dark" else (rise < -0.005).all()


@pytest.mark.parametrize("missing", _MISSING)
@pytest.mark.parametrize(("name", "mode"), ALL)
def test_values_stay_apart_without_colour_vision(name, mode, missing):
    colours = palette.table(name, mode)[::32] / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ _MISSING[missing].T, 0, 1)
    lab = palette.oklab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    between = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert between[~np.eye(len(lab), dtype=bool)].min() > 0.02  # about a just noticeable difference in Oklab


def test_kinds_are_told_apart_in_both_themes():
    for colours in palette.KINDS.values():
        lab = palette.oklab(np.array([palette.rgb(c) for c in colours]))
        between = np.linalg.norm(lab[:, None] - lab[None], axis=2)
        assert between[~np.eye(len(lab), dtype=bool)].min() > 0.05


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_numbers_of_kinds_get_their_own_colour(mode):
    """What `columns` makes of -1, 0, ... 9 with limits (-1, 9) falls on grey and the ten colours in turn."""
    rows = ((np.arange(-1, 10) + 1) * np.float32(25.5)).astype(np.uint8)
    expected = [np.rint(255 * np.array(palette.rgb(colour))) for colour in palette.KINDS[mode]]
    np.testing.assert_array_equal(palette.table("kinds", mode)[rows], expected)
