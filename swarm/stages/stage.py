"""What all shipped stages share: a name, declared columns, scratch per world, and the text of an error about an entity.

A stage object is frozen settings; it may stand in the schedules of several worlds. What a stage needs between ticks is
scratch, kept per world and grown when needed, so that a tick allocates nothing after the first few.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.memory import work_array
from swarm.errors import NonFiniteError, SchemaError, SettingsError

QUANTUM = 2.0**-12  # J: energies that are multiples of it add up exactly in float32


class Cost(NamedTuple):
    """What a kernel has to move and compute in one tick: bytes to and from memory, floating-point operations."""

    bytes: int
    flops: int


class Scratch:
    """Named work arrays of one stage in one world, on the device where its backend has one."""

    def __init__(self, backend: Any = None) -> None:
        self.arrays: dict[str, Any] = {}
        self._backend = backend

    def array(self, name: str, size: int, dtype: Any, spare: int = 16) -> Any:
        """At least `size + spare` elements; the contents are lost when it grows. Kernels may overrun by `spare`.

        For kernels on a device give a size that follows the tables' capacity: growth ends what was captured.
        """
        array = self.arrays.get(name)
        if array is None or array.size < size + spare:
            array = self.arrays[name] = work_array(self._backend, size + size // 2 + spare, dtype)
        return array


class Stage:
    """Base of the shipped systems: called with the world and the tick's length in seconds.

    reads, writes: the columns, or tokens ("index", column), that the schedule's check looks at.
    needs: the radius (m) within which this stage looks for entities by their position column.
    """

    name: str = "stage"
    reads: tuple[Any, ...] = ()
    writes: tuple[Any, ...] = ()
    needs: Mapping[Column, float] = {}

    def __init__(self) -> None:
        self._scratch: WeakKeyDictionary[Any, Scratch] = WeakKeyDictionary()

    def __call__(self, world: Any, dt: float) -> None:
        raise NotImplementedError

    @property
    def on_cuda(self) -> Callable[[Any, float], None] | None:
        """What runs instead of the call where the world computes on CUDA: `run` of the twin `<module>_cuda`.

        It only launches kernels, copies and fills on the device, so that it can be captured. None where there is no
        twin: then the stage is called, and works through arrays of the device.
        """
        run = _run_of(type(self).__module__)
        return None if run is None else partial(run, self)

    def launches_only(self, world: Any) -> bool:
        """Whether `on_cuda` only launches in this world as it is now, so that it can be captured. A stage that reads
        something back when it is asked to says False then; the world asks anew whenever that may have changed."""
        return True

    def describe(self) -> dict[str, Any]:
        """Plain values that say what this stage does: for pictures, panels and reports."""
        return {"stage": self.name, "reads": _keys(self.reads), "writes": _keys(self.writes)}

    def cost(self, world: Any) -> Cost:
        """Bytes and flops of one tick in the world as it stands."""
        return Cost(0, 0)

    def scratch(self, world: Any) -> Scratch:
        """This stage's work arrays in `world`."""
        scratch = self._scratch.get(world)
        if scratch is None:
            scratch = self._scratch[world] = Scratch(getattr(world, "backend", None))
        return scratch

    def __repr__(self) -> str:
        return f"<stage {self.name}>"


@cache
def _run_of(module: str) -> Callable[..., None] | None:
    """`run(stage, world, dt)` of the CUDA twin of a stage's module."""
    name = f"{module}_cuda"
    if not module.startswith("swarm.") or importlib.util.find_spec(name) is None:
        return None
    return getattr(importlib.import_module(name), "run", None)


def _keys(columns: tuple[Any, ...]) -> list[str]:
    return [c.key if isinstance(c, Column) else f"{c[0]} of {c[1].key}" for c in columns]


def need_column(column: Any, shape: tuple[int, ...], dtype: Any, where: str) -> Column:
    """`column`, if it is one of this row shape and dtype. Raises `SchemaError`."""
    if not isinstance(column, Column):
        raise SchemaError(f"{where}: {column!r} is no column. Name one, such as Body.pos.")
    if column.shape != shape or column.dtype != np.dtype(dtype):
        raise SchemaError(
            f"{where}: {column.key} is {_kind(column.dtype, column.shape)}, must be {_kind(np.dtype(dtype), shape)}. "
            "Declare it so, such as pos = f32(2)."
        )
    return column


def _kind(dtype: np.dtype, shape: tuple[int, ...]) -> str:
    return dtype.name + "".join(f"[{size}]" for size in shape)


def positive(value: Any, name: str, where: str) -> float:
    """`value` as a float above 0. Raises `SettingsError`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (number > 0 and np.isfinite(number)):
        raise SettingsError(f"{where}: {name} is {value!r}, must be a finite number above 0.")
    return number


def last_writer(world: Any, stage: Any, column: Column) -> str:
    """The end of a sentence: which system declares that it wrote `column` last before `stage` ran, as far as known."""
    schedule = tuple(getattr(world, "schedule", ()))
    at = next((k for k, system in enumerate(schedule) if system is stage), 0)
    for system in reversed(schedule[at:] + schedule[:at]):
        writes = getattr(system, "writes", None) or ()
        if system is not stage and any(isinstance(w, Column) and w.overlaps(column) for w in writes):
            return f", last written by '{getattr(system, 'name', system)}'"
    return ""


def bad_value(world: Any, stage: Stage, table: Any, row: int, column: Column, remedy: str) -> NonFiniteError:
    """The error that names entity, column, value, tick and writer."""
    value = table.registry.backend.host(table.column(column)[row : row + 1])[0]
    entity = int(table.slots[row]) << 32 | int(table.generations[row])
    return NonFiniteError(
        f"{stage.name}: entity {entity} of table '{table.name}' has {column.key} = {value} at tick {world.tick}"
        f"{last_writer(world, stage, column)}. {remedy}"
    )


def storage(table: Any, column: Column) -> tuple[np.ndarray, int]:
    """The contiguous array [n, W] behind `column` and the place of its first element in a row."""
    whole = table.column(column.root)
    start = 0
    while column.parent is not None:
        start += column.part.indices(column.parent.shape[-1])[0] if column.part is not None else 0
        column = column.parent
    return whole, start
