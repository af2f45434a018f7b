"""Systems: functions `f(world, dt)`. What they read and write may be declared; then the schedule's order is checked.

    @system(reads=[Mind.actions], writes=[Body.vel])
    def steer(world, dt): ...

Shipped stages are objects with `__call__`, `name`, `reads` and `writes`. Besides columns they declare tokens: a tuple
such as ("index", Body.pos), written by `index(Body.pos)`, stale as soon as a later system writes Body.pos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from swarm.ecs.component import Column, Component
from swarm.ecs.table import Table
from swarm.errors import ScheduleError

System = Callable[[Any, float], Any]
Token = tuple[str, Column]


def system(
    function: Callable | None = None,
    *,
    reads: Iterable[Any] | None = None,
    writes: Iterable[Any] | None = None,
    on_cuda: System | None = None,
) -> Any:
    """Declare what a system reads and writes: columns, whole components, or tokens. The function itself stays as it is.

    With either list given the other counts as empty; with neither, the system may read and write anything.
    on_cuda: f(world, dt) that runs in its place where the world computes on CUDA. It is captured with its neighbours,
    so it may only launch kernels and copy or fill arrays on the device. Raises `ScheduleError` for anything that is not
    a column, or not callable.
    """

    def declare(function: Callable) -> Callable:
        name = getattr(function, "__name__", repr(function))
        if reads is not None or writes is not None:
            function.reads = _expand(reads or (), name)  # type: ignore[attr-defined]
            function.writes = _expand(writes or (), name)  # type: ignore[attr-defined]
        if on_cuda is not None:
            if not callable(on_cuda):
                raise ScheduleError(f"{name}: on_cuda is {on_cuda!r}; give a function f(world, dt).")
            function.on_cuda = on_cuda  # type: ignore[attr-defined]
        return function

    return declare if function is None else declare(function)


def name_of(step: Any) -> str:
    """A system's name: its `name`, else its function's name."""
    return str(getattr(step, "name", None) or getattr(step, "__name__", None) or type(step).__name__)


class Schedule(tuple):
    """The systems of one tick, in order. Printed, it is the page that says what the program does."""

    names: tuple[str, ...]

    def __new__(cls, systems: Iterable[Any] = ()) -> Schedule:
        if callable(systems):
            systems = (systems,)
        self = super().__new__(cls, systems)
        names: list[str] = []
        for step in self:
            if not callable(step):
                raise ScheduleError(f"schedule: {step!r} is no system. A system is a function f(world, dt).")
            name, k = name_of(step), 2
            while name in names:
                name, k = f"{name_of(step)} #{k}", k + 1
            names.append(name)
        self.names = tuple(names)
        return self

    def __repr__(self) -> str:
        if not self:
            return "schedule: empty"
        wide = max(map(len, self.names))
        lines = []
        for step, name in zip(self, self.names):
            reads, writes = _declared(step)
            about = "" if reads is None else f"  {_list(reads)} -> {_list(writes)}"
            lines.append(f"  {name:<{wide}}{about}".rstrip())
        return "\n".join(["schedule:", *lines])


def check(schedule: Schedule, tables: Sequence[Table]) -> None:
    """Raise `ScheduleError` when a declared read has no writer, comes before it, or reads an index made stale.

    A transient column (the senses and actions of a mind) and a token need a system before the reader, or the reader
    itself, that declares to write it. Any other column must be in a table and have a source: a spawn that gave it, a
    default, or a system that writes it.
    """
    declared = [_declared(step) for step in schedule]
    anything = any(reads is None for reads, _ in declared)  # an undeclared system may write any column
    everywhere = [w for _, writes in declared for w in writes if isinstance(w, Column)]
    before: list[tuple[str, Any]] = []  # (system, what it wrote), in order
    for name, (reads, writes) in zip(schedule.names, declared):
        for read in reads or ():
            if isinstance(read, tuple):
                _check_token(name, read, before)
                continue
            if tables:
                _check_place(name, read, tables)
            if read.transient:
                if not any(_touches(w, read) for w in [*(w for _, w in before), *writes]):
                    raise ScheduleError(
                        f"{name} reads {read.key}, which no system before it writes. Put the one that does ahead of "
                        f"it in the schedule, or declare yours with @swarm.system(writes=[{read.key}])."
                    )
            elif tables and not anything and not any(w.overlaps(read) for w in everywhere):
                _check_source(name, read, tables)
        before += [(name, w) for w in writes]


def _check_token(name: str, token: Token, before: list[tuple[str, Any]]) -> None:
    kind, column = token
    made = [k for k, (_, w) in enumerate(before) if isinstance(w, tuple) and w[0] == kind and w[1] is column]
    if not made:
        raise ScheduleError(
            f"{name} reads the {kind} of {column.key}, which no system before it makes. Put "
            f"swarm.{kind}({column.key}) ahead of it in the schedule."
        )
    maker = before[made[-1]][0]
    for writer, written in before[made[-1] + 1 :]:
        if isinstance(written, Column) and written.overlaps(column) and writer != maker:
            raise ScheduleError(
                f"{name} reads the {kind} of {column.key} that {maker} made, but {writer} has written {column.key} "
                f"since. Put {writer} behind {name}, or another {kind}({column.key}) between them."
            )


def _check_place(name: str, column: Column, tables: Sequence[Table]) -> None:
    if not any(table.has(column) for table in tables):
        have = "; ".join(f"{t.name}: {', '.join(c.__name__ for c in t.components)}" for t in tables)
        raise ScheduleError(
            f"{name} reads {column.key}, which is in no table ({have}). Spawn entities with it, or an empty table "
            "with world.spawn(0, ...)."
        )


def _check_source(name: str, column: Column, tables: Sequence[Table]) -> None:
    if column.given or column.root.given:
        return
    for table in tables:
        if table.has(column) and table.n and not any(given.overlaps(column) for given in table.given):
            raise ScheduleError(
                f"{name} reads {column.key}, but nobody writes it: table '{table.name}' was spawned without it, it has "
                "no default and no system writes it. Give it at spawn, or declare a default."
            )


def _touches(written: Any, column: Column) -> bool:
    return isinstance(written, Column) and written.overlaps(column)


def _declared(step: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...]]:
    """What a system declares: (reads, writes); (None, ()) if it declares nothing."""
    reads, writes = getattr(step, "reads", None), getattr(step, "writes", None)
    if reads is None and writes is None:
        return None, ()
    return _expand(reads or (), name_of(step)), _expand(writes or (), name_of(step))


def _expand(items: Iterable[Any], name: str) -> tuple[Any, ...]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, type) and issubclass(item, Component):
            found += item.columns
        elif isinstance(item, Column) or (
            isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Column)
        ):
            found.append(item)
        else:
            raise ScheduleError(f"{name}: {item!r} is no column. Declare columns such as Body.pos, or components.")
    return tuple(found)


def _list(items: Iterable[Any] | None) -> str:
    return ", ".join(f"{i[0]}({i[1].key})" if isinstance(i, tuple) else i.key for i in items or ()) or "nothing"
