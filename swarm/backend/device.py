"""A backend: the array module, the number of threads, and where the kernels of a stem are found.

Three names exist. `reference` runs the plain NumPy functions and is the oracle; `cpu` runs the numba kernels beside
them; `cuda` is reserved for CuPy. `auto` takes the fastest one that works and says why in `Backend.reason`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import numpy

from swarm.errors import BackendError, SettingsError

NAMES = ("auto", "cuda", "cpu", "reference")

# numba's workqueue layer aborts the process when two threads launch kernels at once, so there launches take turns.
# OpenMP and TBB give every calling thread a team of its own and need no lock.
_launch = threading.RLock()


@dataclass(frozen=True)
class Backend:
    """Where one world or one pool of brains computes. Made by `choose`."""

    name: str
    threads: int
    reason: str
    xp: Any = field(default=numpy, repr=False, compare=False)

    def twin(self, stem: str) -> ModuleType:
        """The module that runs `stem` here: `stem_cpu` on the CPU where it exists, else the reference itself."""
        return _twin(stem, self.name)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold this around kernels: sets the thread count for the calling thread, takes turns where it must."""
        if self.name != "cpu":
            yield
            return
        from swarm.backend import jit

        with jit.threads(self.threads, _launch):
            yield


@cache
def _twin(stem: str, name: str) -> ModuleType:
    if name == "cpu" and importlib.util.find_spec(stem + "_cpu") is not None:
        return importlib.import_module(stem + "_cpu")
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
        return name if threads is None else Backend(name.name, _thread_count(threads), name.reason, name.xp)
    if name not in NAMES:
        raise SettingsError(f"backend: {name!r} is unknown. Choose one of {', '.join(NAMES)}.")
    if name == "cuda":
        raise BackendError(
            "backend: 'cuda' was asked for, but this version has no CUDA kernels yet. Use backend='cpu' or 'auto'."
        )
    count = _thread_count(threads)
    if name == "reference":
        return Backend("reference", 1, "asked for: plain NumPy, the oracle the kernels are tested against")
    if importlib.util.find_spec("numba") is None:
        if name == "auto":
            return Backend("reference", 1, "numba is not installed: plain NumPy, slow. Remedy: pip install numba")
        raise BackendError("backend: 'cpu' needs numba, which is not installed. Remedy: pip install numba")
    reason = "asked for" if name == "cpu" else "numba kernels; the CUDA backend is not part of this version"
    return Backend("cpu", count, reason)


def _thread_count(threads: int | None) -> int:
    if threads is None:
        return cores()
    if not isinstance(threads, (int, numpy.integer)) or threads < 1:
        raise SettingsError(f"threads: {threads!r} is not a positive whole number.")
    return min(int(threads), cores())
