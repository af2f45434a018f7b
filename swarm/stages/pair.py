"""pair: a function of the user's own for two who are near each other, compiled into the search for neighbours.

    @swarm.pair(radius=5, reduce="sum", of=Body.pos)
    def crowding(me, other, distance):
        return other.size / (1.0 + distance)

    swarm.meet(crowding, into=Body.crowd)            # a system that writes a column
    swarm.mind(crowd=crowding, actions=("x", "y"))   # a sense
    crowd = crowding(world, agents)                  # [n], in a Python system

`me.hue` is the column called hue of whichever component of the entity has one; `me.Body_hue` where several have, or
`columns={"hue": Body.hue}`. Numbers are float64, int64 or bool; a column of several is a tuple. Distances are computed
in float32, results added in float64 in one order: by cell of the grid, then id. With + - * / and square roots the
bits are the same on every backend; powers, exp, sin and the like may differ from the reference in the last place.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import update_wrapper
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.ecs.agents import Agents
from swarm.ecs.component import Column
from swarm.errors import NonFiniteError, SchemaError, SettingsError, SwarmError
from swarm.stages.grid import Grid, find
from swarm.stages.neighbours_grid import Aside
from swarm.stages.neighbours_search import FOLDS, Block, Seekers, base_of, refuse, seeker_of
from swarm.stages.pair_function import PairFunction
from swarm.stages.stage import Cost, Scratch, need_column, positive

if TYPE_CHECKING:
    from swarm.stages.meet import Meet
    from swarm.stages.sense import Seeker
    from swarm.world import World

REDUCE = (*FOLDS, "nearest")
_ALONE = 8192  # seekers that are not worth a thread of their own


def pair(
    radius: float,
    reduce: str = "sum",
    of: Column | None = None,
    pos: Column | None = None,
    columns: Mapping[str, Column] | None = None,
    empty: float = 0.0,
) -> Callable[[Callable], Pair]:
    """Make a pair function of `f(me, other, distance)`: what it returns for everybody near is reduced to one number.

    The function takes any of me, other, distance (m), dx, dy (m, the way to the other), by these names, and returns a
    number, or a tuple of several. It is called for members of `of` closer than `radius` m, never for oneself.

    reduce: "sum", "mean", "min", "max" of what it returns; "count" how many returned true (not 0), "any" whether one
    did; "nearest" what it returns for the nearest. empty: the result of those who have nobody near.
    of: the position column of those who are looked for; None is one's own. pos: one's own; None is `of` if the table
    has it, else its only column called "pos". columns: name -> column, for names that several components have.

    It is compiled at the first call, about a second, with what globals hold then. Raises `SettingsError` and
    `SchemaError`, naming file and line, for a function that allocates, draws random numbers, keeps something, or
    returns no number; `NonFiniteError` naming the entity when a result is NaN or infinite.
    """
    if callable(radius):
        raise SettingsError(f"pair: say how far it looks: @swarm.pair(radius=5), above {radius!r}.")
    return lambda function: Pair(function, radius, reduce, of, pos, columns, empty)


class Pair:
    """What `pair` makes of a function: a sense, and callable as `(world, agents)`. The function is `.function`."""

    def __init__(
        self, function: Callable, radius: float, reduce: str = "sum", of: Column | None = None,
        pos: Column | None = None, columns: Mapping[str, Column] | None = None, empty: float = 0.0,
    ) -> None:  # fmt: skip
        self.function = PairFunction(function)
        where = self.where = self.function.where()
        update_wrapper(self, function)
        self.name = self.function.name
        self.radius, self.empty = positive(radius, "radius", where), float(empty)
        if reduce not in REDUCE:
            raise SettingsError(f"{where}: reduce is {reduce!r}. Choose one of {', '.join(REDUCE)}.")
        self.reduce = reduce
        self.pos = None if pos is None else need_column(pos, (2,), np.float32, where)
        self.columns = dict(columns or {})
        for name, column in self.columns.items():
            if not isinstance(column, Column):
                raise SchemaError(f'{where}: columns={{"{name}": ...}} is {column!r}, no column. Give Body.{name}.')
        self.width = self.function.width
        self._look_for(None if of is None else need_column(of, (2,), np.float32, where))

    def _look_for(self, of: Column | None) -> None:
        self.of = of
        self.reads: tuple[Any, ...] = () if of is None else (("index", of),)
        self.needs: dict[Column, float] = {} if of is None else {of: self.radius}
        self._scratch: WeakKeyDictionary[Any, list[Scratch]] = WeakKeyDictionary()

    def among(self, of: Column) -> Pair:
        """The same function for members of another column; it is compiled once for both."""
        made = copy(self)
        made._look_for(of)
        return made

    def __repr__(self) -> str:
        return f"<pair {self.name}: {self.reduce} within {self.radius:g} m>"

    def __call__(self, world: World, agents: Agents) -> Any:
        """float64 [n], or [n, R] for R results: of the agents that a query yields, on the device on CUDA."""
        if not isinstance(agents, Agents):
            raise SettingsError(
                f"{self.where}: called with {agents!r}. In a schedule write swarm.meet({self.name}, into=Body.column), "
                f"in a system {self.name}(world, agents)."
            )
        aside = Aside(world)
        table = next(table for table in aside.tables if table.index == agents.table.index)
        found = self.compute(aside, table, self.place(table), False)
        return world.backend.array((found[0] if self.function.single else found.T).copy())

    def into(self, *columns: Column) -> Meet:
        """The system that writes the results: `meet(self, into=columns)`."""
        from swarm.stages.meet import meet

        return meet(self, into=columns)

    # ------------------------------------------------------------------ a sense

    def labels(self, name: str) -> list[str]:
        """One label per result: "crowd", or "hue 0", "hue 1"."""
        return [name] if self.function.single else [f"{name} {k}" for k in range(self.width)]

    def describe(self) -> dict[str, Any]:
        """Plain values: function, whom it is called for, how results are reduced."""
        return {
            "sense": "pair", "function": self.name, "of": self.of.key if self.of else None, "radius": self.radius,
            "reduce": self.reduce, "results": self.width, "reads": [*self.function.mine, *self.function.theirs],
        }  # fmt: skip

    def fill(self, world: Any, seeker: Seeker, out: Any, at: int) -> int:
        """Write columns at .. at + width of `out` [N, W]; raises for a row that is not inside the world."""
        aside = Aside(world)
        table = next(table for table in aside.tables if table.index == seeker.table.index)
        found = self.compute(aside, table, self.pos or seeker.column or self.place(table), self.of is not None)
        out[:, at : at + self.width] = world.backend.array(found.T.astype(np.float32))
        return -1

    def cost(self, world: Any, n: int) -> Cost:
        """Of one tick for `n` agents, as far as the search goes: what the function computes is its own."""
        grid = world.indices.get(self.of) if self.of is not None else None
        around = 9 * (grid.n / grid.cells if grid is not None and grid.n else 1.0)
        hits = around * np.pi / 9
        return Cost(int(n * (12 + 12 * around + 16 * hits * self.width)), int(n * (10 * around + 3 * hits)))

    # ------------------------------------------------------------------ the work

    def place(self, table: Any) -> Column:
        """The column that says where this table's agents are. Raises `SchemaError`."""
        if self.pos is not None or (self.of is not None and table.has(self.of)):
            return self.pos or self.of  # type: ignore[return-value]
        columns = (column for component in table.components for column in component.columns)
        found = [c for c in columns if c.name == "pos" and c.shape == (2,) and c.dtype == np.float32]
        if len(found) != 1:
            has = "several columns" if found else "no column"
            raise SchemaError(f"{self.where}: table '{table.name}' has {has} 'pos' of f32(2). Say which: pos=Body.pos.")
        return found[0]

    def compute(self, aside: Aside, table: Any, pos: Column, held: bool) -> np.ndarray:
        """float64 [R, n]: the results of a table's agents, on the host; good until the next call.

        held: the schedule has the index of `of` ahead. Raises `ScheduleError` if it is not there.
        """
        self.function.check_names()
        of = self.of or pos
        if held:
            find(aside.world, of, self.radius, self.where)
        grid = aside.grid(of, self.radius, self.where, held)
        mine = [self.function.column("me", name, (table,), self.columns) for name in self.function.mine]
        theirs = [self.function.column("other", name, grid.tables, self.columns) for name in self.function.theirs]
        own = tuple(np.ascontiguousarray(table.column(column)) for column in mine)
        around = tuple(_packed(grid, column) for column in theirs)
        values = aside.backend.twin("swarm.stages.pair").compiled(self.function, own, around)
        kernels = aside.backend.twin("swarm.stages.neighbours_search")
        seeker, scratch = seeker_of(aside, table, pos, grid), self._scratch_of(aside.world, aside.backend.threads)
        out = scratch[0].array(f"out {table.index}", self.width * table.n, np.float64)[: self.width * table.n]
        out = out.reshape(self.width, table.n)
        packed, radius = grid.packed(), np.float32(self.radius)
        ways = bool({"dx", "dy"} & set(self.function.parameters))
        kind = "sum" if self.reduce == "nearest" else self.reduce

        def some(part: int, low: int, high: int) -> int:
            """Compute visit[low:high]; the smallest bad row, or n."""
            worst = table.n
            for block in kernels.blocks(packed, seeker, radius, ways, low, high, scratch[part]):
                worst = block.bad if 0 <= block.bad < worst else worst
                block = kernels.closest(block) if self.reduce == "nearest" else block
                size = self.width * len(block.place)
                found = scratch[part].array("values", size, np.float64)[:size].reshape(self.width, -1)
                values(block, found)
                kernels.fold(kind, block, found, self.empty, out)
            return worst

        try:
            worst = min(_shared(some, len(seeker.visit), aside.backend.threads if aside.backend.name == "cpu" else 1))
            refuse(aside, table, pos, -1 if worst == table.n else worst, self.where)
        except Exception as error:
            if isinstance(error, SwarmError) or self.function.line_of(error) is None:
                raise
            raise self._explained(error) from error
        if not np.isfinite(out).all():
            self._accuse(aside, table, grid, seeker, out, values, kernels)
        return out

    def _scratch_of(self, world: Any, parts: int) -> list[Scratch]:
        held = self._scratch.setdefault(world, [])
        held.extend(Scratch() for _ in range(parts - len(held)))
        return held

    def _explained(self, error: Exception) -> SwarmError:
        """What the user's function raised, as an error of ours."""
        where, kind = self.function.where(self.function.line_of(error)), type(error).__name__
        text = f"{where}: {kind}: {error}. Let it return a number for everybody who is near, at distance 0 too."
        return (NonFiniteError if isinstance(error, (ArithmeticError, ValueError)) else SettingsError)(text)

    def _accuse(
        self, aside: Aside, table: Any, grid: Grid, seeker: Seekers, out: np.ndarray, values: Any, kernels: Any
    ) -> None:
        """Raise `NonFiniteError` for the first agent whose result is not finite, naming who is to blame."""
        row = int(np.flatnonzero(~np.isfinite(out).all(axis=0))[0])
        one = seeker._replace(visit=np.array([row], np.int32), base=0)
        because = ""
        for block in kernels.blocks(grid.packed(), one, np.float32(self.radius), True, 0, 1, Scratch()):
            found = np.zeros((self.width, len(block.place)))
            values(block, found)
            wrong = np.flatnonzero(~np.isfinite(found).all(axis=0))
            if len(wrong):
                entry = int(grid.packed().entry[block.place[wrong[0]]])
                other = max((t for t in grid.tables if base_of(t, grid) <= entry), key=lambda t: base_of(t, grid))
                id = int(other.ids()[entry - base_of(other, grid)])
                because = f" because of entity {id}, {np.sqrt(block.d2[wrong[0]]):g} m away"
        value = ", ".join(f"{v:g}" for v in out[:, row])
        raise NonFiniteError(
            f"{self.where}: entity {int(table.ids()[row])} of table '{table.name}' gets {value} at tick {aside.tick}"
            f"{because}. Return finite numbers, at distance 0 too, of columns that are finite."
        )


