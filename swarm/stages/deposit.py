"""deposit: entities add to the field in the cell where they are.

Additions are made one after the other in id order, so neither the order of rows nor threads change a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.field import Field, need_field
from swarm.stages.graze import joined
from swarm.stages.near import outside
from swarm.stages.raster import Lattice, cells_of, plane_of, wrap
from swarm.stages.stage import Cost, Stage, bad_value, need_column


def deposit(
    pos: Column, amount: Column | float = 1.0, *, into: Field, where: Column | None = None, spread: bool = False
) -> Deposit:
    """The stage in which every entity with `pos` (float32 [N, 2], m) adds `amount` to its cell of the field `into`.

    amount: a float32 column, or a number for all. where: a bool column; only those who have it set add anything.
    spread: the amount goes to the four cells whose centres are around the entity, the nearer the more (bilinear).
    Raises `NonFiniteError` for an entity outside the world or an amount that is not finite; nothing is added then.
    """
    return Deposit(pos, amount, into, where, spread)


class Deposit(Stage):
    """See `deposit`."""

    def __init__(self, pos: Column, amount: Column | float, into: Field, where: Column | None, spread: bool) -> None:
        super().__init__()
        self.pos, self.field = need_column(pos, (2,), np.float32, "deposit"), need_field(into, "deposit")
        self.amount = need_column(amount, (), np.float32, "deposit") if isinstance(amount, Column) else None
        self.each = 0.0 if isinstance(amount, Column) else float(amount)
        if not np.isfinite(self.each):
            raise SettingsError(f"deposit: amount is {amount!r}, must be a finite number or a column.")
        self.where = where if where is None else need_column(where, (), np.bool_, "deposit")
        self.spread = bool(spread)
        self.name = f"deposit {self.field.name}"
        self.columns = [column for column in (self.amount, self.where) if column is not None]
        self.reads = (pos, *self.columns)

    def tables(self, world: Any) -> list[Any]:
        """The tables whose entities deposit."""
        return [t for t in world.tables_with(self.pos, *self.columns) if t.n]

    def __call__(self, world: Any, dt: float) -> None:
        field, tables, host = self.field.of(world), self.tables(world), world.backend.host
        if not tables:
            return
        pos, order, plane = joined(tables, self.pos), world.order(tables), plane_of(tables)
        amount = np.full(1, self.each, np.float32) if self.amount is None else joined(tables, self.amount)
        chosen = np.empty(0, np.bool_) if self.where is None else joined(tables, self.where)
        cell = self.scratch(world).array("cell", 2 * len(pos), np.int32)
        about = self.field.lattice(world), self.spread
        if world.backend.device is None:
            kernels = world.backend.twin("swarm.stages.deposit")
            bad = kernels.drop(pos, amount, chosen, order, plane, *about, cell, field.reshape(-1))
        else:  # over the host: additions in a fixed order
            copy = host(field)
            pos, amount, chosen, order, plane = map(host, (pos, amount, chosen, order, plane))
            bad = drop(pos, amount, chosen, order, plane, *about, cell, copy.reshape(-1))
            field[...] = world.backend.array(copy)
        if bad >= 0:
            self.accuse(world, tables, bad)

    def accuse(self, world: Any, tables: list[Any], entry: int) -> None:
        """Raise `NonFiniteError` for the entity with this entry."""
        for table in tables:
            if entry < table.n:
                place = world.backend.host(table.column(self.pos)[entry : entry + 1])
                if self.amount is not None and outside(place, *map(np.float32, world.size)) < 0:
                    raise bad_value(world, self, table, entry, self.amount, "Deposit finite amounts.")
                raise bad_value(world, self, table, entry, self.pos, "Keep it inside the world; swarm.move wraps it.")
            entry -= table.n

    def describe(self) -> dict[str, Any]:
        amount = self.each if self.amount is None else self.amount.key
        return {**super().describe(), "into": self.field.describe(), "amount": amount, "spread": self.spread}

    def cost(self, world: Any) -> Cost:
        return cost(sum(t.n for t in self.tables(world)), self.spread)


# --- kernels: the reference; deposit_cpu.py has the twin --------------------------------------------------------------


def cost(n: int, spread: bool) -> Cost:
    """Position, amount and order read, entry and cell written and read; a line of the field read and written."""
    return Cost(n * (8 + 4 + 4 + 16 + (2 if spread else 1) * 128), n * (20 if spread else 3))


def drop(
    pos: np.ndarray, amount: np.ndarray, chosen: np.ndarray, order: np.ndarray, plane: np.ndarray, lattice: Lattice,
    spread: bool, cell: np.ndarray, field: np.ndarray,
) -> int:  # fmt: skip
    """Add amounts to field float32 [W * rows * columns], entry after entry in the order of `order` int32 [N].

    By entry: pos float32 [N, 2] m, amount float32 [N] or [1], chosen bool [N] or empty for all, plane int32 [N] or
    empty for one world. cell int32 [>= 2 N] is work space. Returns -1, or an entry that is outside or whose amount is
    not finite: then nothing was added.
    """
    members = order[chosen[order]] if chosen.size else order
    given = amount[members] if len(amount) > 1 else np.broadcast_to(amount, len(members))
    sides = np.array([lattice.width, lattice.height])
    right = ((pos[members] >= 0) & (pos[members] < sides)).all(axis=1) & np.isfinite(given)
    if not right.all():
        return int(members[np.argmin(right)])
    base = plane[members].astype(np.int64) * (lattice.rows * lattice.columns) if plane.size else 0
    if not spread:
        column, row = cells_of(pos[members], lattice)
        np.add.at(field, base + row * np.int64(lattice.columns) + column, given)
        return -1
    (left, right), tx = between(pos[members, 0], lattice.per_x, lattice.columns, lattice.closed)
    (low, high), ty = between(pos[members, 1], lattice.per_y, lattice.rows, lattice.closed)
    one = np.float32(1)
    places = [base + row * np.int64(lattice.columns) + column for row in (low, high) for column in (left, right)]
    parts = [given * (wy * wx) for wy in (one - ty, ty) for wx in (one - tx, tx)]
    np.add.at(field, np.stack(places, axis=1).reshape(-1), np.stack(parts, axis=1).reshape(-1))
    return -1


def between(x: np.ndarray, per: np.float32, cells: int, closed: bool) -> tuple[tuple[np.ndarray, np.ndarray], Any]:
    """The two cells int32 whose centres are around coordinates float32 (m), and how far these are from the first, 0..1.

    Coordinates may lie outside the world by less than its size.
    """
    u = x * per - np.float32(0.5)
    below = np.floor(u)
    first = below.astype(np.int32)
    return (wrap(first, cells, closed), wrap(first + np.int32(1), cells, closed)), u - below
