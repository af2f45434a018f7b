"""The brush of the brain's panel: shapes at an origin, in the two-sided colours that say what raises and what lowers.

Orange and blue differ in hue and lightness to every eye, and meet in a grey of the panel at 0.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from swarm.render import palette
from swarm.render.panels.style import packed

RAISES = {"dark": "#f5a742", "light": "#c05a00"}
LOWERS = {"dark": "#5aa7ff", "light": "#1a5fb4"}
SHADES = 32  # on each side of 0


class Brush:
    """Draws at an origin with a theme's inks."""

    def __init__(self, imgui: Any, x: float, y: float, theme: Any, u: float) -> None:
        self.list, self.x, self.y, self.theme, self.u = imgui.get_window_draw_list(), x, y, theme, u
        self.origin = np.array([x, y, x, y])
        self.font, self.each = imgui.get_font(), imgui.calc_text_size
        self.base = imgui.get_font_size()

    def ink(self, values: np.ndarray) -> list[int]:
        """Packed colours of values -1..1, from blue by grey to orange."""
        shades = _shades(self.theme.name, self.theme.line, self.theme.panel)
        at = np.rint((np.clip(values, -1, 1) + 1) * SHADES).astype(int)
        return shades[at].tolist()

    def faint(self, values: np.ndarray) -> list[int]:
        """The colour of each value's side, as opaque as it is large."""
        dark = self.theme.name
        sides = np.array([packed(LOWERS[dark], 0.0), packed(RAISES[dark], 0.0)], np.int64)[(values > 0).astype(int)]
        alpha = np.rint(255 * (0.05 + 0.80 * np.abs(values))).astype(np.int64)
        return (sides | alpha << 24).tolist()

    def text(self, x: float, y: float, text: str, ink: str, size: float = 12.0, right: bool = False) -> None:
        """A line with its middle at y; with `right` it ends at x."""
        high = size * self.u
        if right:
            x -= self.each(text).x * high / self.base
        self.list.add_text(self.font, high, (self.x + x, self.y + y - 0.52 * high), packed(ink), text)

    def line(self, x0: float, y0: float, x1: float, y1: float, ink: int, width: float) -> None:
        self.list.add_line((self.x + x0, self.y + y0), (self.x + x1, self.y + y1), ink, width)

    def dot(self, x: float, y: float, r: float, ink: int) -> None:
        self.list.add_circle_filled((self.x + x, self.y + y), r, ink, 12)

    def ring(self, x: float, y: float, r: float, ink: int) -> None:
        self.list.add_circle((self.x + x, self.y + y), r, ink, 16, 1.4 * self.u)

    def compass(self, x: float, y: float, r: float, way: tuple[float, float]) -> None:
        """A little disc with the sector, or the line, in which a sense looks."""
        brush, centre, ink = self.list, (self.x + x, self.y + y), packed(self.theme.text, 0.75)
        brush.add_circle_filled(centre, r, packed(self.theme.line, 0.14), 12)
        low, high = -way[1], -way[0]  # the screen's y points down
        if high - low < 0.05:
            low, high = low - 0.2, high + 0.2
        brush.path_line_to(centre)
        brush.path_arc_to(centre, r, low, high, 6)
        brush.path_fill_convex(ink)

    def fill(self, x0: float, y0: float, x1: float, y1: float, ink: int) -> None:
        """A rectangle, whichever way round."""
        low, high = (x0, x1) if x0 <= x1 else (x1, x0)
        self.list.add_rect_filled((self.x + low, self.y + y0), (self.x + high, self.y + y1), ink)


@cache
def _shades(name: str, line: str, panel: str) -> np.ndarray:
    """int64 [2 SHADES + 1] packed colours from -1 to 1, through a grey of the panel."""
    ends = [palette.oklab(np.array(palette.rgb(c))) for c in (LOWERS[name], RAISES[name])]
    ground, ink = (palette.oklab(np.array(palette.rgb(c))) for c in (panel, line))
    zero = 0.72 * ground + 0.28 * ink
    zero[1:] *= 0.3
    found = []
    for k in range(-SHADES, SHADES + 1):
        t = (abs(k) / SHADES) ** 0.8
        r, g, b = np.rint(255 * palette.srgb((1 - t) * zero + t * ends[k > 0])).astype(int).tolist()
        found.append(0xFF << 24 | b << 16 | g << 8 | r)
    return np.array(found, np.int64)


def beside(imgui: Any, u: float, text: str) -> None:
    """A tooltip at the left of the panel, which stays in sight."""
    place = imgui.get_window_pos().x - 8 * u, imgui.get_mouse_pos().y
    imgui.set_next_window_pos(place, imgui.Cond_.always, (1.0, 0.5))
    imgui.set_tooltip(text)


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, as in print: +0.25, −1.00."""
    text = f"{value:+.{digits}f}"
    return ("0" if float(text) == 0 else text).replace("-", "\u2212")
