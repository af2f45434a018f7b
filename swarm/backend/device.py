"""A backend: the array module, the number of threads, and where the kernels of a stem are found.

Three names exist. `reference` runs the plain NumPy functions and is the oracle; `cpu` runs the numba kernels beside
them; `cuda` runs the kernels in the .cu files, on arrays of CuPy. `auto` takes the fastest one that works here and says
why in `Backend.reason`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy

from swarm.errors import BackendError, SchemaError, SettingsError

NAMES = ("auto", "cuda", "cpu", "reference")

# numba's workqueue layer aborts the process when two threads launch kernels at once, so there launches take turns.
# OpenMP and TBB give every calling thread a team of its own and need no lock.
_launch = threading.RLock()


@dataclass(frozen=True)
class Backend:
    """Where one world or one pool of brains computes. Made by `choose`.

    xp: the array module. device: the CUDA device (`cuda.Device`), None on the host.
    """

    name: str
    threads: int
    reason: str
    xp: Any = field(default=numpy, repr=False, compare=False)
    device: Any = field(default=None, repr=False, compare=False)

    def twin(self, stem: str) -> ModuleType:
        """The module that runs `stem` here: `stem_cpu` or `stem_cuda` where it exists, else the reference itself."""
        return _twin(stem, self.name)

    def has_twin(self, stem: str) -> bool:
        """Whether `stem` has kernels for this backend, so that `twin` is not the reference."""
        return _has_twin(stem, self.name)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold this around kernels: sets the thread count for the calling thread, takes turns where it must.

        On CUDA arrays work on the device's stream inside, and what goes wrong on the card becomes an error of ours.
        """
        if self.device is not None:
            from swarm.backend import cuda

            with cuda.using(self.device):
                yield
            return
        if self.name != "cpu":
            yield
            return
        from swarm.backend import jit

        with jit.threads(self.threads, _launch):
            yield

    # arrays: the same calls wherever they are kept

    def host(self, array: Any) -> numpy.ndarray:
        """`array` as a NumPy array: a copy if it is on the device (waits for it), itself if it is one already."""
        if self.device is not None and isinstance(array, self.xp.ndarray):
            with self.running():
                return self.device.read(array)
        return _host_array(array)

    def array(self, array: Any, dtype: Any = None) -> Any:
        """`array` where this backend computes: numbers, NumPy arrays, and whatever has DLPack or an array interface.

        A tensor that is there already (PyTorch, JAX on the same card) is not copied. Raises `SchemaError` for one that
        is on a card while this backend computes on the host.
        """
        if self.device is None:
            return numpy.asarray(_host_array(array), dtype)
        with self.running():
            if not isinstance(array, self.xp.ndarray):
                array = self.device.take(array)
            return array if dtype is None or array.dtype == dtype else array.astype(dtype)

    def either(self, array: Any) -> Any:
        """`array` as an array where it is: on the device if it is there, else on the host."""
        if self.device is not None and (isinstance(array, self.xp.ndarray) or self.device.holds(array)):
            return self.array(array)
        return _host_array(array)

    def of(self, array: Any) -> Any:
        """The array module that `array` belongs to."""
        return numpy if isinstance(array, numpy.ndarray) else self.xp

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        """A new array of zeros where this backend computes."""
        with self.running():
            return self.xp.zeros(shape, dtype)


def _host_array(array: Any) -> numpy.ndarray:
    if type(array) is numpy.ndarray:
        return array
    if hasattr(array, "__cuda_array_interface__"):
        raise SchemaError(
            f"A {type(array).__module__}.{type(array).__name__} on the graphics card was given to a backend that "
            "computes on the host. Copy it first (.get() in CuPy, .cpu() in PyTorch), or use backend='cuda'."
        )
    return numpy.asarray(array)


def _has_twin(stem: str, name: str) -> bool:
    return _twin(stem, name).__name__ != stem


@cache
def _twin(stem: str, name: str) -> ModuleType:
    if name in ("cpu", "cuda") and importlib.util.find_spec(f"{stem}_{name}") is not None:
        return importlib.import_module(f"{stem}_{name}")
    return importlib.import_module(stem)


def cores() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose(name: str | Backend = "auto", threads: int | None = None) -> Backend:
    """The backend called `name`, with `threads` threads (all processors by default).

    Raises `SettingsError` for an unknown name or thread count, `BackendError` when it cannot run on this machine.
    """
    if isinstance(name, Backend):
        return name if threads is None else replace(name, threads=_thread_count(threads))
    if name not in NAMES:
        raise SettingsError(f"backend: {name!r} is unknown. Choose one of {', '.join(NAMES)}.")
    count = _thread_count(threads)
    why_not = ""
    if name in ("auto", "cuda"):
        from swarm.backend import cuda

        try:
            found = cuda.device()
        except BackendError as error:
            if name == "cuda":
                raise BackendError(f"backend: 'cuda' was asked for, but {error}") from error.__cause__
            why_not = str(error).partition(" Remedy:")[0].removesuffix(".")
        else:
            reason = "asked for" if name == "cuda" else f"CUDA kernels on {found.facts()['gpu']}"
            return Backend("cuda", count, reason, found.xp, found)
    if name == "reference":
        return Backend("reference", 1, "asked for: plain NumPy, the oracle the kernels are tested against")
    if importlib.util.find_spec("numba") is None:
        if name == "auto":
            return Backend("reference", 1, "numba is not installed: plain NumPy, slow. Remedy: pip install numba")
        raise BackendError("backend: 'cpu' needs numba, which is not installed. Remedy: pip install numba")
    return Backend("cpu", count, "asked for" if name == "cpu" else f"numba kernels; CUDA is not used: {why_not}")


def _thread_count(threads: int | None) -> int:
    if threads is None:
        return cores()
    if not isinstance(threads, (int, numpy.integer)) or threads < 1:
        raise SettingsError(f"threads: {threads!r} is not a positive whole number.")
    return min(int(threads), cores())
