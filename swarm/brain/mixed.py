"""A mixed pool: brains of several architectures, kept as one equal pool per architecture.

Parameters are read group by group, each in one run; only inputs and outputs, which are small, are gathered and
scattered; on CUDA one launch thinks for all groups. For a table this is one pool with rows like any other: a child
joins its parent's group, the dead leave their groups when `n` is set (members.py keeps the book, on the host).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swarm.backend.device import Backend, choose
from swarm.backend.memory import human
from swarm.brain.brains import Brains
from swarm.brain.members import Members, Places
from swarm.brain.mlp import MLP, as_dtype
from swarm.brain.pool import permutation_of
from swarm.brain.rows import NoSuchRow, check_apart, keys_of, rows_of, seeded
from swarm.brain.vary import Mutation
from swarm.errors import SchemaError, SettingsError


class NotOfMixed(SettingsError, AttributeError):
    """Something that only brains of one architecture have."""

    def __init__(self, name: str):
        super().__init__(
            f"Brains: a mixed pool has no `{name}` of its own. Go through its groups, whose `positions` say which "
            f"brains they hold: `for group in brains.groups: group.{name}`."
        )


class MixedBrains(Brains):
    """Brains of several architectures in their given order, made by `Brains([mlp, mlp, ...])`.

    Calling it needs equal I; equal O too, since the answer is one array [N, ..., O]. What belongs to one architecture
    (`parameters`, `weight`, `bias`, `flat`, `gradients`, `activations`, `mlp`, `layout`, `rows`) raises and names
    `groups`.
    """

    def __init__(
        self,
        mlps: Sequence[MLP],
        count: int | None = None,
        *,
        seed: int | Sequence[int] = 0,
        backend: str | Backend = "auto",
        dtype: Any = "float32",
        init: str = "auto",
        threads: int | None = None,
    ) -> None:
        for mlp in mlps:
            if not isinstance(mlp, MLP):
                raise SettingsError(f"Brains: {mlp!r} is not an architecture. Write Brains([MLP((5, 8, 3)), ...]).")
        if count not in (None, len(mlps)):
            raise SettingsError(
                f"Brains: count {count} for {len(mlps)} architectures. Leave it out: one brain for each."
            )
        as_dtype(dtype)
        number, names = seeded(seed, len(mlps))
        where = choose(backend, threads)
        members: dict[MLP, list[int]] = {}
        for k, mlp in enumerate(mlps):
            members.setdefault(mlp, []).append(k)
        pools = [Brains(m, len(at), seed=number, backend=where, dtype=dtype, init="zeros") for m, at in members.items()]
        if not pools:
            raise SettingsError("Brains: a mixed pool needs one architecture at least: Brains([MLP((5, 8, 3)), ...]).")
        self._take(pools, list(members.values()), where, number)
        if init != "zeros":
            self.initialise(slice(0, self._n), names, init=init)

    @classmethod
    def of(cls, pools: list[Brains], positions: Sequence[Any], backend: Backend, seed: int) -> MixedBrains:
        """A mixed pool over equal pools that exist; positions[g] names the brains of pools[g]."""
        mixed = object.__new__(cls)
        mixed._take(pools, positions, backend, seed)
        return mixed

    def _take(self, pools: list[Brains], positions: Sequence[Any], backend: Backend, seed: int) -> None:
        self._members = Members(pools, positions)
        self._n = len(self._members.group)
        self.backend, self.seed = backend, seed
        self._places = None if backend.device is None else Places(backend)
        self._scratch: dict[str, np.ndarray] = {}

    def __getattr__(self, name: str) -> Any:
        if name in ("mlp", "layout", "rows", "parameters"):
            raise NotOfMixed(name)
        raise AttributeError(f"'{type(self).__name__}' has no '{name}'")

    # --- what there is ----------------------------------------------------------------------------------------------

    @property
    def groups(self) -> list[Brains]:
        """One equal pool per architecture; `positions` of a group says which brains of this pool its rows are."""
        return list(self._members.pools)

    @property
    def backend(self) -> Backend:
        return self._members.pools[0].backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        for pool in self._members.pools:
            pool.backend = backend

    @property
    def positions(self) -> np.ndarray:
        return np.arange(self._n)

    @property
    def dtype(self) -> np.dtype:
        return self._members.pools[0].dtype

    @property
    def inputs(self) -> int:
        return self._common("inputs")

    @property
    def outputs(self) -> int:
        return self._common("outputs")

    def _common(self, what: str) -> int:
        widths = sorted({getattr(group, what) for group in self._members.pools})
        if len(widths) > 1:
            raise SchemaError(
                f"Brains: the {what} of this mixed pool differ: {', '.join(map(str, widths))}. Call each of "
                "brains.groups; a group's `positions` say which brains it holds."
            )
        return widths[0]

    @property
    def row_bytes(self) -> int:
        return max(group.row_bytes for group in self._members.pools)

    @property
    def parameters(self) -> np.ndarray:
        raise NotOfMixed("parameters")

    def weight(self, k: int) -> np.ndarray:
        raise NotOfMixed("weight")

    def bias(self, k: int) -> np.ndarray:
        raise NotOfMixed("bias")

    def flat(self, rows: Any = None) -> np.ndarray:
        raise NotOfMixed("flat")

    @property
    def _compute(self) -> np.dtype:
        return self._members.pools[0]._compute

    @property
    def capacity(self) -> int:
        return len(self._members.group)

    @property
    def n(self) -> int:
        return self._n

    @n.setter
    def n(self, n: int) -> None:
        if not 0 <= n <= self.capacity:
            raise SettingsError(f"Brains: n = {n:,} is outside 0 .. {self.capacity:,}. Call grow({n:,}) first.")
        self._members.resize(int(n))
        self._n = int(n)
        if self._places is not None:
            self._places.refresh(self._members, self._n)

    def __getitem__(self, k: int | slice) -> Brains:
        """One brain, sharing the memory; a slice would not, so copy it with `clone(rows)`."""
        if not isinstance(k, (int, np.integer)):
            raise SettingsError("Brains: brains of a mixed pool do not lie side by side. Copy: brains.clone(rows).")
        at = int(rows_of(int(k), self._n)[0])
        return self._members.pools[self._members.group[at]][int(self._members.row[at])]

    def __repr__(self) -> str:
        total = sum(len(group) * group.layout.row_bytes for group in self._members.pools)
        return (
            f"<Brains: {self._n:,} of {len(self._members.pools):,} architectures, {self.dtype.name}, {human(total)}, "
            f"{self.backend.name}>"
        )

    def clone(self, rows: Any = None) -> Brains:
        at = self._at(slice(None) if rows is None else rows, self._n)
        pools, positions = [], []
        for g, pool in enumerate(self._members.pools):
            mine = np.flatnonzero(self._members.group[at] == g)
            if len(mine):
                pools.append(pool.clone(self._members.row[at[mine]]))
                positions.append(mine)
        return MixedBrains.of(pools or [self._members.pools[0].clone([])], positions or [[]], self.backend, self.seed)

    def astype(self, dtype: Any) -> Brains:
        pools = [pool.astype(dtype) for pool in self._members.pools]
        return MixedBrains.of(pools, [pool.positions for pool in self._members.pools], self.backend, self.seed)

    def settle(self, backend: Backend) -> None:
        moves = backend.device is not self.backend.device
        for pool in self._members.pools:
            pool.settle(backend)
        if moves:
            self._places = None if backend.device is None else Places(backend)

    def to(self, backend: str | Backend, threads: int | None = None) -> Brains:
        where = choose(backend, threads)
        pools = [pool.to(where) for pool in self._members.pools]
        return MixedBrains.of(pools, [pool.positions for pool in self._members.pools], where, self.seed)

    # --- thinking ---------------------------------------------------------------------------------------------------

    def forward(self, x: Any, out: Any, brain: Any = None) -> None:
        """As for equal pools, group by group. A mixed pool cannot be shared by a table: `brain` must be None."""
        if brain is not None:
            raise SettingsError(
                "Brains: a mixed pool cannot be shared through a brain column. Give one pool per table."
            )
        if self._places is not None:
            self._forward_on_device(x, out)
            return
        for pool in self._members.pools:
            if not len(pool):
                continue
            at, shape = pool.positions, (len(pool), x.shape[1])
            own = x
            if len(x) == self._n:
                own = self._buffer("x", (*shape, x.shape[2]), x.dtype)
                np.take(x, at, axis=0, out=own)
            answers = self._buffer("out", (*shape, out.shape[2]), out.dtype)
            pool.forward(own, answers)
            out[at] = answers

    def forward_rows(self, x: Any, out: Any, at: np.ndarray, brain: np.ndarray | None = None) -> None:
        """As for equal pools, group by group."""
        for pool, mine, rows_there in self._members.by_group(at if brain is None else brain):
            pool.forward_rows(x, out, at[mine], rows_there)

    def launch_groups(self) -> list[tuple[Any, Any, Any, Any, int]]:
        """What a launch for all groups on a device takes: (rows, layout, place, alive, capacity) of each, as
        `Places.groups` says. The arrays keep their addresses until a group grows, which ends what was captured."""
        assert self._places is not None, "only brains on a device are launched together"
        return self._places.groups(self._members, self._n)

    def _forward_on_device(self, x: Any, out: Any) -> None:
        """One launch for all groups; several samples for a brain, or shared ones, go group by group."""
        from swarm.brain.forward_cuda import Plan

        groups = self.launch_groups()
        with self.backend.running():
            if x.shape[1] == 1 and len(x) == self._n:
                if self._n:
                    Plan.of(self.backend.device, groups, x.dtype).launch(x, out)
                return
            xp = self.backend.xp
            living = [pool for pool in self._members.pools if pool.capacity]
            for pool, (_, _, place, _, _) in zip(living, groups, strict=True):
                if len(pool):
                    at = place[: len(pool)]
                    own = x[at] if len(x) == self._n else x
                    answers = xp.empty((len(pool), x.shape[1], out.shape[2]), out.dtype)
                    pool.forward(own, answers)
                    out[at] = answers

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Scratch that is allocated once and kept."""
        wanted = int(np.prod(shape))
        held = self._scratch.get(name)
        if held is None or held.size < wanted or held.dtype != dtype:
            held = self._scratch[name] = np.empty(wanted * 5 // 4 + 16, dtype)
        return held[:wanted].reshape(shape)

    def gradients(self, x: Any, y: Any, loss: Any = "cross_entropy", reduction: str = "mean") -> np.ndarray:
        raise NotOfMixed("gradients(x, y)")

    def activations(self, x: Any, shared: bool = False) -> list[np.ndarray]:
        raise NotOfMixed("activations(x)")

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
        at = self._at(rows, self.capacity)
        keys = self._keys(at, slots, generations)
        if (self._members.group[at] < 0).any():
            raise SettingsError("Brains: a new row of a mixed pool has no architecture. Let it inherit from a brain.")
        for pool, mine, rows_there in self._members.by_group(at):
            pool.initialise(rows_there, keys[0][mine], keys[1][mine], tick, self._seed(seed), init)

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
        def copy(pool: Brains, mine: np.ndarray, parent: np.ndarray, child: np.ndarray) -> None:
            pool.inherit(parent, child, keys[0][mine], keys[1][mine], tick, self._seed(seed), mutation)

        source, at = self._pairs(parents, children)
        keys = self._keys(at, slots, generations)
        self._breed([source], at, copy)

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
        def copy(pool: Brains, mine: np.ndarray, one: np.ndarray, two: np.ndarray, child: np.ndarray) -> None:
            key = (keys[0][mine], keys[1][mine], tick, self._seed(seed))
            pool.cross(one, two, child, *key, units=units, mutation=mutation)

        one, at = self._pairs(first, children)
        two, at = self._pairs(second, children)
        keys = self._keys(at, slots, generations)
        if (self._members.group[one] != self._members.group[two]).any():
            raise SettingsError(
                "Brains: parents of different architectures cannot be crossed. Pair within brains.groups."
            )
        self._breed([one, two], at, copy)

    def alike(self, first: Any, second: Any) -> np.ndarray:
        group = self._members.group
        return group[self._at(first, self.n)] == group[self._at(second, self.n)]

    def move(self, source: Any, target: Any) -> None:
        at, to = self._pairs(source, target)
        self._members.move(at[at != to], to[at != to])

    def permute(self, order: Any) -> None:
        self._members.permute(permutation_of(self._at(order, self._n), self._n))

    def grow(self, capacity: int) -> None:
        self._members.grow(int(capacity))

    def set(self, rows: Any, parameters: Any) -> None:
        """Overwrite `rows` with the brains of another pool, one each, architectures included; or, where all are of one
        architecture, with [K, count] as for equal pools."""
        at = self._at(rows, self._n)
        check_apart(at, at)
        if isinstance(parameters, Brains) and len(parameters) == len(at):
            for group in parameters.groups:
                self._adopt(at[group.positions], group)
            self._members.close()
            return
        groups = self._members.by_group(at)
        if sum(len(mine) for _, mine, _ in groups[:1]) < len(at):
            raise SettingsError("Brains: these rows are of different architectures. Set them group by group.")
        for pool, _, rows_there in groups:
            pool.set(rows_there, parameters)

    def _adopt(self, at: np.ndarray, brains: Brains) -> None:
        """Give the brains at these places the architecture and parameters of an equal pool."""
        book = self._members
        g = next((g for g, pool in enumerate(book.pools) if pool.mlp == brains.mlp), len(book.pools))
        if g == len(book.pools):
            book.pools.append(brains.clone([]).astype(self.dtype).to(self.backend))
        new = at[book.group[at] != g]
        book.leave(new)
        book.join(g, new)
        book.pools[g].set(book.row[at], brains)

    def check_finite(self) -> None:
        for pool in self._members.pools:
            pool.check_finite()

    def _pairs(self, source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        at, to = self._at(source, self.capacity), self._at(target, self.capacity)
        check_apart(at, to)
        if (self._members.group[at] < 0).any():
            raise NoSuchRow(f"Brains: row {at[self._members.group[at] < 0][0]:,} holds no brain.")
        return at, to

    def _keys(self, at: np.ndarray, slots: Any, generations: Any) -> tuple[np.ndarray, np.ndarray]:
        """As `keys_of`, on the host, where they are dealt to the groups."""
        slots, generations = keys_of(at, slots, generations, self.backend)
        return self.backend.host(slots), self.backend.host(generations)

    def _breed(self, parents: list[np.ndarray], children: np.ndarray, copy: Callable[..., None]) -> None:
        """Give each child a row in its parents' group and have `copy(pool, mine, *parent rows, child rows)` fill it."""
        book = self._members
        groups, rows = book.group[parents[0]], [book.row[parent] for parent in parents]
        book.leave(children[book.group[children] != groups])  # the others overwrite the brain they have
        for g, pool in enumerate(book.pools):
            mine = np.flatnonzero(groups == g)
            if len(mine):
                own = children[mine]
                book.join(g, own[book.group[own] < 0])
                copy(pool, mine, *(row[mine] for row in rows), book.row[own])
