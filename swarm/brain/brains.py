"""A pool of brains: one row of parameters per brain, and everything one does with them.

`Brains(mlp, count)` holds brains of one architecture; `Brains([mlp, mlp, ...])` holds a mix and is a `MixedBrains`
(mixed.py), which keeps one equal pool per architecture in `groups`. What happens to rows is in pool.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.backend.device import Backend, choose
from swarm.backend.memory import human
from swarm.brain.init import check_scheme
from swarm.brain.mlp import BFLOAT16, MLP, Layout
from swarm.brain.pool import Pool
from swarm.brain.rows import allocate, rows_of, seeded
from swarm.errors import SchemaError, SettingsError


class Brains(Pool):
    """`count` brains of one architecture.

    mlp: the architecture, or a sequence of architectures, one per brain (a mixed pool; `count` is then left out).
    seed: what the first weights are drawn from; brain k draws the same in any population. One number, or one per brain
    [N]: brains of equal seeds and architectures begin equal.
    backend: 'auto', 'cuda', 'cpu', 'reference' or a `Backend`; on CUDA, parameters and answers are arrays of CuPy.
    dtype: 'float32', 'float64', 'float16' or 'bfloat16' (storage; sums are float32, for float64 float64).
    init: 'auto' (by activation), 'he', 'glorot', 'lecun', 'uniform' or 'zeros'. threads: all processors by default.

    Raises `SettingsError` for bad arguments, `CapacityError` when the pool does not fit in memory, `BackendError`.
    """

    def __new__(cls, mlp: MLP | Sequence[MLP], *_: Any, **__: Any) -> Brains:
        if cls is Brains and isinstance(mlp, Sequence) and not isinstance(mlp, str):
            from swarm.brain.mixed import MixedBrains

            return object.__new__(MixedBrains)
        return object.__new__(cls)

    def __init__(
        self,
        mlp: MLP | Sequence[MLP],
        count: int | None = None,
        *,
        seed: int | Sequence[int] = 0,
        backend: str | Backend = "auto",
        dtype: Any = "float32",
        init: str = "auto",
        threads: int | None = None,
    ) -> None:
        if not isinstance(mlp, MLP):
            raise SettingsError(f"Brains: {mlp!r} is not an architecture. Write Brains(MLP((16, 32, 4)), count=100).")
        if not isinstance(count, (int, np.integer)) or count < 0:
            raise SettingsError(f"Brains: count {count!r} must be a whole number. Write Brains({mlp!r}, count=100).")
        number, names = seeded(seed, int(count))
        layout = mlp.layout(dtype)
        if 2 * layout.count + 64 > rng.VALUES:
            raise SettingsError(f"Brains: {layout.count:,} parameters in one brain; at most {rng.VALUES // 2 - 64:,}.")
        check_scheme(init)
        where = choose(backend, threads)
        self._become(mlp, layout, where, number, allocate(int(count), layout, where), int(count))
        if init != "zeros":
            self.initialise(slice(0, self._n), names, init=init)

    @classmethod
    def over(cls, mlp: MLP, layout: Layout, backend: Backend, seed: int, rows: Any, n: int) -> Brains:
        """A pool over rows that exist; nothing is drawn or copied."""
        pool = object.__new__(cls)
        pool._become(mlp, layout, backend, seed, rows, n)
        return pool

    # --- what there is ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._n

    @property
    def dtype(self) -> np.dtype:
        """What parameters are stored in."""
        return self.layout.dtype

    @property
    def inputs(self) -> int:
        """I, the width of the inputs."""
        return self.mlp.inputs

    @property
    def outputs(self) -> int:
        """O, the width of the outputs."""
        return self.mlp.outputs

    @property
    def row_bytes(self) -> int:
        """Bytes one brain takes; in a mixed pool the most one takes."""
        return self.layout.row_bytes

    @property
    def groups(self) -> list[Brains]:
        """The equal pools this one consists of, each with its `positions`; here only itself."""
        return [self]

    @property
    def positions(self) -> np.ndarray:
        """int64 [N]: which brain of the whole pool each row is."""
        return np.arange(self._n) if self._positions is None else self._positions[: self._n]

    def __getitem__(self, k: int | slice) -> Brains:
        """One brain, or a run of them, with the same methods and sharing the memory. Copies: `clone(rows)`."""
        if isinstance(k, slice):
            start, stop, step = k.indices(self._n)
            if step != 1:
                raise SettingsError("Brains: a slice with a step would not share memory. Copy: brains.clone(rows).")
        elif isinstance(k, (int, np.integer)):
            start = int(rows_of(int(k), self._n)[0])
            stop = start + 1
        else:
            raise SettingsError(f"Brains: {type(k).__name__} is not a row or a slice. Copy: brains.clone(rows).")
        rows = self.rows[start:stop]
        part = Brains.over(self.mlp, self.layout, self.backend, self.seed, rows, len(rows))
        part._view = True
        return part

    def __iter__(self) -> Iterator[Brains]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        each = f"{self.layout.count:,} parameters each, {self.dtype.name}, {human(self._n * self.layout.row_bytes)}"
        return f"<Brains: {self._n:,} x {self.mlp}, {each}, {self.backend.name}>"

    def clone(self, rows: Any = None) -> Brains:
        """A pool of its own with copies of `rows` (default: all), in that order."""
        if rows is None:
            return self.to(self.backend)
        at = self._at(rows, self._n)
        copy = allocate(len(at), self.layout, self.backend)
        if self.backend.device is None:
            copy[:] = self.rows[at]
        else:
            with self.backend.running():
                self._twin("vary").gather(copy, self.rows, self.layout, at, np.arange(len(at)))
        return Brains.over(self.mlp, self.layout, self.backend, self.seed, copy, len(at))

    def astype(self, dtype: Any) -> Brains:
        """A pool of its own with the parameters rounded to `dtype`."""
        layout = self.mlp.layout(dtype)
        rows = allocate(self._n, layout, self.backend)
        with self._working():
            for new, old in zip(layout.blocks, self.layout.blocks, strict=True):
                part = self.rows[: self._n, old.start : old.start + old.length]
                rows[:, new.start : new.start + new.length] = part.astype(layout.dtype)
        return Brains.over(self.mlp, layout, self.backend, self.seed, rows, self._n)

    def to(self, backend: str | Backend, threads: int | None = None) -> Brains:
        """A copy that computes elsewhere: `brains.to("cpu")` of brains on CUDA, `brains.to("cuda")` of any.

        The parameters are equal bit by bit. Raises `BackendError` where that backend cannot be used here, and
        `CapacityError` when the pool does not fit there.
        """
        where = choose(backend, threads)
        return Brains.over(self.mlp, self.layout, where, self.seed, self._rows_on(where), self._n)

    # --- thinking ---------------------------------------------------------------------------------------------------

    def __call__(self, x: Any, shared: bool = False) -> Any:
        """What every brain answers.

        x [N, I] -> [N, O]; x [N, B, I] -> [N, B, O]. The same samples for all brains: x [1, B, I] -> [N, B, O], or with
        `shared=True` x [B, I] -> [N, B, O] and x [I] -> [N, O]. float32 (float64 pools: float64).
        On CUDA x may be of NumPy, CuPy, PyTorch, JAX or whatever has DLPack; the answer is of CuPy, and has both
        DLPack and `__cuda_array_interface__`. Raises `SchemaError` when the shape does not fit.
        """
        with self._working():
            samples, shape = samples_of(x, shared, len(self), self.inputs, self._compute, self.backend)
            out = self.backend.xp.empty((len(self), samples.shape[1], self.outputs), self._compute)
            self.forward(samples, out)
            return out.reshape(*shape, self.outputs)

    def forward(self, x: Any, out: Any, brain: Any = None) -> None:
        """The launch itself, unchecked: fills out [N, B, O] from x [N | 1, B, I], both contiguous and of the layout's
        `compute` dtype. brain [N] names each agent's row where a table shares this pool. Arrays of the backend."""
        with self.backend.running():
            self._twin("forward").forward(self.rows, self.layout, x, out, brain)

    def forward_rows(self, x: Any, out: Any, at: np.ndarray, brain: np.ndarray | None = None) -> None:
        """The launch for some brains, unchecked: fills out[at] from x[at], the others of out [N, 1, O] stay.

        at int64 [K] on the host, each there once, names places in x [N, 1, I] and out; brain int64 [K] the rows that
        think for them (None: at). Arrays and dtypes as for `forward`, and each brain answers as there.
        """
        with self.backend.running():
            self._twin("forward").forward_rows(self.rows, self.layout, x, out, at, brain)

    @property
    def _compute(self) -> np.dtype:
        return self.layout.compute

    # --- looking inside ---------------------------------------------------------------------------------------------

    def gradients(self, x: Any, y: Any, loss: Any = "cross_entropy", reduction: str = "mean") -> np.ndarray:
        """The gradient of the loss of a batch at the parameters, for every brain: [N, P], laid out as `parameters`.

        A batch that all share is x [B, I] (uint8, scaled to 0..1, or float) with y [B] labels or [B, O] targets; own
        batches are x [N, B, I] with y [N, B] or [N, B, O]. loss and reduction are those of `swarm.fit`. float32, for
        float64 pools float64; 0 in the gaps. Raises DataError for samples that do not fit, SettingsError, and
        BackendError for brains on CUDA.
        """
        return _probe().gradients(self, x, y, loss, reduction)

    def activations(self, x: Any, shared: bool = False) -> list[np.ndarray]:
        """What every layer answers, behind its activation: a list of [N, B, H_k], hidden layers first, outputs last.

        x as for calling the pool: [N, I] (B is 1), [N, B, I], [1, B, I], or with shared=True [B, I] or [I]. float32,
        for float64 pools float64. Raises SchemaError when the shape does not fit, BackendError for brains on CUDA.
        """
        return _probe().activations(self, x, shared)

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write a safetensors file, whole or not at all. Raises `SaveError`."""
        from swarm.brain import files

        files.save(self, path)

    @staticmethod
    def load(path: str | Path, *, backend: str | Backend = "auto", threads: int | None = None) -> Brains:
        """The pool in a file written by `save`. Raises `SaveError`, and `NonFiniteError` for broken parameters."""
        from swarm.brain import files

        return files.load(path, choose(backend, threads))

    def __reduce__(self) -> tuple[Any, ...]:
        from swarm.brain import files

        return files.unpack, (*files.pack(self), self.backend.name)


def _probe() -> ModuleType:
    """Differentiation belongs to the training above, which is loaded when it is asked for and not before."""
    return import_module("swarm.train.probe")


def samples_of(
    x: Any, shared: bool, n: int, width: int, dtype: np.dtype, backend: Backend
) -> tuple[Any, tuple[int, ...]]:
    """x as contiguous [n | 1, B, width] of the backend, and the result's shape without its last axis.

    Raises `SchemaError`.
    """
    x = backend.either(x)
    if x.dtype.kind not in "fiub" and x.dtype != BFLOAT16:
        raise SchemaError(f"Brains: inputs of dtype {x.dtype} are not numbers. Give float32.")
    if x.ndim == 0 or x.shape[-1] != width:
        got = x.shape[-1] if x.ndim else "no"
        fit = f" or build the brains with MLP(({got}, ...))" if x.ndim else ""
        raise SchemaError(f"Brains: x {x.shape} has {got} inputs, the brains take {width}. Give x [..., {width}]{fit}.")
    x = backend.array(backend.of(x).ascontiguousarray(x, dtype))
    if shared:
        if x.ndim <= 2:
            return x.reshape(1, -1, width), (n, *x.shape[:-1])
        if x.ndim == 3 and len(x) == 1:
            return x, (n, x.shape[1])
        raise SchemaError(f"Brains: x {x.shape} cannot be shared. Give [B, {width}], the same for all brains.")
    if x.ndim == 2 and len(x) == n:
        return x.reshape(n, 1, width), (n,)
    if x.ndim == 3 and len(x) in (1, n):
        return x, (n, x.shape[1])
    raise SchemaError(
        f"Brains: x {x.shape} does not fit {n:,} brains. Give [{n}, {width}] or [{n}, B, {width}]; for samples that "
        f"all brains see [1, B, {width}], or [B, {width}] with shared=True."
    )
