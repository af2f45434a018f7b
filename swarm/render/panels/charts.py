"""The charts: who lives, is born and dies, what they hold and eat, what the scene counts, and where a tick's time goes.

Curves come from the figures' histories: the last minute, or the whole run. Where the time machine has branches, the
populations of all of them are drawn together, the abandoned ones faintly. What is drawn is put together once for every
sample of the figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.render import palette
from swarm.render.history import History
from swarm.render.panels import flame
from swarm.render.panels.plot import Line, Plot, Plotter
from swarm.render.panels.widgets import tabs

APART = 0.3  # in lightness, 0 black to 1 white
WHOLE, LATE = "whole run", "last minute"
_EATEN = {"Meal": "grazed", "Bite": "bitten off"}


class Charts:
    """The panel; remembers which history is shown."""

    def __init__(self) -> None:
        self.span = WHOLE
        self._made: tuple[Any, list[Plot], list[Plot]] | None = None

    def draw(self, imgui: Any, view: Any, width: float) -> None:
        """All charts, one below the other."""
        self.span = tabs(imgui, view, (WHOLE, LATE), self.span)
        figures, moments = view.figures, view.moments
        branches = None if moments is None else (moments.branch, len(moments.curves))
        state = self.span, figures, figures.samples, view.theme, branches
        if self._made is None or self._made[0] != state:
            history = figures.whole if self.span == WHOLE else figures.recent
            self._made = state, large(view, history), small(view, history)
        plotter = Plotter(imgui, view, width)
        for plot in self._made[1]:
            plotter.chart(plot)
        imgui.spacing()
        for plot in self._made[2]:
            plotter.row(plot)
        flame.draw(imgui, view, width)


def large(view: Any, history: History) -> list[Plot]:
    """Population, births and deaths, means, intake."""
    figures, theme = view.figures, view.theme
    tables = list(figures.tables.values())
    moving = [table for table in tables if table.moves]
    ink: dict[str, Any] = {table.name: colour_of(view, table.name) for table in tables}

    def line(name: str, kind: str, table: str, alpha: float = 1.0) -> Line:
        return Line(name, history.ticks, history.series(f"{kind} {table}"), ink[table], alpha)

    living = [line(t.name, "alive", t.name) for t in moving or tables]
    found = [Plot("population", branches(view, ink) or living)]
    if moving:
        both = [line(f"{t.name} born", "births", t.name) for t in moving]
        both += [line(f"{t.name} died", "deaths", t.name, 0.45) for t in moving]
        found.append(Plot("births, deaths  a tick", both))
    held = [table for table in tables if table.what and table.mean == table.mean]
    for what in dict.fromkeys((table.what, table.unit) for table in held):
        same = [table for table in held if (table.what, table.unit) == what]
        found.append(Plot(f"mean {'  '.join(what)}".rstrip(), [line(t.name, "mean", t.name) for t in same]))
    if figures.eaten:
        eaten = [
            Line(word, history.ticks, history.series(f"eaten {kind}"), colour)
            for (kind, word), colour in zip(_EATEN.items(), (ink.get("plant", theme.quiet), theme.accent))
            if kind in figures.eaten
        ]
        found.append(Plot("eaten  J a tick", eaten))
    return found


def small(view: Any, history: History) -> list[Plot]:
    """What the scene counts, and how fast it goes."""
    figures = view.figures
    names = *figures.more, "ticks/s", "frames/s"
    accent = view.theme.accent
    return [Plot(name, [Line(name, history.ticks, history.series(name), accent, 0.8)]) for name in names]


def branches(view: Any, ink: dict[str, str]) -> list[Line]:
    """The populations on all branches of the time machine; none where there is one only.

    The way to the branch in force is drawn last and in full; what was abandoned is faint.
    """
    moments = view.moments
    if moments is None or len(moments.curves) < 2:
        return []
    curves = {curve.name: curve for curve in moments.curves}
    until, name = {}, moments.branch  # of the branches on the way: the tick at which the next one left them
    fork = float("inf")
    while name in curves:
        until[name] = fork
        name, fork = curves[name].parent, curves[name].fork
    old, now = [], []
    for curve in curves.values():
        xs = np.asarray(curve.ticks, np.float64)
        cut = int(np.searchsorted(xs, until.get(curve.name, -1.0), side="right"))
        for table, counts in curve.counts.items():
            if table in ink and len(xs) and np.ptp(counts) > 0:
                ys = np.asarray(counts, np.float64)
                now.append(Line(table, xs[:cut], ys[:cut], ink[table]))
                old.append(
                    Line(f"{table}, {curve.name}", xs[max(cut - 1, 0) :], ys[max(cut - 1, 0) :], ink[table], 0.35)
                )
    return old + now


def colour_of(view: Any, table: str) -> str:
    """The colour of a table's curves: as its agents are drawn, as much darker or lighter as the panel asks for."""
    theme = view.theme
    look = next((look for look in view.renderer.looks if look.table == table), None)
    if look is None:
        return theme.quiet
    if isinstance(look.colour, str):
        return _apart(look.colour, theme.panel)
    r, g, b = palette.table(look.palette, theme.name)[170 if look.palette != "kinds" else 60]
    return _apart(f"#{r:02x}{g:02x}{b:02x}", theme.panel)


def _apart(colour: str, ground: str) -> str:
    """The colour, or one of the same hue whose lightness (Oklab) differs by `APART` from the ground's."""
    ink, paper = (palette.oklab(np.array(palette.rgb(one))) for one in (colour, ground))
    if abs(ink[0] - paper[0]) >= APART:
        return colour
    ink[0] = paper[0] + (APART if paper[0] < 0.5 else -APART)
    r, g, b = np.rint(255 * palette.srgb(ink)).astype(int)
    return f"#{r:02x}{g:02x}{b:02x}"
