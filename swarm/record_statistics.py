"""Statistics that are declared: a reduction of one column over everybody who has it.

    world.record("run.csv", every=10, alive=swarm.count("forager"), mean=swarm.mean(Energy.level),
                 rich=swarm.quantile(Energy.level, 0.9))

Values are taken as float64 in the order of ids, so that neither the order of rows nor threads change a bit of a sum;
one gather of a column serves all statistics of a row. Of nobody the count and the sum are 0, all else is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError

NAN = float("nan")


class Values:
    """The columns of one world at one tick, gathered once each: what a row of statistics reads."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._columns: dict[Column, np.ndarray] = {}
        self._sums: dict[Column, float] = {}
        self._sorted: dict[Column, np.ndarray] = {}

    def of(self, column: Column) -> np.ndarray:
        """The numbers [n * size of a row] of all who have `column`, in id order, in the column's dtype on the host.

        Raises `SchemaError` where no table has it.
        """
        found = self._columns.get(column)
        if found is None:
            tables, host = self.world.tables_with(column), self.world.backend.host
            if not tables:
                raise SchemaError(f"no table has {column.key}. Spawn entities with it before recording.")
            order = host(self.world.order(tables))
            rows = [host(table.column(column)) for table in tables]
            whole = rows[0] if len(rows) == 1 else np.concatenate(rows)
            found = self._columns[column] = np.take(whole, order, axis=0).reshape(-1)
        return found

    def sum(self, column: Column) -> float:
        """Of `of(column)`, float64."""
        found = self._sums.get(column)
        if found is None:
            found = self._sums[column] = float(self.of(column).sum(dtype=np.float64))
        return found

    def quantile(self, column: Column, q: float) -> float:
        """Of `of(column)`, linear between the two neighbours, as `np.quantile` has it by default."""
        x = self._sorted.get(column)
        if x is None:
            x = self._sorted[column] = np.sort(self.of(column))
        at = q * (len(x) - 1)
        low = int(at)
        a, b = float(x[low]), float(x[low + 1 if low + 1 < len(x) else low])
        return a + (b - a) * (at - low) + 0.0


class Statistic:
    """A reduction of one column; called with `Values`. Made by `mean`, `sum`, `min`, `max`, `std`, `quantile`."""

    whole = False

    def __init__(self, kind: str, column: Column, q: float | None = None) -> None:
        if not isinstance(column, Column):
            raise SchemaError(f"{kind}: {column!r} is no column. Name one, such as Energy.level.")
        self.kind, self.column, self.q = kind, column, q

    def __call__(self, values: Values) -> float:
        """The statistic as a float."""
        x = values.of(self.column)
        if self.kind == "sum":
            return values.sum(self.column)
        if not len(x):
            return NAN
        if self.kind == "mean":
            return values.sum(self.column) / len(x)
        if self.kind == "std":
            apart = np.subtract(x, values.sum(self.column) / len(x), dtype=np.float64)
            return float(np.sqrt(np.square(apart, out=apart).sum() / len(x)))
        if self.kind == "quantile":
            return values.quantile(self.column, float(self.q or 0.0))
        return float(x.min() if self.kind == "min" else x.max()) + 0.0  # -0 is 0, whichever came first

    def __repr__(self) -> str:
        return f"{self.kind}({self.column.key}{'' if self.q is None else f', {self.q:g}'})"


class Count:
    """How many live in a table, or in all; called with `Values`. Made by `count`."""

    whole = True  # what it returns are integers

    def __init__(self, table: str | None) -> None:
        self.table = table

    def __call__(self, values: Values) -> int:
        """The number. Raises `SchemaError` for a table that is not there."""
        counts = values.world.counts()
        if self.table is None:
            return int(np.sum([*counts.values()], dtype=np.int64))
        if self.table not in counts:
            raise SchemaError(f"there is no table '{self.table}'. The world has {', '.join(counts) or 'none'}.")
        return int(counts[self.table])

    def __repr__(self) -> str:
        return f"count({self.table!r})"


def count(table: str | None = None) -> Count:
    """How many live in the table of this name; in all tables without one. A whole number."""
    if table is not None and not isinstance(table, str):
        raise SettingsError(f"count: {table!r} is no name of a table, such as 'forager'.")
    return Count(table)


def mean(column: Column) -> Statistic:
    """The mean of a column over all who have it, float64; of a column [n, k], over all its numbers."""
    return Statistic("mean", column)


def std(column: Column) -> Statistic:
    """The standard deviation (of the population, ddof 0) of a column over all who have it, float64."""
    return Statistic("std", column)


def quantile(column: Column, q: float) -> Statistic:
    """The q-quantile (0 to 1) of a column over all who have it, linear between neighbours. Raises `SettingsError`."""
    if isinstance(q, bool) or not isinstance(q, (int, float)) or not 0 <= q <= 1:
        raise SettingsError(f"quantile: q is {q!r}; give 0 to 1, such as 0.9.")
    return Statistic("quantile", column, float(q))


def sum(column: Column) -> Statistic:
    """The sum of a column over all who have it, float64."""
    return Statistic("sum", column)


def min(column: Column) -> Statistic:
    """The least of a column over all who have it."""
    return Statistic("min", column)


def max(column: Column) -> Statistic:
    """The greatest of a column over all who have it."""
    return Statistic("max", column)
