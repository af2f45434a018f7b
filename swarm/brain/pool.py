"""Equal brains in rows: views of their parameters, and what births, deaths and edits do to rows.

`Pool` is the storage half of `Brains` (brains.py). Rows `0 .. n-1` live; the barrier of a world calls `grow`, `inherit`
and `move` and then sets `n`. On CUDA the rows are an array of CuPy and so are the views of them (bfloat16: of
`ml_dtypes.bfloat16`, which CuPy knows from version 14 on).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.finite import first_broken
from swarm.brain.init import check_scheme
from swarm.brain.mlp import MLP, Layer, Layout
from swarm.brain.rows import NoSuchRow, allocate, check_apart, keys_of, last_of_each, rows_of
from swarm.brain.vary import Mutation
from swarm.errors import NonFiniteError, SchemaError, SettingsError


class Pool:
    """Storage and variation of equal brains. Rows are named by numbers, sequences, masks or slices."""

    mlp: MLP
    layout: Layout
    backend: Backend
    seed: int
    rows: Any  # [capacity, stride], NumPy or CuPy; rows from n on belong to no one, gaps between layers are zero

    _n = 0
    _view = False
    _positions: np.ndarray | None = None  # in a mixed pool: which brain of the whole each row is

    def _become(self, mlp: MLP, layout: Layout, backend: Backend, seed: int, rows: Any, n: int) -> None:
        self.mlp, self.layout, self.backend, self.seed, self.rows, self._n = mlp, layout, backend, seed, rows, n

    # --- views ------------------------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """How many brains live: rows 0 .. n-1. Set it, up to `capacity`, after `grow`, `inherit` or `move`."""
        return self._n

    @n.setter
    def n(self, n: int) -> None:
        if not 0 <= n <= self.capacity:
            raise SettingsError(f"Brains: n = {n:,} is outside 0 .. {self.capacity:,}. Call grow({n:,}) first.")
        self._n = int(n)

    @property
    def capacity(self) -> int:
        """How many rows there is room for."""
        return len(self.rows)

    @property
    def parameters(self) -> Any:
        """View [N, P] of the rows. P counts the zero gaps between layers; leave them zero (`flat` has none)."""
        return self.rows[: self._n, : self.layout.size]

    def weight(self, k: int) -> Any:
        """View [N, I, H] of layer k's weights; k counts from 0, negative from the end."""
        layer = self._layer(k)
        span = self.rows[: self._n, layer.weight : layer.weight + layer.inputs * layer.outputs]
        return span.reshape(self._n, layer.inputs, layer.outputs)

    def bias(self, k: int) -> Any:
        """View [N, H] of layer k's biases. Raises `SettingsError` where there are none."""
        layer = self._layer(k)
        if layer.bias < 0:
            raise SettingsError(f"Brains: {self.mlp} has no biases. Build it with bias=True to have them.")
        return self.rows[: self._n, layer.bias : layer.bias + layer.outputs]

    def _layer(self, k: int) -> Layer:
        layers = self.layout.layers
        if not -len(layers) <= k < len(layers):
            raise NoSuchRow(f"Brains: layer {k} of {self.mlp}, which has layers 0 .. {len(layers) - 1}.")
        return layers[k]

    # --- births and deaths ------------------------------------------------------------------------------------------

    def initialise(
        self,
        rows: Any,
        slots: Any = None,
        generations: Any = 0,
        tick: int = 0,
        seed: int | None = None,
        init: str = "auto",
    ) -> None:
        """Draw the weights of `rows` [K] below capacity anew, keyed by slots [K] (default: the row numbers)."""
        at = self._at(rows, self.capacity)
        slots, generations = keys_of(at, slots, generations, self.backend)
        with self.backend.running():
            fill = self._twin("init").fill
            fill(self.rows, self.layout, at, slots, generations, tick, self._seed(seed), check_scheme(init))

    def inherit(
        self,
        parents: Any,
        children: Any,
        slots: Any = None,
        generations: Any = 0,
        tick: int = 0,
        seed: int | None = None,
        mutation: Mutation | None = None,
    ) -> None:
        """Rows `children` become mutated copies of rows `parents`, both [K] and below capacity, in one pass.

        slots, generations [K] are the children's keys (default: the row numbers, 0): a child is the same wherever it
        stands, and the same call at another tick draws other steps. mutation None copies exactly. A child may be its
        own parent; no other row may be both.
        """
        source, at = self._pairs(parents, children)
        slots, generations = keys_of(at, slots, generations, self.backend)
        how = mutation or Mutation(0.0)
        with self.backend.running():
            inherit = self._twin("vary").inherit
            inherit(self.rows, self.layout, source, at, slots, generations, tick, self._seed(seed), how.sigma, how.rate)

    def mutate(
        self,
        mutation: Mutation,
        rows: Any = None,
        slots: Any = None,
        generations: Any = 0,
        tick: int = 0,
        seed: int | None = None,
    ) -> None:
        """Mutate `rows` (default: all) where they are. Give each call a tick of its own, or it repeats its steps."""
        rows = slice(0, self._n) if rows is None else rows
        self.inherit(rows, rows, slots, generations, tick, seed, mutation)

    def cross(
        self,
        first: Any,
        second: Any,
        children: Any,
        slots: Any = None,
        generations: Any = 0,
        tick: int = 0,
        seed: int | None = None,
        units: bool = False,
        mutation: Mutation | None = None,
    ) -> None:
        """Rows `children` take each parameter from row `first` or row `second`, evenly, and are then mutated.

        units: whole units (a column of weights with its bias) come from one parent. Keys and rules as for `inherit`.
        """
        one, at = self._pairs(first, children)
        two, at = self._pairs(second, children)
        slots, generations = keys_of(at, slots, generations, self.backend)
        with self.backend.running():
            cross = self._twin("vary").cross
            cross(self.rows, self.layout, one, two, at, slots, generations, tick, self._seed(seed), bool(units))
        if mutation is not None:
            self.inherit(at, at, slots, generations, tick, seed, mutation)

    def alike(self, first: Any, second: Any) -> np.ndarray:
        """bool [K]: whether the brains in rows first[k] and second[k] are of one architecture, so that they cross."""
        return np.ones(len(self._at(first, self._n)), np.bool_)

    def move(self, source: Any, target: Any) -> None:
        """Copy rows `source` over rows `target`, both [K], no row in both: how the last living fill holes."""
        at, to = self._pairs(source, target)
        with self.backend.running():
            self._twin("vary").move(self.rows, self.layout, at, to)

    def permute(self, order: Any) -> None:
        """Row i becomes what row order[i] was; `order` is a permutation of 0 .. n-1."""
        moved = self._copies(permutation_of(self._at(order, self._n), self._n))
        with self._working():
            self.rows[: self._n] = moved

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows; the living keep their rows. Earlier views no longer share the memory."""
        if self._view:
            raise SettingsError("Brains: a view cannot grow. Grow the pool it belongs to, or a clone.")
        if capacity > self.capacity:
            rows = allocate(int(capacity), self.layout, self.backend)
            with self._working():
                rows[: self._n] = self.rows[: self._n]
            self.rows = rows
            if self.backend.device is not None:
                self.backend.device.changed()

    def settle(self, backend: Backend) -> None:
        """Compute on `backend` from now on; rows that are in other memory move there. Raises `CapacityError`."""
        if backend.device is not self.backend.device:
            self.rows, self._view = self._rows_on(backend), False
        self.backend = backend

    def _rows_on(self, where: Backend) -> Any:
        """A copy of the living rows in the memory of `where`."""
        rows = allocate(self._n, self.layout, where)
        if where.device is None:
            rows[...] = self.backend.host(self.rows[: self._n])
            return rows
        with where.running():
            if where.device is self.backend.device:
                rows[...] = self.rows[: self._n]
            elif self._n:
                where.device.write(rows, self.backend.host(self.rows[: self._n]))
        return rows

    # --- edits ------------------------------------------------------------------------------------------------------

    def flat(self, rows: Any = None) -> Any:
        """A copy [K, count] of the parameters without gaps: weight 0, bias 0, weight 1, ...; default all rows."""
        with self._working():
            held = self.rows[: self._n] if rows is None else self._copies(self._at(rows, self._n))
            parts = [held[:, b.start : b.start + b.length] for b in self.layout.blocks]
            return self.backend.xp.concatenate(parts, axis=1)

    def set(self, rows: Any, parameters: Any) -> None:
        """Overwrite `rows` with the brains of another pool of this architecture, or with [K, count] as `flat` gives.

        One brain for several rows is fine. Raises `SchemaError` when architectures or shapes differ.
        """
        at = self._at(rows, self._n)
        if isinstance(parameters, Pool):
            if parameters.mlp != self.mlp:
                raise SchemaError(f"Brains: a brain {parameters.mlp} does not fit a pool of {self.mlp}.")
            flat = parameters.flat()
            parameters = flat if parameters.backend.device is self.backend.device else parameters.backend.host(flat)
        values, count = self.backend.either(parameters), self.layout.count
        if values.shape not in ((count,), (1, count), (len(at), count)):
            raise SchemaError(
                f"Brains: parameters {values.shape} do not fit {len(at):,} brains of {count:,} parameters. Give "
                f"[{len(at)}, {count}] in the order weight 0, bias 0, weight 1, ..."
            )
        if self.backend.device is not None:
            self._set_on_device(at, values.reshape(-1, count))
            return
        for block in self.layout.blocks:
            part = values[..., block.first : block.first + block.length]
            self.rows[at, block.start : block.start + block.length] = part.astype(self.layout.dtype)

    def _set_on_device(self, at: np.ndarray, values: Any) -> None:
        """Rows are put together where the values are, gaps zero, and then copied to their places."""
        if not len(at):
            return
        with self.backend.running():
            rows = self.backend.of(values).zeros((len(values), self.layout.stride), self.layout.dtype)
            for block in self.layout.blocks:
                part = values[:, block.first : block.first + block.length]
                rows[:, block.start : block.start + block.length] = part.astype(self.layout.dtype)
            last = last_of_each(at)
            source = last if len(values) > 1 else np.zeros(len(last), np.int64)
            self._twin("vary").gather(self.rows, self.backend.array(rows), self.layout, source, at[last])

    def _copies(self, at: np.ndarray) -> Any:
        """New rows [K, stride], equal to rows `at`."""
        if self.backend.device is None:
            return self.rows[at]
        with self.backend.running():
            rows = self.backend.xp.empty((len(at), self.layout.stride), self.layout.dtype)
            self._twin("vary").gather(rows, self.rows, self.layout, at, np.arange(len(at)))
        return rows

    def check_finite(self) -> None:
        """Raises `NonFiniteError` naming the first brain, layer and parameter that is NaN or infinite."""
        found = first_broken(self.backend, self.parameters)
        if found is None:
            return
        row, element = found
        brain = row if self._positions is None else int(self._positions[row])
        value = self.backend.host(self.rows[row : row + 1, element : element + 1])[0, 0]
        raise NonFiniteError(
            f"Brains: {self._where(element)} of brain {brain:,} is {value}. Load a good "
            f"file, or give it new weights: brains.initialise({brain}) or brains.set({brain}, ...)."
        )

    def _where(self, element: int) -> str:
        for block in self.layout.blocks:
            at = element - block.start
            if 0 <= at < block.length:
                place = [at] if block.is_bias else [*divmod(at, self.layout.layers[block.layer].outputs)]
                return f"{'bias' if block.is_bias else 'weight'} {place} of layer {block.layer}"
        return f"gap element {element}"

    def _pairs(self, source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        at, to = self._at(source, self.capacity), self._at(target, self.capacity)
        check_apart(at, to)
        return at, to

    def _at(self, rows: Any, limit: int) -> np.ndarray:
        return rows_of(rows, limit, self.backend)

    def _working(self) -> AbstractContextManager[None]:
        """Around work on whole arrays: the device's stream and its errors; nothing on the host."""
        return nullcontext() if self.backend.device is None else self.backend.running()

    def _seed(self, seed: Any) -> Any:
        """The pool's own seed for None; a number; or one of each of several worlds, as `rng` takes them, with ticks."""
        return self.seed if seed is None else seed if np.ndim(seed) else int(seed)

    def _twin(self, stem: str) -> Any:
        return self.backend.twin(f"swarm.brain.{stem}")


def permutation_of(order: Any, n: int) -> np.ndarray:
    """`order` as int64 [n]. Raises `SettingsError` unless it names each of 0 .. n-1 once."""
    order = rows_of(order, n)
    if len(order) != n or (np.bincount(order, minlength=n) != 1).any():
        raise SettingsError(f"Brains: an order must name each of the {n:,} rows once.")
    return order