def _packed(grid: Grid, column: Column) -> np.ndarray:
    """The members' values in the order of the grid."""
    whole = [table.column(column) for table in grid.tables]
    return np.take(whole[0] if len(whole) == 1 else np.concatenate(whole), grid.entry, axis=0)


def _shared(work: Callable[[int, int, int], int], n: int, threads: int) -> list[int]:
    """work(part, low, high) for equal parts of 0 .. n, on as many threads as are worth it."""
    parts = max(1, min(threads, n // _ALONE))
    cuts = [n * part // parts for part in range(parts + 1)]
    if parts == 1:
        return [work(0, 0, n)]
    with ThreadPoolExecutor(parts - 1) as pool:
        others = [pool.submit(work, part, cuts[part], cuts[part + 1]) for part in range(1, parts)]
        return [work(0, cuts[0], cuts[1]), *(other.result() for other in others)]


# --- the pair function: the reference; pair_cpu.py compiles it --------------------------------------------------------


def compiled(
    function: PairFunction, mine: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]
) -> Callable[[Block, np.ndarray], None]:
    """values(block, out): what the function returns for each hit, float64 [R, H].

    mine: columns by row of the seekers; theirs: columns by packed place of the grid. Both in the function's order.
    """
    Me, Other = namedtuple("me", function.mine), namedtuple("other", function.theirs)

    def values(block: Block, out: np.ndarray) -> None:
        rows = np.repeat(block.row, np.diff(block.start))
        distance = np.sqrt(block.d2).astype(np.float64)
        for h, (i, p) in enumerate(zip(rows, block.place)):
            known = {
                "me": Me(*(scalar(column[i]) for column in mine)),
                "other": Other(*(scalar(column[p]) for column in theirs)),
                "distance": distance[h],
            }
            if len(block.dx):
                known |= {"dx": np.float64(block.dx[h]), "dy": np.float64(block.dy[h])}
            with np.errstate(all="ignore"):
                found = function.call(**{name: known[name] for name in function.parameters})
            out[:, h] = numbers(function, found)

    return values


def scalar(value: Any) -> Any:
    """A value of a column as a pair function gets it: float64, an integer, bool, or a tuple of them."""
    if value.ndim:
        return tuple(scalar(v) for v in value)
    kind = value.dtype.kind
    return {"b": bool, "f": np.float64, "i": np.int64}.get(kind, np.uint64)(value)


def numbers(function: PairFunction, found: Any) -> tuple[float, ...]:
    """What a function returned, if it is as many numbers as it is meant to be. Raises `SettingsError`."""
    given = (found,) if function.single else found
    kinds = (int, float, np.integer, np.floating, np.bool_)
    if not (isinstance(given, tuple) and len(given) == function.width and all(isinstance(v, kinds) for v in given)):
        raise SettingsError(
            f"{function.where()}: it returned {found!r}. Return a number, or several written out: return a, b; "
            "the same on every way through it."
        )
    return given
