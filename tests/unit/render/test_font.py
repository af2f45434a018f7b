"""The typeface: every character a text may hold, and distances that are distances."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.render import font


def test_every_printable_ascii_character_and_those_the_overlay_uses():
    glyphs = font.load().glyphs
    wanted = [chr(code) for code in range(32, 127)] + list("·×–…→")
    assert [character for character in wanted if character not in glyphs] == []


def test_digits_are_equally_wide_so_that_figures_stand_still():
    glyphs = font.load().glyphs
    assert len({glyphs[digit].advance for digit in "0123456789"}) == 1


def test_width_adds_up_and_scales():
    f = font.load()
    assert f.width("ab", 14) == pytest.approx(2 * (f.glyph("a").advance + f.glyph("b").advance))
    assert f.glyph("\u4e2d") == f.glyph("?")


def test_the_field_is_the_distance_to_the_strokes():
    f = font.load()
    bar = f.glyph("|")  # one vertical stroke from -1.4 to 8 at x = 0
    field = f.field[:, bar.x : bar.x + bar.width]
    rows, columns = np.indices(field.shape)
    x = bar.left + (columns + 0.5) / font.TEXELS
    y = font.BOTTOM + (rows + 0.5) / font.TEXELS
    away = np.hypot(x, y - np.clip(y, -1.4, 8.0))
    expected = 255 * np.clip(1 - away / font.REACH, 0, 1)
    assert np.abs(field - expected).max() <= 0.51


def test_cells_end_where_the_field_has_faded_so_neighbours_do_not_bleed():
    f = font.load()
    for glyph in f.glyphs.values():
        edge = f.field[:, [glyph.x, glyph.x + glyph.width - 1]]
        assert edge.max() <= 255 / font.TEXELS / font.REACH + 1
