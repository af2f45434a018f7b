"""What a running world is doing, in figures: for the HUD and for the terminal.

Everything comes from public names of the world: counts, tick, tables' totals, one column of energy per look, the
profile. A scene adds rows of its own with `statistics(world) -> dict[str, float]`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from swarm.ecs.events import Bite, Meal
from swarm.look import Look, guess
from swarm.render.history import History

HISTORY = 240  # samples kept for the charts
SMOOTH = 9  # samples that rates are counted over


class _Moment(NamedTuple):
    """What rates are counted between: the clock, the tick, births and deaths so far per table."""

    at: float
    tick: int
    totals: dict[str, tuple[int, int]]


@dataclass
class TableFigures:
    """One table: how many live, births and deaths per tick of late, the mean of its coloured column."""

    name: str
    count: int = 0
    births: float = 0.0
    deaths: float = 0.0
    what: str = ""  # "energy": the coloured column's component, in words
    unit: str = ""
    mean: float = float("nan")
    counts: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY))
    moves: bool = False  # whether anybody was ever born or died here


class Figures:
    """Samples a world now and then. `sample` costs one pass over one column per table.

    `recent` and `whole` hold what was sampled, for curves: the last minutes, and the run from its start. Series are
    called "alive T", "births T", "deaths T", "mean T" for a table T, "eaten Meal" and "eaten Bite" (J a tick, where
    `intake` asks for them), "ticks/s", "frames/s", and as the scene's statistics are.
    """

    def __init__(self, world: Any, scene: Any = None, looks: Iterable[Look] | None = None, clock: Any = None) -> None:
        self.clock = clock or time.perf_counter
        self.scene = scene = scene_of(world, scene)
        self.look(looks if looks is not None else declared(world, scene))
        self.title = title(world, scene)
        self.tick = int(world.tick)
        self.time = 0.0  # s of simulated time
        self.rate = float("nan")  # ticks per second of the clock
        self.frames = float("nan")  # drawn per second; whoever draws says so
        self.tables: dict[str, TableFigures] = {}
        self.more: dict[str, float] = {}
        self.systems: dict[str, float] = {}  # median ms per tick
        self.recent, self.whole = History(), History(whole=True)
        self.samples = 0  # taken so far
        self.intake = False  # whether the world is asked to record what is eaten
        self.eaten: dict[str, float] = {}  # J a tick, by kind of event
        self._past: deque[_Moment] = deque([_Moment(self.clock(), 0, {})], maxlen=SMOOTH)  # rates count from the first
        self.sample(world)
        median = getattr(world, "profile", {"tick": None})["tick"]
        self.rate = 1.0 / median.p50 if median is not None and median.p50 > 0.0 else float("nan")
        self._past.popleft()

    def look(self, looks: Iterable[Look]) -> None:
        """Tables are drawn so from now on: what is coloured has a mean."""
        self.colours = {look.table: look.colour for look in looks}
        self.kinds = {look.table for look in looks if look.palette == "kinds"}  # numbers that have no mean

    def sample(self, world: Any, running: bool = True) -> None:
        """Read the world. A world that is paused has no rate."""
        now = _Moment(self.clock(), int(world.tick), {name: _totals(table) for name, table in world.tables.items()})
        if now.tick < self.tick:  # put back, or begun anew
            self._past.clear()
            for history in (self.recent, self.whole):
                history.cut(now.tick)
        if not running:
            self.rate = float("nan")
            self._past.clear()  # what passes while it stands still is not counted
        if now.tick == self.tick and self.tables:
            self._past.extend([] if self._past else [now])
            return
        self._past.append(now)
        first = self._past[0]
        if running and now.at > first.at:
            self.rate = (now.tick - first.tick) / (now.at - first.at)
        self.tick, self.time = now.tick, now.tick * float(world.dt)
        self.tables = {name: known for name, known in self.tables.items() if name in world.tables}
        for name, table in world.tables.items():
            self._table(name, table, first, now)
        self.systems = systems(world)
        statistics = getattr(self.scene, "statistics", None)
        if statistics is not None:
            self.more = {str(key): float(value) for key, value in statistics(world).items()}
        self.eaten = _eaten(world, self.eaten) if self.intake and hasattr(world, "events") else {}
        self._note()

    def _note(self) -> None:
        """Add what was found to the histories."""
        values = {"ticks/s": self.rate, "frames/s": self.frames, **self.more}
        values |= {f"eaten {kind}": amount for kind, amount in self.eaten.items()}
        for name, table in self.tables.items():
            values |= {f"alive {name}": table.count, f"mean {name}": table.mean}
            if table.moves:
                values |= {f"births {name}": table.births, f"deaths {name}": table.deaths}
        for history in (self.recent, self.whole):
            history.add(self.tick, values)
        self.samples += 1

    def _table(self, name: str, table: Any, first: _Moment, now: _Moment) -> None:
        figures = self.tables.setdefault(name, TableFigures(name))
        figures.count = int(table.n)
        figures.counts.append(figures.count)
        (born, died), (was_born, had_died) = now.totals[name], first.totals.get(name, (0, 0))
        figures.moves = bool(born or died)
        if now.tick > first.tick:
            figures.births = (born - was_born) / (now.tick - first.tick)
            figures.deaths = (died - had_died) / (now.tick - first.tick)
        column = self.colours.get(name)
        if column is not None and not isinstance(column, str):
            value = table.column(column)  # on a device the mean is taken there
            figures.what, figures.unit = describe(column), column.unit
            mean = len(value) and name not in self.kinds
            figures.mean = float(value.mean(dtype=np.float64)) if mean else float("nan")


_EATING = {"graze": Meal, "bite": Bite}  # stages, and the events they report


def _eaten(world: Any, before: dict[str, float]) -> dict[str, float]:
    """J that changed hands in the last tick, by kind of event, smoothed over some samples.

    Not on a device: what reports events there cannot be part of a graph, and ticks would take longer.
    """
    if world.backend.device is not None:
        return {}
    stages = {name.partition(" ")[0] for name in world.schedule.names}
    found = {}
    for stage, kind in _EATING.items():
        if stage in stages:
            asked = world.wants(kind)
            amount = float(world.events(kind).amounts.sum(dtype=np.float64))
            if asked:
                last = before.get(kind.__name__, amount)
                found[kind.__name__] = last + (amount - last) / SMOOTH
    return found


def _totals(table: Any) -> tuple[int, int]:
    return int(np.sum(table.born_total)), int(np.sum(table.died_total))  # of several worlds all together


def scene_of(world: Any, scene: Any = None) -> Any:
    """The scene given, or else the one that built the world, or None."""
    path = (getattr(world, "scene", None) or {}).get("path")
    if scene is not None or path is None:
        return scene
    from swarm import scenes

    return scenes.load(path)


def declared(world: Any, scene: Any = None) -> tuple[Look, ...]:
    """The looks a scene declares (`scene.look(world)`), or those guessed from the world's columns."""
    look = getattr(scene_of(world, scene), "look", None)
    return tuple(look(world)) if look is not None else guess(world)


def title(world: Any, scene: Any = None) -> str:
    """The name to show: the scene's, else "world"."""
    path = (getattr(world, "scene", None) or {}).get("path")
    name = getattr(scene, "name", None) or path or getattr(scene, "__name__", None) or "world"
    return str(name).replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py").rsplit(".", 1)[-1].rsplit(":", 1)[-1]


def describe(column: Any) -> str:
    """A column in words: "energy" for Energy.level, "body speed" for Body.speed."""
    owner = column.key.partition(".")[0].lower()
    return owner if column.name in ("level", "value", "amount") else f"{owner} {column.name}"


def systems(world: Any) -> dict[str, float]:
    """Median ms per system from the world's profile, in schedule order, the barrier last; empty without one."""
    profile = getattr(world, "profile", None)
    if profile is None:
        return {}
    return {name: 1e3 * profile[name].p50 for name in profile if name != "tick" and profile[name].count}


def number(value: float, digits: int = 3) -> str:
    """A figure for people: 20,000 / 1,234 / 12.3 / 0.0123 / –."""
    if value != value:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
