"""Live statistics in the terminal, for where there is no window; plain lines where stdout is no terminal.

`follow` runs the world and shows it; `Dashboard` only shows, for a loop of one's own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from swarm.look import Look
from swarm.render.figures import Figures, TableFigures, number

SAMPLE = 0.25  # s between two samples
LINES = 2.0  # s between two plain lines
_BLOCKS = "▁▂▃▄▅▆▇█"
_PARTS = "▏▎▍▌▋▊▉█"  # eighths of a character
BAR = 24  # characters of the longest bar
OTHERS, TICK = "others", "tick"


def follow(
    world: Any, *, scene: Any = None, looks: Iterable[Look] | None = None, ticks: int | None = None, console: Any = None
) -> Figures:
    """Run the world, as fast as it goes, for `ticks` ticks (or until Ctrl-C), and show its figures.

    console: a `rich.console.Console`; by default stdout. Returns the last figures.
    """
    with Dashboard(world, scene=scene, looks=looks, console=console) as shown:
        end = None if ticks is None else int(world.tick) + ticks
        while end is None or int(world.tick) < end:
            world.step()
            shown.update(world)
        shown.update(world, force=True)
    return shown.figures


class Dashboard:
    """The display. Use it as a context manager and call `update` after each tick; it samples when it is time."""

    def __init__(
        self, world: Any, *, scene: Any = None, looks: Iterable[Look] | None = None, console: Any = None
    ) -> None:
        from rich.console import Console

        self.console = console or Console()
        self.figures = Figures(world, scene, looks)
        self._next = self._line = time.perf_counter()
        self._shown = -1
        self._live: Any = None

    def __enter__(self) -> Dashboard:
        if self.console.is_terminal:
            from rich.live import Live

            self._live = Live(self._picture(), console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, world: Any, force: bool = False) -> None:
        """Sample and show, at most every `SAMPLE` s (a plain line every `LINES` s) unless `force`."""
        now = time.perf_counter()
        if (now < self._next and not force) or (force and self._shown == int(world.tick)):
            return
        self._next = now + SAMPLE
        self.figures.sample(world)
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            self._shown = int(world.tick)
        elif force or now >= self._line:
            self._line, self._shown = now + LINES, int(world.tick)
            self.console.print(line(self.figures), soft_wrap=True, highlight=False, markup=False)

    def _picture(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        f, systems = self.figures, self._systems()
        head = Text.assemble(
            ("tick ", "dim"),
            f"{f.tick:,}",
            ("   time ", "dim"),
            f"{f.time:,.1f} s",
            ("   ", ""),
            f"{number(round(f.rate, 1))}",
            (" ticks/s", "dim"),
        )
        watch = getattr(f.scene, "WATCH", "")
        parts: list[Any] = [
            head,
            *([Text(f"Watch for: {watch}", "italic dim")] if watch else []),
            Text(),
            _tables(f, self.console.width),
        ]
        if f.more:
            parts += [Text(), _pairs(f.more)]
        if systems:
            parts += [Text(), _bars(systems)]
        return Panel(
            Group(*parts),
            title=f.title,
            title_align="left",
            box=box.ROUNDED,
            border_style="dim",
            padding=(0, 1),
            expand=False,
        )

    def _systems(self) -> dict[str, float]:
        """The systems that there is room for, ms: the slowest, in the schedule's order, the others, and the sum."""
        f = self.figures
        room = self.console.height - 12 - len(f.tables) - (len(f.more) + 1 if f.more else 0)
        slowest = sorted(f.systems, key=lambda name: f.systems[name])[-min(12, max(3, room)) :]
        shown = {name: ms for name, ms in f.systems.items() if name in slowest}
        rest = {OTHERS: sum(f.systems.values()) - sum(shown.values())} if len(shown) < len(f.systems) else {}
        return {**shown, **rest, TICK: sum(f.systems.values())} if shown else {}


def line(figures: Figures) -> str:
    """The figures in one plain line."""
    words = [f"tick {figures.tick:,}"]
    for t in figures.tables.values():
        inside = []
        if t.moves:
            inside.append(f"+{number(round(t.births, 2))} -{number(round(t.deaths, 2))} per tick")
        if t.mean == t.mean:
            inside.append(f"{t.what} {number(t.mean)}{' ' + t.unit if t.unit else ''}")
        words.append(f"{t.name} {t.count:,}" + (f" ({', '.join(inside)})" if inside else ""))
    words += [f"{name} {number(value)}" for name, value in figures.more.items()]
    words.append(f"{number(round(figures.rate, 1))} ticks/s")
    return "  ".join(words)


def spark(values: Iterable[float], width: int = 32) -> str:
    """The last values as one row of blocks; the scale runs from the lowest to the highest."""
    shown = list(values)[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = max(high - low, 0.02 * abs(high), 1e-12)
    return "".join(_BLOCKS[min(7, int(8 * (value - low) / span))] for value in shown)


def _tables(figures: Figures, width: int) -> Any:
    from rich.markup import escape
    from rich.table import Table

    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    tables = figures.tables.values()
    moves, means = any(t.moves for t in tables), any(t.mean == t.mean for t in tables)
    for name in ("", "alive", *(("births", "deaths") if moves else ("", "")), "mean" if means else "", ""):
        grid.add_column(name, justify="right" if name else "left", no_wrap=True)
    room = max(4, min(32, width - 68))  # for the curves
    for t in tables:
        grid.add_row(
            escape(t.name),
            f"[bold]{t.count:,}[/]",
            *_rates(t),
            _mean(t),
            f"[cyan]{spark(t.counts, room) if t.moves else ''}[/]",
        )
    return grid


def _rates(t: TableFigures) -> tuple[str, str]:
    return (f"{t.births:.2f}/tick", f"{t.deaths:.2f}/tick") if t.moves else ("", "")


def _mean(t: TableFigures) -> str:
    return f"[dim]{t.what}[/] {number(t.mean)}{' ' + t.unit if t.unit else ''}" if t.mean == t.mean else ""


def _pairs(more: dict[str, float]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(justify="right")
    for name, value in more.items():
        grid.add_row(f"[dim]{escape(name)}[/]", number(value))
    return grid


def _bars(systems: dict[str, float]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    longest = max((ms for name, ms in systems.items() if name not in (OTHERS, TICK)), default=0.0) or 1.0
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="crop")
    for name, ms in systems.items():
        bar = "" if name in (OTHERS, TICK) else f"[magenta]{_bar(ms / longest)}[/]"
        grid.add_row(f"[dim]{escape(name)}[/]", f"{ms:.2f} ms", bar)
    return grid


def _bar(part: float) -> str:
    """A bar for 0..1, to an eighth of a character."""
    whole, eighths = divmod(round(8 * BAR * part), 8)
    return "█" * whole + (_PARTS[eighths - 1] if eighths else "")
