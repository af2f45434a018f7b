"""Curves in a panel: a chart with its title and last values, or a row with a small one. ImPlot draws the lines."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from swarm.render.figures import number
from swarm.render.panels.style import packed, rgba
from swarm.render.panels.widgets import right

TALL, LOWER, ROW = 56.0, 44.0, 16.0  # pt, heights of the curves: in a chart, in a low window, in a row
LOW = 0.5  # a scale begins at 0 if the lowest value is below this part of the highest
NAMED = 4  # last values that stand beside a title


class Line(NamedTuple):
    """One curve: float64 xs and ys [n]; alpha below 0.4 says that it is of old."""

    name: str
    xs: np.ndarray
    ys: np.ndarray
    colour: str
    alpha: float = 1.0

    @property
    def last(self) -> float:
        """The last value; NaN where there is none."""
        return float(self.ys[-1]) if len(self.ys) else float("nan")


class Plot:
    """Curves over one axis of ticks, and what is derived from them once."""

    def __init__(self, title: str, lines: list[Line]) -> None:
        self.title = title
        self.lines = [Line(line.name, line.xs.copy(), line.ys.copy(), *line[3:]) for line in lines]

    @cached_property
    def shown(self) -> list[Line]:
        """The curves that have two points."""
        return [line for line in self.lines if np.isfinite(line.ys).sum() > 1]

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """First and last tick, lowest and highest value."""
        known = [np.isfinite(line.ys) for line in self.shown]
        xs = [line.xs[k][end] for line, k in zip(self.shown, known) for end in (0, -1)]
        low = min(float(line.ys[k].min()) for line, k in zip(self.shown, known))
        high = max(float(line.ys[k].max()) for line, k in zip(self.shown, known))
        return float(min(xs)), float(max(xs)), 0.0 if 0 <= low < LOW * high else low, high

    @cached_property
    def words(self) -> list[tuple[str, str, float]]:
        """The last values: text, colour, alpha."""
        newest = max((float(line.xs[-1]) for line in self.lines if len(line.xs)), default=0.0)
        now = [line for line in self.lines if line.alpha >= 0.4 and line.last == line.last and line.xs[-1] == newest]
        return [(short(line.last), line.colour, 0.4 + 0.6 * line.alpha) for line in now[:NAMED]]

    @cached_property
    def ends(self) -> tuple[str, str]:
        """The scale's ends in words, the lower one first; of one value only the upper one."""
        return short(self.box[2]) if self.box[2] < self.box[3] else "", short(self.box[3])


def short(value: float) -> str:
    """A figure of three digits, or a whole number."""
    return number(round(value)) if abs(value) >= 100 else number(float(f"{value:.3g}"))


class Plotter:
    """Draws plots `width` px wide in the window begun."""

    def __init__(self, imgui: Any, view: Any, width: float) -> None:
        from imgui_bundle import implot

        self.imgui, self.implot, self.theme, self.u, self.width = imgui, implot, view.theme, view.ui, width
        self.tall = (TALL if view.renderer.camera.size[1] > 800 * view.ui else LOWER) * view.ui
        self.axis = implot.AxisFlags_.no_decorations | implot.AxisFlags_.no_highlight
        self.flags = implot.Flags_.canvas_only | implot.Flags_.no_inputs

    def chart(self, plot: Plot) -> None:
        """A title with the last values, and the curves below."""
        imgui, u = self.imgui, self.u
        imgui.spacing()
        imgui.text_disabled(plot.title)
        gap = 10 * u
        room = sum(imgui.calc_text_size(text).x + gap for text, _, _ in plot.words) - gap
        for k, (text, colour, alpha) in enumerate(plot.words):
            imgui.same_line(*((0, gap) if k else (imgui.get_style().window_padding.x + self.width - room,)))
            imgui.text_colored(rgba(colour, alpha), text)
        if not plot.shown:
            imgui.dummy((self.width, self.tall))
            return
        self._plot(plot, self.width, self.tall, shaded=len(plot.shown) == 1)
        left, top = imgui.get_item_rect_min()
        brush, size, ink = imgui.get_window_draw_list(), 10.5 * u, packed(self.theme.quiet, 0.9)
        for y, text in zip((top + self.tall - size, top), plot.ends):
            brush.add_text(imgui.get_font(), size, (left, y), ink, text)

    def row(self, plot: Plot) -> None:
        """A name, a small curve and the last value, in one line."""
        imgui, u, line = self.imgui, self.u, plot.lines[0]
        left, top = imgui.get_cursor_pos()
        imgui.text_disabled(plot.title)
        if plot.shown:
            imgui.set_cursor_pos((left + 0.54 * self.width, top))
            self._plot(plot, 0.22 * self.width, ROW * u)
        imgui.set_cursor_pos((left, top))
        imgui.dummy((1, ROW * u))
        right(imgui, self.width, short(line.last) if line.last == line.last else "–", self.theme.text)

    def _plot(self, plot: Plot, width: float, height: float, shaded: bool = False) -> None:
        implot, lines = self.implot, plot.shown
        if not implot.begin_plot(f"##{plot.title}", (width, height), self.flags):
            return
        x0, x1, low, high = plot.box
        margin = 0.06 * (high - low) or 0.5
        implot.setup_axes("", "", self.axis, self.axis)
        implot.setup_axes_limits(x0, max(x1, x0 + 1), low - margin, high + margin, self.imgui.Cond_.always)
        if shaded:
            spec = implot.Spec()
            spec.fill_color, spec.fill_alpha = rgba(lines[0].colour), 0.10
            implot.plot_shaded("below", lines[0].xs, lines[0].ys, low - margin, spec)
        for k, line in enumerate(lines):
            spec = implot.Spec()
            spec.line_color, spec.line_weight = rgba(line.colour, line.alpha), 1.5 * self.u
            implot.plot_line(f"{k}", line.xs, line.ys, spec)
        if implot.is_plot_hovered():
            self._point_out(plot, implot.get_plot_mouse_pos().x)
        implot.end_plot()

    def _point_out(self, plot: Plot, x: float) -> None:
        """A line at the tick under the mouse, and the values there."""
        spec = self.implot.Spec()
        spec.line_color, spec.line_weight = rgba(self.theme.quiet, 0.6), self.u
        self.implot.plot_inf_lines("here", np.array([x]), spec)
        if not self.imgui.begin_tooltip():
            return
        self.imgui.text_disabled(f"tick {round(x):,}")
        for line in plot.shown:
            at = min(int(np.searchsorted(line.xs, x)), len(line.xs) - 1)
            self.imgui.text_colored(rgba(line.colour, 0.4 + 0.6 * line.alpha), f"{line.name}  {short(line.ys[at])}")
        self.imgui.end_tooltip()
