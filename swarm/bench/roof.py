"""The physical roof of this machine, measured: bytes read and copied per second, sgemm rate.

Own-weight inference can be no faster than its parameters can be read. The floor of a benchmark is therefore the
fastest of several read kernels over the very same bytes, in the same run (`readers`); `measure` states the machine's
roof over a large array for `swarm info` and `swarm plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from swarm.backend import device

from . import harness


@dataclass(frozen=True)
class Roof:
    """What the machine did: GB/s are 1e9 bytes per second; a copy counts the bytes read and the bytes written."""

    read: float
    copy: float
    gflops: float
    kernel: str
    threads: int
    bytes: int
    variants: dict[str, float] = field(default_factory=dict)  # "row, 2 threads" -> GB/s


def readers() -> dict[str, Callable[[np.ndarray], int]]:
    """Read kernels by name: `words [n] uint32` -> the sum of the words modulo 2**32."""
    return {"numpy": checksum}


def checksum(words: np.ndarray) -> int:
    """The sum of uint32 `words`, modulo 2**32: what every read kernel must return."""
    return int(np.add.reduce(words, dtype=np.uint32))


def copy(words: np.ndarray, out: np.ndarray) -> None:
    """Copy uint32 `words [n]` into `out [n]`."""
    np.copyto(out, words)


def words_of(array: np.ndarray) -> np.ndarray:
    """The bytes of a contiguous array as uint32 (a rest of less than four bytes is left out); no copy."""
    flat = array.reshape(-1).view(np.uint8)
    return flat[: flat.size // 4 * 4].view(np.uint32)


def read_jobs(backend: device.Backend, words: np.ndarray) -> dict[str, Callable[[], int]]:
    """Every read kernel with every thread count up to the backend's, ready to run on `words`; for `harness.interleave`.

    Raises `harness.Invalid` when a kernel does not return the checksum.
    """
    found: dict[str, Callable[[], int]] = {}
    right = checksum(words)
    for threads in sorted({1, backend.threads}):
        some = device.choose(backend.name, threads)
        for name, function in backend.twin("swarm.bench.roof").readers().items():
            job = _job(some, function, words)
            if job() != right:
                raise harness.Invalid(f"roof: read kernel '{name}' returned a wrong sum: its time says nothing.")
            found[f"{name}, {threads} thread{'s' * (threads > 1)}"] = job
    return found


def sweeper(backend: device.Backend, megabytes: int = 256) -> Callable[[], None]:
    """Fills the caches with something else (clean lines, nothing to write back): every job then starts from memory."""
    words = np.ones(megabytes << 18, np.uint32)
    some = device.choose(backend.name, 1)
    job = _job(some, next(reversed(backend.twin("swarm.bench.roof").readers().values())), words)

    def sweep() -> None:
        job()

    return sweep


def _job(backend: device.Backend, function: Callable[[np.ndarray], int], words: np.ndarray) -> Callable[[], int]:
    def run() -> int:
        with backend.running():
            return function(words)

    return run


def measure(backend: device.Backend, megabytes: int = 256, repeats: int = 7) -> Roof:
    """The machine's roof over an array of `megabytes` (far beyond any cache); takes about two seconds."""
    words = np.arange(megabytes << 18, dtype=np.uint32)
    times = harness.interleave(read_jobs(backend, words), repeats=repeats)
    rates = {name: words.nbytes / timing.best / 1e9 for name, timing in times.items()}
    best = max(rates, key=lambda name: rates[name])
    out = np.empty_like(words)
    copier = backend.twin("swarm.bench.roof").copy

    def run_copy() -> None:
        with backend.running():
            copier(words, out)

    copied = harness.interleave({"copy": run_copy}, repeats=repeats)["copy"]
    a = np.ones((1536, 1536), np.float32)
    b = np.ones((1536, 1536), np.float32)
    product = np.empty_like(a)
    gemm = harness.interleave({"sgemm": lambda: np.matmul(a, b, out=product)}, repeats=repeats)["sgemm"]
    return Roof(
        read=rates[best],
        copy=2 * words.nbytes / copied.best / 1e9,
        gflops=2 * 1536**3 / gemm.best / 1e9,
        kernel=best,
        threads=backend.threads,
        bytes=words.nbytes,
        variants=rates,
    )
