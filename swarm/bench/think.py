"""`swarm bench think`: own-weight inference against reading the parameters once.

The floor of a row is the fastest of several read kernels over the same bytes in the same run, all jobs taking turns.
Before every job the caches are filled with something else, so that a small pool is read from memory by all of them.
Aged pools have been through ticks of births and deaths first: their rows stand as a living world leaves them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.brain import forward
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.errors import SettingsError

from . import aging, harness, roof
from .report import Report
from .request import Request

LAYERS = ("16-32-4", "16-16-4", "8-16-2", "32-64-64-8", "64-128-12")
POOL_BYTES = 1 << 30  # the default number of brains is cut so that a pool is no larger
SAMPLE = 512  # brains whose outputs are compared with the reference
BOUND = 1e-5  # largest absolute difference in float32 arithmetic; outputs lie in -1 .. 1

COLUMNS = {
    "layers": ("layers", "s"),
    "dtype": ("dtype", "s"),
    "agents": ("brains", ",d"),
    "median_ms": ("think ms", ".2f"),
    "p99_ms": ("p99", ".2f"),
    "max_ms": ("max", ".2f"),
    "read_ms": ("read ms", ".2f"),
    "floor": ("think / read", ".3f"),
    "rate": ("M brains/s", ".1f"),
    "gbs": ("GB/s", ".1f"),
    "aged_ms": ("aged ms", ".2f"),
    "aged": ("aged / fresh", ".3f"),
}


def widths(text: str) -> tuple[int, ...]:
    """ "16-32-4" -> (16, 32, 4). Raises SettingsError."""
    try:
        found = tuple(int(part) for part in text.split("-"))
    except ValueError:
        found = ()
    if len(found) < 2 or min(found) < 1:
        raise SettingsError(f"--layers: '{text}' is not an architecture. For example: --layers 16-32-4")
    return found


def command(request: Request, layers: Sequence[str] = (), dtypes: Sequence[str] = (), aged: int = 2000) -> None:
    """Measure, print, save."""
    request.at_least("--aged", aged, 0)
    measure(request, layers or LAYERS, dtypes or ("float32", "bfloat16"), aged).finish(request.json)


def measure(request: Request, layers: Sequence[str], dtypes: Sequence[str], aged: int) -> Report:
    """A row for every architecture, size and dtype. Raises `harness.Invalid` when an output is wrong."""
    backend = device.choose(request.backend, request.threads)
    report = Report("think", COLUMNS, request.seed)
    report.settings = {"backend": backend.name, "threads": backend.threads, "aged_ticks": aged, "bound": BOUND}
    for text in layers:
        mlp = MLP(widths(text), activation="tanh", output="tanh")
        widest = mlp.layout("float32").row_bytes
        for count in request.sizes(min(100_000, POOL_BYTES // widest // 1000 * 1000)):
            pools = {dtype: Brains(mlp, count, seed=request.seed, backend=backend, dtype=dtype) for dtype in dtypes}
            report.rows += rows(text, pools, aged, request, backend)
    report.notes.append("read: the fastest of several read kernels over the same rows, in turns; caches cold for all.")
    report.notes += _ratios(report.rows)
    return report


def rows(
    text: str, pools: dict[str, Brains], aged: int, request: Request, backend: device.Backend
) -> list[dict[str, Any]]:
    """The rows of one architecture: all dtypes, fresh and aged, in one interleaved run."""
    jobs: dict[str, Callable[[], object]] = {}
    reads: dict[str, list[str]] = {}
    for dtype, brains in pools.items():
        x = inputs(brains, request.seed)
        jobs[dtype] = launch(brains, x, f"{text} {dtype}")
        if aged:
            old = aging.aged(brains.mlp, len(brains), dtype, aged, request.seed, backend)
            jobs[f"{dtype} aged"] = launch(old, inputs(old, request.seed), f"{text} {dtype} aged")
        read = roof.read_jobs(backend, roof.words_of(brains.rows[: len(brains)]))
        reads[dtype] = [f"{dtype} {name}" for name in read]
        jobs.update(zip(reads[dtype], read.values(), strict=True))
    times = harness.interleave(jobs, repeats=request.repeats or 31, warmups=3, before=roof.sweeper(backend))
    found = []
    for dtype, brains in pools.items():
        think, floor = times[dtype], harness.fastest(times, dict.fromkeys(reads[dtype]))
        read_bytes = len(brains) * brains.layout.row_bytes
        row: dict[str, Any] = {"layers": text, "dtype": dtype, "agents": len(brains), **think.row()}
        row |= {
            "parameters": brains.layout.count,
            "bytes_per_brain": brains.layout.row_bytes,
            "read_ms": floor.median * 1e3,
            "read_kernel": floor.name.removeprefix(f"{dtype} "),
            "floor": think.median / floor.median,
            "rate": len(brains) / think.median / 1e6,
            "gbs": read_bytes / think.median / 1e9,
            "roof_gbs": read_bytes / floor.median / 1e9,
        }
        if aged:
            row |= {"aged_ms": times[f"{dtype} aged"].median * 1e3}
            row |= {"aged": times[f"{dtype} aged"].median / think.median}
        found.append(row)
    return found


def inputs(brains: Brains, seed: int) -> np.ndarray:
    """Normal inputs [N, 1, I] in the pool's arithmetic."""
    drawn = np.random.default_rng(seed).standard_normal((len(brains), 1, brains.inputs), np.float32)
    return drawn.astype(brains.layout.compute, copy=False)


def launch(brains: Brains, x: np.ndarray, what: str) -> Callable[[], object]:
    """The job that thinks once for all; run once and compared with the reference on a sample before it is returned."""
    out = np.full((len(brains), 1, brains.outputs), np.nan, brains.layout.compute)
    brains.forward(x, out)
    at = np.unique(np.linspace(0, len(brains) - 1, SAMPLE).astype(np.int64))
    right = np.empty((len(at), 1, brains.outputs), out.dtype)
    forward.forward(np.ascontiguousarray(brains.rows[at]), brains.layout, np.ascontiguousarray(x[at]), right)
    harness.close(f"think {what}", out[at], right, BOUND)
    if not np.isfinite(out).all():
        raise harness.Invalid(f"think {what}: not every output is finite. Nothing is reported.")
    return lambda: brains.forward(x, out)


def _ratios(rows: list[dict[str, Any]]) -> list[str]:
    """bfloat16 against float32 of the same architecture and size, in words."""
    found = []
    full = {(row["layers"], row["agents"]): row for row in rows if row["dtype"] == "float32"}
    for row in rows:
        other = full.get((row["layers"], row["agents"]))
        if row["dtype"] == "bfloat16" and other:
            row["against_float32"] = row["median_ms"] / other["median_ms"]
            found.append(f"{row['layers']}: bfloat16 takes {row['against_float32']:.2f} of the time of float32")
    return found
