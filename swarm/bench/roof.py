"""The physical roof of this machine, measured: bytes read and copied per second, sgemm rate.

Own-weight inference can be no faster than its parameters can be read. The floor of a benchmark is therefore the
fastest of several read kernels over the very same bytes, in the same run (`readers`); on a card, where writing is part
of the roof that is usually quoted, the fastest of several copies as well (`copy_jobs`). `measure` states the machine's
roof over a large array for `swarm info` and `swarm plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swarm.backend import device

from . import harness


@dataclass(frozen=True)
class Roof:
    """What the machine did: GB/s are 1e9 bytes per second; a copy counts the bytes read and the bytes written.

    gflops: sgemm, 0 where it was not measured. kernel: the read kernel that won.
    """

    read: float
    copy: float
    gflops: float
    kernel: str
    threads: int
    bytes: int
    variants: dict[str, float] = field(default_factory=dict)  # "row, 2 threads" -> GB/s


def readers() -> dict[str, Callable[[Any], int]]:
    """Read kernels by name: `words [n] uint32` -> the sum of the words modulo 2**32."""
    return {"numpy": checksum}


def copiers() -> dict[str, Callable[[Any, Any], None]]:
    """Ways to copy by name: `words [n]` uint32 into `out [n]`."""
    return {"numpy": copy}


def checksum(words: Any) -> int:
    """The sum of uint32 `words`, on the host or a device, modulo 2**32: what every read kernel must return."""
    return int(words.sum(dtype=np.uint64)) % 2**32


def copy(words: np.ndarray, out: np.ndarray) -> None:
    """Copy uint32 `words [n]` into `out [n]`."""
    np.copyto(out, words)


def words_of(array: Any) -> Any:
    """The bytes of a contiguous array as uint32 (a rest of less than four bytes is left out); no copy."""
    flat = array.reshape(-1).view(np.uint8)
    return flat[: flat.size // 4 * 4].view(np.uint32)


def read_jobs(backend: device.Backend, words: Any) -> dict[str, Callable[[], object]]:
    """Every read kernel with every thread count up to the backend's, ready to run on `words`; for `harness.interleave`.

    On a card the jobs only launch. Raises `harness.Invalid` when a kernel does not return the checksum.
    """
    found: dict[str, Callable[[], object]] = {}
    right = checksum(words)
    for threads in sorted({1, backend.threads}) if backend.device is None else (0,):
        some = device.choose(backend.name, threads) if threads else backend
        for name, function in backend.twin("swarm.bench.roof").readers().items():
            if _job(some, function, words)() != right:
                raise harness.Invalid(f"roof: read kernel '{name}' returned a wrong sum: its time says nothing.")
            many = f", {threads} thread{'s' * (threads > 1)}" if threads else ""
            found[f"{name}{many}"] = _job(some, getattr(function, "launch", function), words)
    return found


def copy_jobs(backend: device.Backend, words: Any, out: Any) -> dict[str, Callable[[], object]]:
    """Every way to copy `words [n]` into `out [n]`, both uint32; for `harness.interleave`.

    Raises `harness.Invalid` when a word did not arrive.
    """
    found: dict[str, Callable[[], object]] = {}
    for name, function in backend.twin("swarm.bench.roof").copiers().items():
        out[...] = 0
        found[f"copy, {name}"] = _job(backend, function, words, out)
        found[f"copy, {name}"]()
        if not bool((out == words).all()):
            raise harness.Invalid(f"roof: copy '{name}' lost a word: its time says nothing.")
    return found


def sweeper(backend: device.Backend, megabytes: int = 256) -> Callable[[], None]:
    """Fills the caches with something else (clean lines, nothing to write back): every job then starts from memory."""
    words = words_for(backend, megabytes)
    some = backend if backend.name == "cuda" else device.choose(backend.name, 1)
    function = next(reversed(backend.twin("swarm.bench.roof").readers().values()))
    job = _job(some, getattr(function, "launch", function), words)

    def sweep() -> None:
        job()

    return sweep


def _job(backend: device.Backend, function: Callable[..., Any], *arrays: Any) -> Callable[[], Any]:
    def run() -> Any:
        with backend.running():
            return function(*arrays)

    return run


def words_for(backend: device.Backend, megabytes: int) -> Any:
    """0, 1, 2 ... uint32, so many megabytes of them; next to nothing where CUDA kernels run on no card."""
    count = megabytes << 18 if backend.device is None or backend.device.gpu else 4099
    return backend.xp.arange(count, dtype=np.uint32)


def measure(backend: device.Backend, megabytes: int | None = None, repeats: int = 7) -> Roof:
    """The roof over an array of `megabytes` (far beyond any cache: 256, on a card 1024); takes about two seconds."""
    with harness.on(backend):
        words = words_for(backend, megabytes or (1024 if backend.name == "cuda" else 256))
        out = backend.xp.empty_like(words)
        reads, copies = read_jobs(backend, words), copy_jobs(backend, words, out)
        times = harness.interleave({**reads, **copies}, repeats=repeats, clock=harness.clock(backend))
    rates = {name: words.nbytes / times[name].best / 1e9 for name in reads}
    best = max(rates, key=lambda name: rates[name])
    return Roof(
        read=rates[best],
        copy=2 * words.nbytes / min(times[name].best for name in copies) / 1e9,
        gflops=0.0 if backend.name == "cuda" else _sgemm(repeats),
        kernel=best,
        threads=backend.threads,
        bytes=words.nbytes,
        variants=rates,
    )


def _sgemm(repeats: int) -> float:
    a = np.ones((1536, 1536), np.float32)
    b = np.ones((1536, 1536), np.float32)
    product = np.empty_like(a)
    gemm = harness.interleave({"sgemm": lambda: np.matmul(a, b, out=product)}, repeats=repeats)["sgemm"]
    return 2 * 1536**3 / gemm.best / 1e9
