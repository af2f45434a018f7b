"""`swarm bench think`: own-weight inference against reading the parameters once.

The floor of a row is the fastest of several read kernels over the same bytes in the same run, all jobs taking turns.
Before every job the caches are filled with something else, so that a small pool is read from memory by all of them.
Aged pools have been through ticks of births and deaths first: their rows stand as a living world leaves them.
On a card jobs are timed by CUDA events, and the share of the bandwidth of the fastest copy is stated: bytes as
`forward.cost` counts them over time, against the bytes read and written by a copy of a gigabyte, in turns with it.
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
AGENTS = 100_000
AGENTS_CARD = 1_000_000  # by default on a card
POOL_BYTES = 1 << 30  # the default number of brains is cut so that a pool is no larger
POOL_BYTES_CARD = 8 << 30  # on a card, or a sixth of what is free there
COPY_MEGABYTES = 1024
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
COLUMNS_CARD = {**COLUMNS, "share": ("share of copy", ".3f"), "copy_gbs": ("copy GB/s", ".0f")}


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
    backend = device.choose(request.backend, request.threads)
    with harness.on(backend):
        measure(request, backend, layers or LAYERS, dtypes or ("float32", "bfloat16"), aged).finish(request.json)


def measure(
    request: Request, backend: device.Backend, layers: Sequence[str], dtypes: Sequence[str], aged: int
) -> Report:
    """A row for every architecture, size and dtype. Raises `harness.Invalid` when an output is wrong."""
    card = backend.device
    report = Report("think", COLUMNS if card is None else COLUMNS_CARD, request.seed, device=card)
    report.settings = {"backend": backend.name, "threads": backend.threads, "aged_ticks": aged, "bound": BOUND}
    for text in layers:
        mlp = MLP(widths(text), activation="tanh", output="tanh")
        widest = mlp.layout("float32").row_bytes
        for count in request.sizes(most(backend, widest)):
            pools = {dtype: Brains(mlp, count, seed=request.seed, backend=backend, dtype=dtype) for dtype in dtypes}
            report.rows += rows(text, pools, aged, request, backend)
    report.notes.append("read: the fastest of several read kernels over the same rows, in turns; caches cold for all.")
    report.notes += _ratios(report.rows)
    return report


def most(backend: device.Backend, row_bytes: int) -> int:
    """How many brains are measured by default."""
    if backend.device is None:
        return min(AGENTS, POOL_BYTES // row_bytes // 1000 * 1000)
    room = min(POOL_BYTES_CARD, backend.device.memory()[0] // 6)
    return min(AGENTS_CARD, max(1000, room // row_bytes // 1000 * 1000))


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
    copies: dict[str, Callable[[], object]] = {}
    if backend.device is not None:
        words = roof.words_for(backend, COPY_MEGABYTES)
        copies = roof.copy_jobs(backend, words, backend.xp.empty_like(words))
        copied = 2 * words.nbytes
    times = harness.interleave(
        {**jobs, **copies},
        repeats=request.repeats or 31,
        warmups=3,
        before=roof.sweeper(backend),
        clock=harness.clock(backend),
    )
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
        if copies:
            fastest = harness.fastest(times, copies)
            rate = copied / fastest.median
            moved = forward.cost(brains.layout, len(brains)).bytes
            row |= {"bytes": moved, "copy_gbs": rate / 1e9, "copy_kernel": fastest.name.removeprefix("copy, ")}
            row |= {"share": moved / think.median / rate}
        if aged:
            row |= {"aged_ms": times[f"{dtype} aged"].median * 1e3}
            row |= {"aged": times[f"{dtype} aged"].median / think.median}
        found.append(row)
    return found


def inputs(brains: Brains, seed: int) -> np.ndarray:
    """Normal inputs [N, 1, I] in the pool's arithmetic, on the host."""
    drawn = np.random.default_rng(seed).standard_normal((len(brains), 1, brains.inputs), np.float32)
    return drawn.astype(brains.layout.compute, copy=False)


def launch(brains: Brains, x: np.ndarray, what: str) -> Callable[[], object]:
    """The job that thinks once for all; run once and compared with the reference on a sample before it is returned."""
    backend = brains.backend
    given = backend.array(x)
    out = backend.array(np.full((len(brains), 1, brains.outputs), np.nan, brains.layout.compute))
    brains.forward(given, out)
    got = backend.host(out)
    at = np.unique(np.linspace(0, len(brains) - 1, SAMPLE).astype(np.int64))
    right = np.empty((len(at), 1, brains.outputs), got.dtype)
    forward.forward(parameters(brains, at), brains.layout, np.ascontiguousarray(x[at]), right)
    harness.close(f"think {what}", got[at], right, BOUND)
    if not np.isfinite(got).all():
        raise harness.Invalid(f"think {what}: not every output is finite. Nothing is reported.")
    return lambda: brains.forward(given, out)


def parameters(brains: Brains, rows: np.ndarray) -> np.ndarray:
    """The rows [K, stride] of some brains on the host, in the layout's dtype."""
    backend, layout = brains.backend, brains.layout
    words = brains.rows.view(f"u{layout.dtype.itemsize}")  # array libraries index numbers they know
    return np.ascontiguousarray(backend.host(words[backend.array(rows)])).view(layout.dtype)


def _ratios(rows: list[dict[str, Any]]) -> list[str]:
    """Two-byte parameters against float32 of the same architecture and size, in words."""
    found = []
    full = {(row["layers"], row["agents"]): row for row in rows if row["dtype"] == "float32"}
    for row in rows:
        other = full.get((row["layers"], row["agents"]))
        if row["dtype"] in ("bfloat16", "float16") and other:
            row["against_float32"] = row["median_ms"] / other["median_ms"]
            found.append(f"{row['layers']}: {row['dtype']} takes {row['against_float32']:.2f} of the time of float32")
    return found
