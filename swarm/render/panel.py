"""The overlay's brush: boxes, text, lines and colour bars, gathered in one array and drawn in one call.

Coordinates are pixels, (0, 0) at the top left. Sizes of text are heights of its capitals.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from swarm.render import font, palette, programs
from swarm.render.theme import Theme

LINES = 1000  # lines of text that are kept
_FLOATS = 15  # box 4, extra 4, ink 4, kind 3
_BOX, _GLYPH, _LINE, _PALETTE, _EDGE = 0.0, 1.0, 2.0, 3.0, 4.0


class Panel:
    """Collects pieces by `box`, `text`, `line`, `scale`; `draw` paints them in that order, `clear` forgets them."""

    def __init__(self, context: Any, theme: Theme) -> None:
        self.context, self.font = context, font.load()
        self.program = programs.build(context, "panel", camera=False)
        height, width = self.font.field.shape
        self.letters = context.texture((width, height), 1, self.font.field.tobytes(), alignment=1)
        self.letters.repeat_x = self.letters.repeat_y = False
        self.rows = {name: k for k, name in enumerate(palette.ALL)}
        self.palettes = context.texture((256, len(palette.ALL)), 3, alignment=1)
        self.palettes.filter = context.NEAREST, context.NEAREST
        self.retheme(theme)
        self.pieces = np.zeros((256, _FLOATS), np.float32)
        self.n = 0
        self.lines: dict[Any, tuple[np.ndarray, float]] = {}
        self.buffer: Any = None
        self.array: Any = None

    def retheme(self, theme: Theme) -> None:
        """Show the palettes of this theme from now on."""
        self.palettes.write(np.stack([palette.table(name, theme.name) for name in palette.ALL]).tobytes(), alignment=1)

    def clear(self) -> None:
        """Forget all pieces."""
        self.n = 0

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        colour: str,
        alpha: float = 1.0,
        radius: float = 0.0,
        outline: float | None = None,
    ) -> None:
        """A box with round corners: filled, or an edge `outline` px wide."""
        if outline is None:
            self._add(_BOX, (x, y, w, h), (0, 0, 0, 0), colour, alpha, radius, 0.0)
        else:
            m = outline + 1.0
            self._add(_EDGE, (x - m, y - m, w + 2 * m, h + 2 * m), (m, outline, 0, 0), colour, alpha, radius, 0.0)

    def line(self, points: Sequence[tuple[float, float]], colour: str, alpha: float = 1.0, width: float = 1.5) -> None:
        """Straight pieces through the points."""
        for (x0, y0), (x1, y1) in pairwise(points):
            left, top = min(x0, x1) - width, min(y0, y1) - width
            w, h = abs(x1 - x0) + 2 * width, abs(y1 - y0) + 2 * width
            self._add(_LINE, (left, top, w, h), (x0 - left, y0 - top, x1 - left, y1 - top), colour, alpha, width, 0.0)

    def scale(self, x: float, y: float, w: float, h: float, name: str, radius: float = 0.0) -> None:
        """A palette from its lowest value on the left to its highest on the right."""
        self._add(_PALETTE, (x, y, w, h), (self.rows[name], 0, 0, 0), "#000000", 1.0, radius, 0.0)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        alpha: float = 1.0,
        weight: float = 1.0,
        align: str = "left",
    ) -> float:
        """One line with its baseline at `y`; `x` is its left, middle or right end by `align`. Returns its width."""
        rows, width = self._line(text, size, colour, alpha, weight)
        k = len(rows)
        while self.n + k > len(self.pieces):
            self.pieces = np.concatenate([self.pieces, np.zeros_like(self.pieces)])
        placed = self.pieces[self.n : self.n + k]
        placed[:] = rows
        placed[:, 0] += x - {"left": 0.0, "centre": width / 2, "right": width - 1.6 * size / font.CAP}[align]
        placed[:, 1] += round(y)
        self.n += k
        return width

    def _line(self, text: str, size: float, colour: str, alpha: float, weight: float) -> tuple[np.ndarray, float]:
        """The pieces of a line that begins at (0, 0), and its width: kept, as most lines are the same every frame."""
        key = text, size, colour, alpha, weight
        known = self.lines.get(key)
        if known is not None:
            return known
        unit, pen, begin = size / font.CAP, 0.0, self.n
        stroke, height = weight * (0.45 + 0.085 * size), self.font.field.shape[0]
        for character in text:
            glyph = self.font.glyph(character)
            if character != " ":
                wide = glyph.width / font.TEXELS * unit
                box = (pen + glyph.left * unit, -font.TOP * unit, wide, (font.TOP - font.BOTTOM) * unit)
                self._add(_GLYPH, box, (glyph.x, height, glyph.x + glyph.width, 0), colour, alpha, stroke, unit)
            pen += glyph.advance * unit
        rows, self.n = self.pieces[begin : self.n].copy(), begin
        if len(self.lines) >= LINES:
            self.lines.clear()
        self.lines[key] = rows, self.font.width(text, size)
        return self.lines[key]

    def _add(
        self,
        kind: float,
        box: tuple[float, ...],
        extra: tuple[float, ...],
        colour: str,
        alpha: float,
        radius: float,
        unit: float,
    ) -> None:
        if self.n == len(self.pieces):
            self.pieces = np.concatenate([self.pieces, np.zeros_like(self.pieces)])
        self.pieces[self.n] = (*box, *extra, *palette.rgb(colour), alpha, kind, radius, unit)
        self.n += 1

    def draw(self, size: tuple[int, int]) -> None:
        """Paint everything collected onto a picture of `size` px."""
        if not self.n:
            return
        if self.buffer is None or self.buffer.size < self.pieces.nbytes:
            self._drop()
            self.buffer = self.context.buffer(reserve=self.pieces.nbytes, dynamic=True)
            self.array = self.context.vertex_array(
                self.program, [(self.buffer, "4f 4f 4f 3f /i", "box", "extra", "ink", "kind")]
            )
        self.buffer.write(self.pieces[: self.n])
        programs.put(self.program, view_size=size, letters=0, palettes=1, letter_reach=font.REACH)
        self.letters.use(0)
        self.palettes.use(1)
        self.array.render(self.context.TRIANGLE_STRIP, 4, instances=self.n)

    def _drop(self) -> None:
        for thing in (self.array, self.buffer):
            if thing is not None:
                thing.release()
        self.array = self.buffer = None

    def release(self) -> None:
        """Give the GPU's memory back."""
        self._drop()
        for thing in (self.palettes, self.letters, self.program):
            thing.release()
