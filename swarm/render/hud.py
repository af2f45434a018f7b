"""The overlay: what runs, how it goes, what the colours mean, how long a metre is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from swarm.render.camera import Camera
from swarm.render.columns import PLAIN
from swarm.render.figures import Figures, TableFigures, number
from swarm.render.panel import Panel
from swarm.render.sprites import Sprites
from swarm.render.theme import Theme

WIDTH = 214.0  # pt, the panel at the top left


class Hud:
    """Lays out the overlay in points; `ui` px each."""

    def __init__(self, theme: Theme, ui: float = 1.0) -> None:
        self.theme, self.ui = theme, ui
        self.foot: tuple[float, float] | None = None  # px, the middle of the hint's baseline; None: at the bottom

    def retheme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme = theme

    def build(
        self, panel: Panel, camera: Camera, figures: Figures, sprites: Sequence[Sprites], note: str = "", hint: str = ""
    ) -> None:
        """Collect the whole overlay in `panel`. `note` is the state (paused, 4x), `hint` the keys."""
        panel.clear()
        u = self.ui
        self._figures(panel, figures, note)
        self._legend(panel, camera, sprites, figures)
        self._scale(panel, camera)
        if hint:
            width = panel.font.width(hint, 7.5 * u)
            x, y = self.foot or (camera.size[0] / 2, camera.size[1] - 22 * u)
            x = max(x, width / 2 + 34 * u)
            self._plate(panel, x - width / 2 - 16 * u, y - 17 * u, width + 32 * u, 27 * u)
            panel.text(x, y, hint, 7.5 * u, self.theme.quiet, align="centre")

    def _plate(self, panel: Panel, x: float, y: float, w: float, h: float) -> None:
        u, theme = self.ui, self.theme
        panel.box(x - u, y - u, w + 2 * u, h + 2 * u, theme.line, 0.10, 9 * u)
        panel.box(x, y, w, h, theme.panel, theme.panel_alpha, 8 * u)

    def _figures(self, panel: Panel, figures: Figures, note: str) -> None:
        u, theme = self.ui, self.theme
        tables = list(figures.tables.values())
        rows = [(f"mean {t.what}", t.mean, t.unit) for t in tables if t.count and t.what and t.mean == t.mean]
        rows += [(name, value, "") for name, value in figures.more.items()]
        height = 62 + sum(44 if t.moves else 24 for t in tables) + (14 + 16 * len(rows) if rows else 0)
        left, top = 18 * u, 18 * u
        self._plate(panel, left, top, WIDTH * u, height * u)
        x, right, y = left + 16 * u, left + (WIDTH - 16) * u, top + 29 * u
        panel.text(x, y, figures.title, 11 * u, theme.text, weight=1.25)
        panel.text(right, y, note, 7.5 * u, theme.accent, align="right")
        y += 20 * u
        panel.text(x, y, f"tick {figures.tick:,}", 7.5 * u, theme.quiet)
        rate = "" if math.isnan(figures.rate) else f"{number(round(figures.rate))} ticks/s"
        panel.text(right, y, rate, 7.5 * u, theme.quiet, align="right")
        y += 9 * u
        for table in tables:
            y = self._table(panel, table, x, right, y)
        y += 4 * u
        for name, value, unit in rows:
            y += 16 * u
            panel.text(x, y, name, 7.0 * u, theme.quiet)
            panel.text(right, y, f"{number(value)} {unit}".rstrip(), 7.0 * u, theme.text, align="right")

    def _table(self, panel: Panel, table: TableFigures, x: float, right: float, y: float) -> float:
        u, theme = self.ui, self.theme
        panel.text(x, y + 16 * u, table.name, 8.0 * u, theme.text)
        panel.text(right, y + 16 * u, f"{table.count:,}", 8.0 * u, theme.text, weight=1.15, align="right")
        if not table.moves:
            return y + 24 * u
        births = f"+{number(round(table.births, 2))}  –{number(round(table.deaths, 2))} per tick"
        panel.text(x, y + 32 * u, births, 7.0 * u, theme.quiet)
        self._chart(panel, list(table.counts), right - 64 * u, y + 22 * u, 64 * u, 13 * u)
        return y + 44 * u

    def _chart(self, panel: Panel, values: list[int], x: float, y: float, w: float, h: float) -> None:
        if len(values) < 2:
            return
        step = max(1, math.ceil(len(values) / 48))
        values = values[::-1][::step][::-1]
        low, high = min(values), max(values)
        span = max(high - low, 0.02 * high, 1)
        points = [(x + w * k / (len(values) - 1), y + h - h * (value - low) / span) for k, value in enumerate(values)]
        panel.line(points, self.theme.accent, 0.9, 1.3 * self.ui)

    def _legend(self, panel: Panel, camera: Camera, sprites: Sequence[Sprites], figures: Figures) -> None:
        u, theme = self.ui, self.theme
        rows = [s for s in sprites if s.columns.n or s.columns.look.table in figures.tables]
        if not rows:
            return
        height = 14 + sum(20 * (1 + _scaled(s)) for s in rows)
        left, top = 18 * u, camera.size[1] - (18 + height) * u
        self._plate(panel, left, top, WIDTH * u, height * u)
        x, right, y = left + 16 * u, left + (WIDTH - 16) * u, top + 7 * u
        for sprite in reversed(rows):
            panel.box(x, y + 5.5 * u, 8 * u, 8 * u, _dot(sprite), 1.0, 4 * u)
            panel.text(x + 15 * u, y + 13 * u, sprite.columns.look.title, 7.5 * u, theme.text)
            y += 20 * u
            if _scaled(sprite):
                paint = sprite.paint
                words = f"{paint.what}, {paint.unit}" if paint.unit else paint.what
                panel.text(right, y - 7 * u, words, 7.0 * u, theme.quiet, align="right")
                self._colours(panel, sprite, x + 15 * u, right, y)
                y += 20 * u

    def _colours(self, panel: Panel, sprite: Sprites, x: float, right: float, y: float) -> None:
        """The colours of one table: a bar with its limits, or one square for each kind."""
        u, theme = self.ui, self.theme
        if sprite.paint.palette in ("kinds", "lines"):
            kinds = sprite.paint.palette == "kinds"
            colours = sprite.colours[[(2 * k + 1) * 256 // 22 for k in range(11)] if kinds else range(14)]
            each = (right - x) / len(colours)
            for k, (r, g, b) in enumerate(colours.tolist()):
                panel.box(x + k * each, y + 1.5 * u, each - 2 * u, 7 * u, f"#{r:02x}{g:02x}{b:02x}", 1.0, 2 * u)
            return
        low, high = (number(v, 2) for v in sprite.columns.limits)
        bar = x + panel.font.width(low, 6.5 * u) + 6 * u
        end = right - panel.font.width(high, 6.5 * u) - 6 * u
        panel.text(x, y + 8.5 * u, low, 6.5 * u, theme.quiet)
        panel.scale(bar, y + 1.5 * u, end - bar, 7 * u, sprite.paint.palette, 3.5 * u)
        panel.text(right, y + 8.5 * u, high, 6.5 * u, theme.quiet, align="right")

    def _scale(self, panel: Panel, camera: Camera) -> None:
        u, theme = self.ui, self.theme
        length = nice(130 * u / camera.scale)
        w = length * camera.scale
        x, y = camera.size[0] - 26 * u, camera.size[1] - 28 * u
        self._plate(panel, x - w - 14 * u, y - 24 * u, w + 28 * u, 38 * u)
        panel.line([(x - w, y - 4 * u), (x - w, y + 2 * u), (x, y + 2 * u), (x, y - 4 * u)], theme.quiet, 1.0, 1.2 * u)
        panel.text(x - w / 2, y - 5 * u, f"{number(length)} m", 7.0 * u, theme.text, align="centre")


def nice(length: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... that is at most `length`."""
    base = 10.0 ** math.floor(math.log10(length))
    return base * max(k for k in (1, 2, 5) if k * base <= length * (1 + 1e-9))


def _scaled(sprite: Sprites) -> bool:
    """Whether colours stand for values that the legend has to name."""
    return sprite.paint.read is not None and bool(sprite.paint.what)


def _dot(sprite: Sprites) -> str:
    """The colour that stands for a table: its only one, or one well up its palette."""
    only = int(sprite.columns.tint[0, 0]) if sprite.paint.read is not None and sprite.columns.n else PLAIN
    r, g, b = sprite.colours[170 if _scaled(sprite) else only].tolist()
    return f"#{r:02x}{g:02x}{b:02x}"
