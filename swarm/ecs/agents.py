"""Agents: what `world.query` yields, the entities of one table as a system sees them during one tick.

    for agents in world.query(Body, Energy):
        agents[Body].vel += agents.normal(2, stream="gust") * dt
        agents.kill(agents[Energy].level <= 0)

Columns are written in place. Births and deaths are queued; they happen at the barrier.

On CUDA the columns are arrays of the device, without a guard: a view kept beyond the barrier shows other entities and
nobody notices. `kill(mask)` and `birth(mask, ...)` with one value for all wait for nothing; row numbers, and values for
each child, are checked on the host, which waits for the device.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.ecs.component import Column, Component, cast, fill
from swarm.ecs.guard import Guarded, guard
from swarm.ecs.table import Birth, Table
from swarm.errors import BackendError, SchemaError

if TYPE_CHECKING:
    from swarm.world import World


class Agents:
    """The living of one table until the next barrier; used after it, everything raises `StaleError`."""

    __slots__ = ("_lease", "_world", "table")

    def __init__(self, world: World, table: Table) -> None:
        self._world = world
        self.table = table
        self._lease = table.lease

    def __len__(self) -> int:
        self._lease.check("agents")
        return self.table.n

    def __repr__(self) -> str:
        return f"<agents of {self.table!r}>"

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def ids(self) -> np.ndarray:
        """[n] u64, a copy: the entities' ids in row order. On CUDA an array of the device, as columns are."""
        self._lease.check("ids")
        return self.table.ids()

    def __getitem__(self, key: Any) -> Any:
        """`agents[Body]` has the columns as attributes; `agents[Body.pos]` is the column [n, *shape]."""
        self._lease.check("agents")
        if isinstance(key, Column):
            return self._column(key)
        if not (isinstance(key, type) and issubclass(key, Component)):
            raise SchemaError(f"agents[{key!r}]: give a component or a column: agents[Body], agents[Body.pos].")
        if key not in self.table.components:
            names = ", ".join(c.__name__ for c in self.table.components)
            raise SchemaError(
                f"table '{self.table.name}' has no {key.__name__}; it has {names}. Name it in the query, too."
            )
        return Columns(self, key)

    def __setitem__(self, key: Column, value: Any) -> None:
        if not isinstance(key, Column):
            raise SchemaError(f"agents[{key!r}] = ...: give a column, such as agents[Body.pos].")
        self._assign(key, value)

    def kill(self, which: Any) -> None:
        """Queue deaths: `which` is a mask [n] or row numbers. Killing twice is killing once."""
        rows = self._which(which, "kill")
        dying = self.table.dying
        if rows.dtype == np.bool_:
            self.table.xp.logical_or(dying, rows, out=dying)
        else:
            dying[rows] = True
        self.table.deaths = True

    def birth(
        self, which: Any, *components: Component | type[Component], other: Any = None, units: bool = False
    ) -> None:
        """Queue births: one child for each True of a mask [n], or for each entry of row numbers (a row may come twice).

        A child copies the columns its parent has at the barrier; values in `components` ([K, *shape], in the order of
        `which`, or one for all) take their place. Mind columns start with their defaults. The brain is a mutated copy.

        other: row numbers [K] of second parents, in the order of `which`: own brains are crossed, each parameter from
        either parent, evenly, with `units` each unit as a whole, then mutated. All else comes from the first parent.
        Raises `SchemaError` for brains of two architectures, `BackendError` for second parents on CUDA.
        """
        rows = self._which(which, "birth")
        table = self.table
        if self._world.backend.device is not None:
            if other is not None:
                raise BackendError(
                    f"birth in table '{table.name}': the barrier on CUDA has no second parents yet. Use backend='cpu', "
                    "or births of one parent."
                )
            self._birth_on_device(rows, components)
            return
        if rows.dtype == np.bool_:
            out = table.scratch.array(f"birth {len(table.births)}", table.n, np.int32)
            rows = out[: table.registry.kernels.where(rows, out)]
        else:
            out = table.scratch.array(f"birth {len(table.births)}", len(rows), np.int32)
            out[:] = rows
            rows = out
        values = {column: np.array(value) for column, value in self._values(components, lambda: len(rows)).items()}
        if len(rows):
            second = None if other is None else self._second(rows, other)
            table.births.append(Birth(rows, values, other=second, units=bool(units)))

    def normal(self, shape: int | tuple[int, ...] = (), *, stream: str | None = None) -> np.ndarray:
        """Standard normal numbers f32 [n, *shape], keyed by seed, tick, id and stream.

        Without `stream` the running system's name is taken. A second call with one stream in one tick draws anew.
        """
        return self._draw("normal", shape, stream)

    def uniform(self, shape: int | tuple[int, ...] = (), *, stream: str | None = None) -> np.ndarray:
        """Numbers in [0, 1), f32 [n, *shape], keyed like those of `normal`."""
        return self._draw("uniform", shape, stream)

    # ------------------------------------------------------------------ inside

    def _second(self, rows: np.ndarray, other: Any) -> np.ndarray:
        """The second parents' rows, i32 [K], a copy; checked."""
        second, table = self._which(other, "birth"), self.table
        where = f"birth in table '{table.name}'"
        if second.dtype == np.bool_ or len(second) != len(rows):
            raise SchemaError(f"{where}: other is {second.dtype} {second.shape}; give {len(rows)} row numbers.")
        if table.own_brains is not None and not table.own_brains.alike(rows, second).all():
            raise SchemaError(f"{where}: parents' brains are of two architectures. Pair those of brains.alike(a, b).")
        return second.astype(np.int32)

    def _birth_on_device(self, rows: Any, components: tuple[Any, ...]) -> None:
        """The rows stay on the device, and how many they are: asked for only where each child has its own values."""
        table, xp = self.table, self.table.xp
        count, known = None, len(rows)
        if rows.dtype == np.bool_:
            place = xp.cumsum(rows, dtype=np.int32)
            count, known = place[-1:].copy(), -1
            found = xp.empty(table.n + 1, np.int32)  # rows that give no birth all go to the last place
            found[xp.where(rows, place - np.int32(1), np.int32(table.n))] = xp.arange(table.n, dtype=np.int32)
            rows = found[: table.n]
        else:
            rows = rows.astype(np.int32)
        backend = self._world.backend

        def children() -> int:
            return known if known >= 0 or count is None else int(backend.host(count)[0])

        values = self._values(components, children)
        values = {c: backend.array(v) if v.ndim > len(c.shape) else backend.host(v).copy() for c, v in values.items()}
        if len(rows):
            self._world.ask(table, rows, values, count)

    def _values(self, components: tuple[Any, ...], children: Callable[[], int]) -> dict[Column, Any]:
        """What `birth` was given, checked; `children` counts them and is called only where that must be known."""
        where, backend = f"birth in table '{self.table.name}'", self._world.backend
        values: dict[Column, Any] = {}
        for component in instances(components, where):
            if type(component) not in self.table.components:
                raise SchemaError(f"{where}: the table has no {type(component).__name__}.")
            for column, value in component.values.items():
                axes = value.ndim if hasattr(value, "ndim") else np.ndim(value)
                one = backend.device is not None and not callable(value) and axes <= len(column.shape)
                values[column] = fill(column, value, 1 if one else children(), where, backend)
        return values

    def _draw(self, kind: str, shape: int | tuple[int, ...], stream: str | None) -> np.ndarray:
        self._lease.check("agents")
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        rng = self._world.backend.twin("swarm.backend.rng")
        number = self._world.draw(self.table, kind, stream)
        count = int(np.prod(shape, dtype=np.int64))
        draw = getattr(rng, kind)
        with self._world.backend.running():
            out = draw(self._world.seeds, self.table.slots, self.table.generations, self._world.ticks, number, count)
        return out.reshape(self.table.n, *shape)

    def _column(self, column: Column) -> Any:
        self._lease.check(column.key)
        array = self.table.column(column)
        return guard(array, self._lease, column.key) if isinstance(array, np.ndarray) else array

    def _assign(self, column: Column, value: Any) -> None:
        self._lease.check(column.key)
        target = self.table.column(column)
        if value is target:
            return  # the last half of `agents[Body].vel += x` on a device
        if isinstance(value, Guarded):
            value = value._plain()
            if _same(value, target):
                return  # and on the host
        where = f"table '{self.table.name}'"
        array = cast(column, self._world.backend.array(value), where)
        try:
            target[...] = array
        except ValueError:
            raise SchemaError(f"{where}: {column.key} is {target.shape}, got {array.shape}.") from None

    def _which(self, which: Any, verb: str) -> np.ndarray:
        self._lease.check("agents")
        backend = self._world.backend
        rows = backend.either(which)
        table, where = self.table, f"{verb} in table '{self.table.name}'"
        if rows.dtype == np.bool_:
            if rows.shape != (table.n,):
                raise SchemaError(f"{where}: the mask is {rows.shape}, the table has {table.n} rows.")
            return backend.array(rows)
        if rows.size == 0:
            return table.xp.empty(0, np.int32)
        if rows.dtype.kind not in "iu" or rows.ndim > 1:
            raise SchemaError(f"{where}: got {rows.dtype} {rows.shape}. Give a mask or row numbers.")
        rows = rows.reshape(-1)
        if int(rows.min()) < 0 or int(rows.max()) >= table.n:
            raise SchemaError(
                f"{where}: rows {rows.min()}..{rows.max()} of {table.n}. Ids are not rows; world.kill takes ids."
            )
        return backend.array(rows)


