"""Flow fields: for every goal the way there from every cell of a tile map, worked out once for all who go there.

    roads = swarm.Flow(Ground, goals={"market": [(12, 40)], "home": Home.pos, "door": 3}, scale=20)
    Mind = swarm.mind(way=roads.to(Npc.goal), actions=("x", "y"))      # direction x, direction y, closeness
    way = roads.directions(world, pos, roads.number("market"))         # for rules without brains

`ways` says how distances are measured. One field for a whole crowd: Treuille, Cooper and Popovic, "Continuum crowds",
SIGGRAPH 2006.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.near import outside
from swarm.stages.raster import cells_of
from swarm.stages.stage import Cost, need_column, positive
from swarm.stages.tiles import Ground, Tiles
from swarm.stages.ways import cell_of, compass_of, cost, lengths_of

if TYPE_CHECKING:
    from swarm.stages.sense import Seeker


class Maps(NamedTuple):
    """The ways to all goals over one state of the tiles and goals. Of cells: [G, W, rows, columns]."""

    ground: Ground
    sources: tuple[Any, ...]  # the cells of each goal, int64, sorted: world * area + row * columns + column
    distance: Any  # float32, m; infinite where there is no way
    way: Any  # uint8, a number of `ways.STEPS`, or NOWHERE


class Flow:
    """Ways to several goals over `tiles`; also a sense of three numbers: direction x and y, closeness.

    goals: by name, each the cells [(column, row), ...], a bool array [rows, columns], the number of a tile, or a
    position column f32(2): wherever entities with it are. goal: which one the sense follows: a name, or an int32 column
    of the agents with the goal's number, in the order given, negative for none; by default the only one there is.
    scale: at this distance (m, weighed by cost) closeness = 1 / (1 + distance / scale) is one half. Where there is no
    way, and for those without a goal, all three are 0; at the goal the direction is 0 and closeness 1.

    Ways are worked out when they are first asked for and again when tiles or goals have changed. Raises
    `SettingsError` and `SchemaError`.
    """

    places = True
    width = 3
    needs: Mapping[Column, float] = {}

    def __init__(
        self, tiles: Tiles, goals: Mapping[str, Any], goal: str | Column | None = None, scale: float = 10.0
    ) -> None:
        if not isinstance(tiles, Tiles):
            raise SettingsError(f"Flow: {tiles!r} is no tile map. Declare one: swarm.Tiles('ground', cells=(64, 64)).")
        if not isinstance(goals, Mapping) or not goals:
            raise SettingsError(f"Flow: goals is {goals!r}; give one or more by name, such as {{'home': [(3, 5)]}}.")
        self.tiles, self.scale = tiles, positive(scale, "scale", "Flow")
        self.goals = {name: _goal(tiles, name, about) for name, about in goals.items()}
        self._maps: WeakKeyDictionary[Any, Maps] = WeakKeyDictionary()
        self._follow(goal if goal is not None or len(goals) > 1 else next(iter(goals)))

    def to(self, goal: str | Column) -> Flow:
        """The same ways as a sense that follows `goal`: a name, or an int32 column of the agents."""
        made = copy.copy(self)
        made._follow(goal)
        return made

    def _follow(self, goal: str | Column | None) -> None:
        if isinstance(goal, str):
            self.number(goal)
        elif goal is not None:
            need_column(goal, (), np.int32, "Flow: goal")
        self.goal = goal
        self.reads: tuple[Any, ...] = (goal,) if isinstance(goal, Column) else ()

    def number(self, goal: str) -> int:
        """The number of a goal. Raises `SettingsError` for one that is unknown."""
        if goal not in self.goals:
            raise SettingsError(f"Flow: there is no goal {goal!r}. There are {', '.join(self.goals)}.")
        return list(self.goals).index(goal)

    # ------------------------------------------------------------------ the ways

    def maps(self, world: Any) -> Maps:
        """The ways as tiles and goals are now. Raises `SettingsError` if every tile is solid."""
        ground, known, host = self.tiles.ground(world), self._maps.get(world), world.backend.host
        sources = tuple(self._sources(world, about, ground) for about in self.goals.values())
        if known is not None and known.ground is ground and all(map(np.array_equal, known.sources, sources)):
            return known
        factor = host(ground.factor).reshape(-1, self.tiles.rows, self.tiles.columns)
        if not np.isfinite(factor).any():
            raise SettingsError(f"Flow: every tile of '{self.tiles.name}' is solid. Leave some that can be walked on.")
        shape = (len(sources), *factor.shape)
        if known is None or known.distance.shape != shape:
            known = None
            distance, way = np.empty(shape, np.float32), np.empty(shape, np.uint8)
        else:
            distance, way = host(known.distance).copy(), host(known.way).copy()
        for g, (name, cells) in enumerate(zip(self.goals, sources, strict=True)):
            free = cells[np.isfinite(factor.reshape(-1)[cells])]
            if len(cells) and not len(free) and not isinstance(self.goals[name], Column):
                warnings.warn(f"Flow: the goal '{name}' lies in solid tiles, so nobody finds it.", stacklevel=4)
            stale = np.arange(len(factor))
            if known is not None:
                moved = np.setxor1d(known.sources[g], cells) // factor[0].size
                edited = (host(known.ground.factor).reshape(factor.shape) != factor).any(axis=(1, 2))
                stale = np.union1d(moved, np.flatnonzero(edited))
            self._integrate(world, factor, free, stale, distance[g], way[g])
        array = world.backend.array
        made = self._maps[world] = Maps(ground, sources, array(distance), array(way))
        return made

    def _integrate(
        self, world: Any, factor: np.ndarray, cells: np.ndarray, stale: np.ndarray, distance: Any, way: Any
    ) -> None:
        """Work out the ways to `cells` anew in the `stale` ones of several worlds; arrays [W, rows, columns]."""
        kernels, area = world.backend.twin("swarm.stages.ways"), factor[0].size
        about = lengths_of(self.tiles.cell(world)), self.tiles.edge == "closed"
        if len(stale) == len(factor):
            kernels.integrate(factor, cells, *about, distance, way)
        elif len(stale):
            cells = cells[np.isin(cells // area, stale)]
            cells = np.searchsorted(stale, cells // area) * area + cells % area
            some, first = np.empty((len(stale), *factor.shape[1:]), np.float32), way[stale]
            kernels.integrate(factor[stale], cells, *about, some, first)
            distance[stale], way[stale] = some, first

    def _sources(self, world: Any, about: Any, ground: Any) -> np.ndarray:
        """The cells of a goal in all worlds, int64, sorted, each once, on the host."""
        area = self.tiles.rows * self.tiles.columns
        if isinstance(about, Column):
            found = [np.empty(0, np.int64)]
            for table in (t for t in world.tables_with(about) if t.n):
                pos, plane = world.backend.host(table.column(about)), world.backend.host(table.worlds)
                if outside(pos, *map(np.float32, world.size)) >= 0:
                    raise SettingsError(f"Flow: an entity of table '{table.name}' has {about.key} outside the world.")
                column, row = cells_of(pos, self.tiles.lattice(world))
                first = plane.astype(np.int64) * area if plane.size else 0
                found.append(first + row * np.int64(self.tiles.columns) + column)
            return np.unique(np.concatenate(found))
        if isinstance(about, int):
            return np.flatnonzero(world.backend.host(ground.tiles).reshape(-1) == about)
        return (np.arange(ground.tiles.size // area)[:, None] * area + about).reshape(-1)

    # ------------------------------------------------------------------ what agents ask

    def directions(self, world: Any, pos: Any, goal: Any, plane: Any = None) -> Any:
        """Unit vectors float32 [N, 2] from positions float32 [N, 2] (m, in the world) towards a goal.

        goal: a name, a number, or int32 [N] of numbers, negative for none. plane: int32 [N], in which of several worlds
        each is (`table.worlds`). Raises `SettingsError` for positions outside the world and goals that do not exist.
        """
        return self._ask(world, pos, goal, plane)[0][:, :2]

    def distance(self, world: Any, pos: Any, goal: Any, plane: Any = None) -> Any:
        """How far it is to the goal, float32 [N], m weighed by cost; infinite if there is no way. See `directions`."""
        _, pos, plane, number = self._ask(world, pos, goal, plane)
        distance = self.maps(world).distance
        cell = cell_of(pos, number, plane, distance[0].size, self.tiles.lattice(world))
        return np.where(number < 0, np.float32(np.inf), distance.reshape(-1)[cell])

    def _ask(self, world: Any, pos: Any, goal: Any, plane: Any) -> tuple[Any, Any, Any, Any]:
        """Direction and closeness float32 [N, 3], and what was asked as arrays: positions, worlds, goals."""
        array = world.backend.array
        if world.ids.worlds > 1 and plane is None:
            raise SettingsError(f"Flow: there are {world.ids.worlds} worlds; say in which each is: plane=table.worlds.")
        pos, plane = array(pos, np.float32), array(np.empty(0, np.int32) if plane is None else plane, np.int32)
        number = array(self.number(goal) if isinstance(goal, str) else goal, np.int32)
        if number.ndim == 0:
            number = array(np.full(len(pos), int(number), np.int32))
        out = world.backend.zeros((len(pos), 3), np.float32)
        bad = self._look(world, pos, plane, number, out, 0)
        if bad >= 0:
            place, asked = world.backend.host(pos[bad]), int(number[bad])
            raise SettingsError(f"Flow: row {bad}, at {place} with goal {asked}: {self._wrong(asked)}")
        return out, pos, plane, number

    def _wrong(self, number: int) -> str:
        if number >= len(self.goals):
            return f"goals are numbered 0 to {len(self.goals) - 1} ({', '.join(self.goals)}), negative means none."
        return "positions lie inside the world."

    def _look(self, world: Any, pos: Any, plane: Any, number: Any, out: Any, at: int) -> int:
        maps, kernels = self.maps(world), world.backend.twin("swarm.stages.ways")
        flat = maps.distance.reshape(-1), maps.way.reshape(-1)
        compass = world.backend.array(compass_of(self.tiles.cell(world)))
        lattice, scale = self.tiles.lattice(world), np.float32(self.scale)
        return kernels.follow(*flat, len(self.goals), plane, pos, number, lattice, compass, scale, out, at)

    # ------------------------------------------------------------------ the sense

    def labels(self, name: str) -> list[str]:
        """One label per sense."""
        return [f"{name} x", f"{name} y", f"{name} closeness"]

    def describe(self) -> dict[str, Any]:
        """Plain values: kind, tiles, goals, what is followed, scale."""
        goal = self.goal.key if isinstance(self.goal, Column) else self.goal
        return {"sense": "flow", **self.tiles.describe(), "goals": list(self.goals), "goal": goal, "scale": self.scale}

    def fill(self, world: Any, seeker: Seeker, out: np.ndarray, at: int) -> int:
        """Write columns at .. at + 3 of `out` [N, W]; returns the first row that is not in the world, or -1.

        Raises `SettingsError` where it is not said which goal to follow, or for a number that is no goal's.
        """
        if self.goal is None:
            first, names = next(iter(self.goals)), ", ".join(self.goals)
            raise SettingsError(f"Flow: there are several goals, {names}; say which: flow.to('{first}').")
        backend, n = world.backend, len(seeker.pos)
        if isinstance(self.goal, Column):
            number = seeker.table.column(self.goal)
        else:
            number = backend.array(np.full(n, self.number(self.goal), np.int32))
        bad = self._look(world, seeker.pos, seeker.world, number, out, at)
        if bad >= 0 and isinstance(self.goal, Column) and int(number[bad]) >= len(self.goals):
            entity = int(backend.host(seeker.table.ids()[bad : bad + 1])[0])
            raise SettingsError(
                f"Flow: entity {entity} of table '{seeker.table.name}' has {self.goal.key} = {int(number[bad])}; "
                f"{self._wrong(int(number[bad]))}"
            )
        return bad

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents, the ways being there already."""
        return cost(n)


