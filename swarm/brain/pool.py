"""Equal brains in rows: views of their parameters, and what births, deaths and edits do to rows.

`Pool` is the storage half of `Brains` (brains.py). Rows `0 .. n-1` live; the barrier of a world calls `grow`, `inherit`
and `move` and then sets `n`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.init import check_scheme
from swarm.brain.mlp import MLP, Layer, Layout
from swarm.brain.rows import NoSuchRow, allocate, check_apart, keys_of, rows_of
from swarm.brain.vary import Mutation
from swarm.errors import NonFiniteError, SchemaError, SettingsError


class Pool:
    """Storage and variation of equal brains. Rows are named by numbers, sequences, masks or slices."""

    mlp: MLP
    layout: Layout
    backend: Backend
    seed: int
    rows: np.ndarray  # [capacity, stride]; rows from n on belong to no one, gaps between layers are zero

    _n = 0
    _view = False
    _positions: np.ndarray | None = None  # in a mixed pool: which brain of the whole each row is

    def _become(self, mlp: MLP, layout: Layout, backend: Backend, seed: int, rows: np.ndarray, n: int) -> None:
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
    def parameters(self) -> np.ndarray:
        """View [N, P] of the rows. P counts the zero gaps between layers; leave them zero (`flat` has none)."""
        return self.rows[: self._n, : self.layout.size]

    def weight(self, k: int) -> np.ndarray:
        """View [N, I, H] of layer k's weights; k counts from 0, negative from the end."""
        layer = self._layer(k)
        span = self.rows[: self._n, layer.weight : layer.weight + layer.inputs * layer.outputs]
        return span.reshape(self._n, layer.inputs, layer.outputs)

    def bias(self, k: int) -> np.ndarray:
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
        at = rows_of(rows, self.capacity)
        slots, generations = keys_of(at, slots, generations)
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
        slots, generations = keys_of(at, slots, generations)
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
        slots, generations = keys_of(at, slots, generations)
        with self.backend.running():
            cross = self._twin("vary").cross
            cross(self.rows, self.layout, one, two, at, slots, generations, tick, self._seed(seed), bool(units))
        if mutation is not None:
            self.inherit(at, at, slots, generations, tick, seed, mutation)

    def move(self, source: Any, target: Any) -> None:
        """Copy rows `source` over rows `target`, both [K], no row in both: how the last living fill holes."""
        at, to = self._pairs(source, target)
        self.rows[to] = self.rows[at]

    def permute(self, order: Any) -> None:
        """Row i becomes what row order[i] was; `order` is a permutation of 0 .. n-1."""
        self.rows[: self._n] = self.rows[permutation_of(order, self._n)]

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows; the living keep their rows. Earlier views no longer share the memory."""
        if self._view:
            raise SettingsError("Brains: a view cannot grow. Grow the pool it belongs to, or a clone.")
        if capacity > self.capacity:
            rows = allocate(int(capacity), self.layout)
            rows[: self._n] = self.rows[: self._n]
            self.rows = rows

    # --- edits ------------------------------------------------------------------------------------------------------

    def flat(self, rows: Any = None) -> np.ndarray:
        """A copy [K, count] of the parameters without gaps: weight 0, bias 0, weight 1, ...; default all rows."""
        at = slice(0, self._n) if rows is None else rows_of(rows, self._n)
        return np.concatenate([self.rows[at, b.start : b.start + b.length] for b in self.layout.blocks], axis=1)

    def set(self, rows: Any, parameters: Any) -> None:
        """Overwrite `rows` with the brains of another pool of this architecture, or with [K, count] as `flat` gives.

        One brain for several rows is fine. Raises `SchemaError` when architectures or shapes differ.
        """
        at = rows_of(rows, self._n)
        if isinstance(parameters, Pool):
            if parameters.mlp != self.mlp:
                raise SchemaError(f"Brains: a brain {parameters.mlp} does not fit a pool of {self.mlp}.")
            parameters = parameters.flat()
        values, count = np.asarray(parameters), self.layout.count
        if values.shape not in ((count,), (1, count), (len(at), count)):
            raise SchemaError(
                f"Brains: parameters {values.shape} do not fit {len(at):,} brains of {count:,} parameters. Give "
                f"[{len(at)}, {count}] in the order weight 0, bias 0, weight 1, ..."
            )
        for block in self.layout.blocks:
            part = values[..., block.first : block.first + block.length]
            self.rows[at, block.start : block.start + block.length] = part.astype(self.layout.dtype)

    def check_finite(self) -> None:
        """Raises `NonFiniteError` naming the first brain, layer and parameter that is NaN or infinite."""
        for start in range(0, self._n, 4096):
            bad = np.argwhere(~np.isfinite(self.parameters[start : start + 4096]))
            if len(bad):
                row, element = start + int(bad[0][0]), int(bad[0][1])
                brain = row if self._positions is None else int(self._positions[row])
                raise NonFiniteError(
                    f"Brains: {self._where(element)} of brain {brain:,} is {self.rows[row, element]}. Load a good "
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
        at, to = rows_of(source, self.capacity), rows_of(target, self.capacity)
        check_apart(at, to)
        return at, to

    def _seed(self, seed: int | None) -> int:
        return self.seed if seed is None else int(seed)

    def _twin(self, stem: str) -> Any:
        return self.backend.twin(f"swarm.brain.{stem}")


def permutation_of(order: Any, n: int) -> np.ndarray:
    """`order` as int64 [n]. Raises `SettingsError` unless it names each of 0 .. n-1 once."""
    order = rows_of(order, n)
    if len(order) != n or (np.bincount(order, minlength=n) != 1).any():
        raise SettingsError(f"Brains: an order must name each of the {n:,} rows once.")
    return order