class Columns:
    """One component of some agents: its columns are the attributes, read and written."""

    __slots__ = ("_agents", "_component")

    def __init__(self, agents: Agents, component: type[Component]) -> None:
        object.__setattr__(self, "_agents", agents)
        object.__setattr__(self, "_component", component)

    def __getattr__(self, name: str) -> Any:
        return self._agents._column(self._find(name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._agents._assign(self._find(name), value)

    def _find(self, name: str) -> Column:
        column = vars(self._component).get(name)
        if isinstance(column, Column):
            return column
        if name.startswith("__"):
            raise AttributeError(name)
        names = [c.name for c in self._component.columns]
        near = difflib.get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Its columns: {', '.join(names)}."
        raise SchemaError(f"{self._component.__name__}: no column {name!r}. {hint}")

    def __dir__(self) -> list[str]:
        return [c.name for c in self._component.columns]

    def __repr__(self) -> str:
        return f"<{self._component.__name__} of {self._agents!r}>"


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same view of the same memory."""
    return a.ctypes.data == b.ctypes.data and a.strides == b.strides and a.shape == b.shape


def instances(components: tuple[Any, ...], where: str) -> list[Component]:
    """Components with their values; a bare class stands for all defaults. Raises `SchemaError`."""
    found: list[Component] = []
    for component in components:
        made = component() if isinstance(component, type) and issubclass(component, Component) else component
        if not isinstance(made, Component):
            raise SchemaError(f"{where}: {component!r} is no component. Give Body(pos=...) or Body.")
        if type(made) in map(type, found):
            raise SchemaError(f"{where}: {type(made).__name__} is given twice.")
        found.append(made)
    return found
