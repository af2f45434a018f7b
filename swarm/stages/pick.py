"""What a stage goes by: a number of each agent, a column of it, or actions of a mind by their names.

by=Mind.actions              all of a column
when=(Mind, "bite")          one action;  by=(Mind, "turn", "push") several
amount=Jaw.size              a column,    amount=0.25 the same for all
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import NonFiniteError, SchemaError, SettingsError
from swarm.stages.mirror import Mirror
from swarm.stages.stage import QUANTUM, bad_value, need_column


class Pick:
    """`count` float32 numbers of each agent. Made from a column of that many, or (mind, name, ...)."""

    def __init__(self, source: Any, count: int | None, name: str, where: str) -> None:
        if isinstance(source, Column):
            self.column, shape = source, source.shape or (1,)
            need_column(source, source.shape, np.float32, where)
            self.places, self.key = list(range(shape[0])), source.key
            fits = len(shape) == 1 and (count is None or shape[0] == count)
        else:
            self.column, self.places = _actions(source, name, where)
            self.key = f"{self.column.key}{self.places}"
            fits = count is None or len(self.places) == count
        if not fits:
            raise SchemaError(f"{where}: {name} is {self.key}, must be {count} float32 numbers of each agent.")

    @property
    def width(self) -> int:
        """How many numbers."""
        return len(self.places)

    def of(self, ours: Mirror, table: Any) -> np.ndarray:
        """float32 [n, width]; not to be written to."""
        array = ours.read(table, self.column)
        array = array.reshape(len(array), -1) if array.ndim < 2 else array
        first, last = self.places[0], self.places[-1] + 1
        return array[:, first:last] if self.places == list(range(first, last)) else array[:, self.places]


def _actions(source: Any, name: str, where: str) -> tuple[Column, list[int]]:
    mind, *names = source if isinstance(source, (tuple, list)) else (source,)
    labels = tuple(getattr(mind, "output_labels", ()))[: len(labels_of(mind))]
    if not names or not labels:
        raise SchemaError(f"{where}: {name} is {source!r}. Give a column, or actions: (Mind, 'push').")
    missing = [one for one in names if one not in labels]
    if missing:
        raise SettingsError(f"{where}: {name} names {missing[0]!r}; {mind.__name__} acts by {', '.join(labels)}.")
    return mind.actions, [labels.index(one) for one in names]


def labels_of(mind: Any) -> range:
    """The places of a mind's actions; none for what is no mind."""
    actions = getattr(mind, "actions", None)
    return range(actions.shape[0] if isinstance(actions, Column) else 0)


class When:
    """Who does it: everybody (None), those with a bool column set, or those whose number is above the threshold."""

    def __init__(self, source: Any, threshold: float, where: str) -> None:
        self.flag = source if isinstance(source, Column) and source.dtype == np.bool_ else None
        self.pick = None if source is None or self.flag is not None else Pick(source, 1, "when", where)
        if self.flag is not None:
            need_column(self.flag, (), np.bool_, where)
        self.threshold = np.float32(threshold)
        self.column = self.flag or (self.pick.column if self.pick else None)
        self.reads = () if self.column is None else (self.column,)
        self.key = self.flag.key if self.flag is not None else None
        if self.pick is not None:
            self.key = f"{self.pick.key} > {threshold:g}"

    def has(self, table: Any) -> bool:
        """Whether this table has what decides."""
        return self.column is None or table.has(self.column)

    def of(self, ours: Mirror, table: Any) -> np.ndarray:
        """bool [n], a copy: who does it and is not dying."""
        asked = ~ours.read(table, "dying")
        if self.flag is not None:
            asked &= ours.read(table, self.flag)
        elif self.pick is not None:
            asked &= self.pick.of(ours, table)[:, 0] > self.threshold
        return asked


class Amount:
    """How much energy: a number of J for all, or a float32 column of the agent; in whole quanta, rounded down."""

    def __init__(self, value: Any, name: str, where: str) -> None:
        self.column = need_column(value, (), np.float32, where) if isinstance(value, Column) else None
        self.value = 0.0
        if not isinstance(value, Column):
            try:
                self.value = float(value)
            except (TypeError, ValueError):
                self.value = float("nan")
            if not (0 <= self.value < np.inf):
                raise SettingsError(f"{where}: {name} is {value!r}, must be 0 J or more, or a float32 column of it.")
        self.reads = () if self.column is None else (self.column,)
        self.key = self.value if self.column is None else self.column.key

    def has(self, table: Any) -> bool:
        """Whether this table has the column."""
        return self.column is None or table.has(self.column)

    def of(self, world: Any, stage: Any, ours: Mirror, table: Any) -> np.ndarray:
        """int64 [n], in quanta. Raises `NonFiniteError` for one that is negative or not finite."""
        if self.column is None:
            return np.full(table.n, int(self.value / QUANTUM), np.int64)
        values = ours.read(table, self.column)
        good = (values >= 0) & (values < np.inf)
        if not good.all():
            row = int(np.argmin(good))
            raise self.accuse(world, stage, table, row)
        return quanta(values)

    def accuse(self, world: Any, stage: Any, table: Any, row: int) -> NonFiniteError:
        """The error for an amount that is none."""
        assert self.column is not None
        return bad_value(world, stage, table, row, self.column, "Amounts are finite and 0 or more.")


def quanta(level: np.ndarray) -> np.ndarray:
    """int64 [n]: the whole quanta of 2^-12 J in levels float32 [n]; what is negative or no number counts as 0."""
    counted = np.floor(level.astype(np.float64) * (1 / QUANTUM))
    return np.where(counted > 0, counted, 0).astype(np.int64)