def _goal(tiles: Tiles, name: str, about: Any) -> Any:
    """A goal as a position column, a tile's number, or cells int64 (row * columns + column), sorted, each once."""
    if isinstance(about, Column):
        return need_column(about, (2,), np.float32, f"Flow: goal '{name}'")
    if isinstance(about, (int, np.integer)):
        if not 0 <= about <= 255:
            raise SettingsError(f"Flow: goal '{name}' is tile {about}; tiles are whole numbers, 0 to 255.")
        return int(about)
    cells = np.asarray(about)
    if cells.dtype == np.bool_ and cells.shape == (tiles.rows, tiles.columns):
        found = np.flatnonzero(cells)
    elif cells.dtype.kind in "iu" and cells.ndim == 2 and cells.shape[1] == 2:
        if not ((cells >= 0) & (cells < (tiles.columns, tiles.rows))).all():
            raise SettingsError(
                f"Flow: goal '{name}' has cells outside of the map of {tiles.columns} x {tiles.rows} (columns, rows)."
            )
        found = np.unique(cells[:, 1].astype(np.int64) * tiles.columns + cells[:, 0])
    else:
        raise SchemaError(
            f"Flow: goal '{name}' is {about!r}; give cells [(column, row), ...], a bool array [rows, columns], the "
            "number of a tile, or a position column."
        )
    if not len(found):
        raise SettingsError(f"Flow: goal '{name}' has no cells. Give one or more.")
    return found
