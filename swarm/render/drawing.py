"""Draws a scene's marks: from metres and theme names to pieces of a `Panel`."""

from __future__ import annotations

from collections.abc import Iterable

from swarm.marks import Box, Colour, Line, Text
from swarm.render import font, palette
from swarm.render.camera import Camera
from swarm.render.panel import Panel
from swarm.render.theme import Theme


def draw(panel: Panel, marks: Iterable[Box | Line | Text], camera: Camera, theme: Theme, ui: float) -> None:
    """Paint the marks, in their order, over what is there; `ui` is px per point."""
    panel.clear()
    scale = camera.scale
    for mark in marks:
        colour = colour_of(mark.colour, theme)
        if isinstance(mark, Box):
            x, y = camera.to_pixel(*mark.at)
            w, h = mark.size[0] * scale, mark.size[1] * scale
            outline = None if mark.outline is None else mark.outline * ui
            panel.box(x - w / 2, y - h / 2, w, h, colour, mark.alpha, mark.radius * scale, outline)
        elif isinstance(mark, Line):
            panel.line([camera.to_pixel(*point) for point in mark.points], colour, mark.alpha, mark.width * scale)
        else:
            x, y = camera.to_pixel(*mark.at)
            x += 0.8 / font.CAP * mark.size * scale if mark.align == "centre" else 0.0  # glyphs end with a gap
            panel.text(x, y, mark.text, mark.size * scale, colour, mark.alpha, mark.weight, mark.align)
    panel.draw(camera.size)


def colour_of(colour: Colour, theme: Theme) -> str:
    """The colour as "#rrggbb"."""
    if isinstance(colour, tuple):
        name, value = colour
        r, g, b = palette.table(name, theme.name)[round(255 * min(max(value, 0.0), 1.0))]
        return f"#{r:02x}{g:02x}{b:02x}"
    return colour if colour.startswith("#") else str(getattr(theme, colour))
