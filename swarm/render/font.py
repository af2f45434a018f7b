"""The typeface of the picture: strokes from `assets/fonts/plotter.txt`, turned into one distance-field texture.

Each texel holds how far it lies from the nearest stroke, so one texture serves every size and weight. Reading and
drawing the glyphs is plain NumPy; nothing here needs a window, a font library or a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from swarm import assets

TEXELS = 4  # texels per font unit
REACH = 2.0  # distances are stored up to this many font units from a stroke
BOTTOM, TOP = -4.0, 10.0  # the cell of a glyph in y, font units
CAP = 7.0  # height of the capitals, font units
_ROUND = 2.35  # exponent of the ovals: 2 is an ellipse, more is squarer


@dataclass(frozen=True)
class Glyph:
    """One character: advance and left edge of its cell (font units), its place in the texture (texels)."""

    advance: float
    left: float
    x: int
    width: int


@dataclass(frozen=True)
class Font:
    """The glyphs and their distance field, uint8 [height, width]; 255 is on a stroke, 0 is `REACH` units away."""

    glyphs: dict[str, Glyph]
    field: np.ndarray

    def width(self, text: str, size: float) -> float:
        """Width of one line of `text` with capitals `size` px high, in px."""
        return sum(self.glyph(character).advance for character in text) * size / CAP

    def glyph(self, character: str) -> Glyph:
        """The glyph of a character; an unknown one is drawn as a question mark."""
        return self.glyphs.get(character) or self.glyphs["?"]


@cache
def load() -> Font:
    """The font, built on first use (some ms)."""
    glyphs: dict[str, Glyph] = {}
    fields: list[np.ndarray] = []
    x = 0
    for line in assets.text("fonts/plotter.txt").splitlines():
        if not line or line.startswith("//"):
            continue
        name, advance, *path = line.split()
        strokes = _strokes(path)
        field, left = _field(strokes, float(advance))
        glyphs[" " if name == "sp" else name] = Glyph(float(advance), left, x, field.shape[1])
        fields.append(field)
        x += field.shape[1]
    return Font(glyphs, np.ascontiguousarray(np.concatenate(fields, axis=1)))


def _strokes(path: list[str]) -> np.ndarray:
    """Straight pieces [K, 4] (x0, y0, x1, y1) of a path."""
    pieces: list[tuple[float, float, float, float]] = []
    at = (0.0, 0.0)
    words = iter(path)
    for verb in words:
        if verb == "M":
            at = (float(next(words)), float(next(words)))
            continue
        numbers = [float(next(words)) for _ in range(6 if verb == "C" else 2)]
        end = (numbers[-2], numbers[-1])
        if verb == "D":
            at = end
        for point in _points(verb, at, numbers):
            pieces.append((*at, *point))
            at = point
    return np.array(pieces, np.float64).reshape(-1, 4)


def _points(verb: str, start: tuple[float, float], numbers: list[float]) -> list[tuple[float, float]]:
    x, y = numbers[-2:]
    if verb in "LD":
        return [(x, y)]
    if verb == "C":
        t = np.linspace(0.0, 1.0, 13)[1:, None]
        p = np.array([start, numbers[0:2], numbers[2:4], numbers[4:6]])
        curve = (1 - t) ** 3 * p[0] + 3 * t * (1 - t) ** 2 * p[1] + 3 * t * t * (1 - t) * p[2] + t**3 * p[3]
        return [(float(px), float(py)) for px, py in curve]
    angle = np.linspace(0.0, np.pi / 2, 13)[1:]
    far = np.sin(angle) ** (2 / _ROUND)  # 0 -> 1: along the direction of departure
    late = 1.0 - np.cos(angle) ** (2 / _ROUND)  # 0 -> 1: across it
    along, across = (far, late) if verb == "h" else (late, far)
    xs = start[0] + (x - start[0]) * along
    ys = start[1] + (y - start[1]) * across
    return [(float(px), float(py)) for px, py in zip(xs, ys, strict=True)]


def _field(strokes: np.ndarray, advance: float) -> tuple[np.ndarray, float]:
    """The distance field of a glyph and the left edge of its cell in font units."""
    left = -REACH + (float(min(0.0, strokes[:, [0, 2]].min())) if len(strokes) else 0.0)
    right = REACH + (float(strokes[:, [0, 2]].max()) if len(strokes) else advance)
    width = max(1, int(np.ceil((right - left) * TEXELS)))
    height = int((TOP - BOTTOM) * TEXELS)
    if not len(strokes):
        return np.zeros((height, width), np.uint8), left
    x = left + (np.arange(width) + 0.5) / TEXELS
    y = BOTTOM + (np.arange(height) + 0.5) / TEXELS
    px, py = x[None, :, None], y[:, None, None]
    x0, y0, x1, y1 = strokes.T
    dx, dy = x1 - x0, y1 - y0
    length = np.maximum(dx * dx + dy * dy, 1e-12)
    t = np.clip(((px - x0) * dx + (py - y0) * dy) / length, 0.0, 1.0)
    distance = np.sqrt(((px - x0 - t * dx) ** 2 + (py - y0 - t * dy) ** 2).min(axis=2))
    return np.rint(255 * np.clip(1.0 - distance / REACH, 0.0, 1.0)).astype(np.uint8), left
