"""meet: write what a pair function finds into columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SchemaError, SettingsError
from swarm.stages.neighbours_grid import Aside
from swarm.stages.pair import Pair
from swarm.stages.stage import Cost, Stage

_WHOLE = ("count", "any")  # results that fit into columns of integers


def meet(pair: Pair, into: Column | Sequence[Column]) -> Meet:
    """The stage that writes the results of `pair` into a column, for all agents that have it.

    into: one column per result, or one column of as many numbers; of floats, for "count" and "any" of integers too, for
    "any" of bool_. Everybody sees the others as they were before this stage. Needs `index` of the pair's `of` ahead of
    it; where `of` is left out, it is the column `pos` of the component that `into` belongs to, if there is one.
    Raises `SettingsError`, `SchemaError`; when it runs what `pair` says.
    """
    return Meet(pair, into)


class Meet(Stage):
    """See `meet`."""

    def __init__(self, pair: Pair, into: Column | Sequence[Column]) -> None:
        super().__init__()
        if not isinstance(pair, Pair):
            raise SettingsError(f"meet: {pair!r} is no pair function. Put @swarm.pair(radius=...) above it.")
        self.into = (into,) if isinstance(into, Column) else tuple(into)
        for column in self.into:
            if not isinstance(column, Column):
                raise SchemaError(f"meet: into={column!r} is no column. Name one, such as Body.crowd.")
            kinds = "f" + "iu" * (pair.reduce in _WHOLE) + "b" * (pair.reduce == "any")
            if column.dtype.kind not in kinds:
                raise SchemaError(f"meet: {column.key} is {column.dtype}; a {pair.reduce} of numbers needs f32().")
        shapes = [column.shape for column in self.into]
        self.whole = shapes == [(pair.width,)]  # one column takes all results
        if not self.whole and shapes != [()] * pair.width:
            keys = ", ".join(f"{column.key} {column.shape}" for column in self.into)
            raise SchemaError(
                f"meet: {pair.name} returns {pair.width} numbers, into is {keys or 'nothing'}. Give a column for each, "
                f"or one of f32({pair.width})."
            )
        owner = self.into[0].owner
        own = vars(owner).get("pos") if owner is not None else None
        if pair.of is None and isinstance(own, Column) and own.shape == (2,) and own.dtype == np.float32:
            pair = pair.among(own)
        self.pair = pair
        self.name = f"meet {pair.name}"
        self.reads = (*pair.reads, *pair.columns.values())
        self.writes = self.into
        self.needs = dict(pair.needs)

    def __call__(self, world: Any, dt: float) -> None:
        aside, pair, found = Aside(world), self.pair, []
        for table in aside.tables_with(*self.into):
            if table.n:
                found.append((table, pair.compute(aside, table, pair.place(table), pair.of is not None)))
        for table, result in found:
            target = world.tables[table.name]
            for column, values in zip(self.into, [result.T] if self.whole else result):
                target.column(column)[...] = world.backend.array(values.astype(column.dtype))

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), **self.pair.describe()}

    def cost(self, world: Any) -> Cost:
        each = [self.pair.cost(world, table.n) for table in world.tables_with(*self.into)]
        return Cost(sum(c.bytes for c in each), sum(c.flops for c in each))
