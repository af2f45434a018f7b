"""`swarm bench think --tiles`: how many lanes should serve a brain? Every way forward.cu can be launched, in turns.

A row per architecture and dtype: the fastest way, the one `forward_cuda.shape` takes by its table, the time between
them. The times of all are in the JSON. Every way's outputs must be those of the reference, and equal in all bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.brain import forward
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP, Layout
from swarm.errors import SettingsError

from . import harness, roof
from .report import Report
from .request import Request
from .think import BOUND, LAYERS, SAMPLE, inputs, most, parameters, widths

TILES, BLOCKS, TEAMS = (4, 8, 16, 32), (64, 128, 256), (2, 4, 8)

COLUMNS = {
    "layers": ("layers", "s"),
    "dtype": ("dtype", "s"),
    "agents": ("brains", ",d"),
    "bytes_per_brain": ("bytes", ",d"),
    "winner": ("fastest", "s"),
    "chosen": ("by the table", "s"),
    "median_ms": ("fastest ms", ".3f"),
    "chosen_ms": ("table ms", ".3f"),
    "lost": ("table / fastest", ".3f"),
}


def command(request: Request, layers: Sequence[str] = (), dtypes: Sequence[str] = ()) -> None:
    """Measure, print, save. Raises SettingsError where there is no CUDA."""
    backend = device.choose(request.backend, request.threads)
    if backend.device is None:
        raise SettingsError(
            f"--tiles: lanes are a matter of CUDA, and the backend is {backend.name}. Add: --backend cuda"
        )
    report = Report("think: tiles", COLUMNS, request.seed, device=backend.device)
    report.settings = {"backend": backend.name, "bound": BOUND}
    with harness.on(backend):
        for text in layers or LAYERS:
            mlp = MLP(widths(text), activation="tanh", output="tanh")
            for dtype in dtypes or ("float32", "bfloat16"):
                for count in request.sizes(most(backend, mlp.layout(dtype).row_bytes)):
                    brains = Brains(mlp, count, seed=request.seed, backend=backend, dtype=dtype)
                    report.rows.append(row(text, brains, request))
    report.notes.append("tile 8 x 128: 8 lanes for a brain, 128 threads in a block; team 8: 8 warps share a brain.")
    report.finish(request.json)


def row(text: str, brains: Brains, request: Request) -> dict[str, Any]:
    """Time all ways to think of one pool. Raises `harness.Invalid` for outputs that are wrong or not all equal."""
    from swarm.brain import forward_cuda

    backend, layout = brains.backend, brains.layout
    x = inputs(brains, request.seed)
    at = np.unique(np.linspace(0, len(brains) - 1, SAMPLE).astype(np.int64))
    right = np.empty((len(at), 1, brains.outputs), layout.compute)
    forward.forward(parameters(brains, at), layout, np.ascontiguousarray(x[at]), right)
    given, out = backend.array(x), backend.zeros((len(brains), 1, brains.outputs), layout.compute)
    jobs: dict[str, Callable[[], object]] = {}
    first: Any = None
    for name, shape in ways(layout):
        jobs[name] = launch(forward_cuda, brains, shape, given, out)
        out[...] = np.nan
        jobs[name]()
        harness.close(f"think {text} {brains.dtype.name}, {name}", backend.host(out)[at], right, BOUND)
        first = out.copy() if first is None else first
        if not bool((out == first).all()):
            raise harness.Invalid(f"think {text}, {name}: other bits than the first way has. Nothing is reported.")
    times = harness.interleave(
        jobs, request.repeats or 11, before=roof.sweeper(backend), clock=harness.clock(backend), limit=30.0
    )
    taken = forward_cuda.shape(layout, len(brains))
    chosen = "run-time sizes" if taken is None else name_of(taken)
    best = harness.fastest(times)
    return {
        "layers": text,
        "dtype": brains.dtype.name,
        "agents": len(brains),
        "bytes_per_brain": layout.row_bytes,
        **best.row(),
        "winner": best.name,
        "chosen": chosen,
        "chosen_ms": times[chosen].median * 1e3 if chosen in times else None,
        "lost": times[chosen].median / best.median if chosen in times else None,
        **{f"{name} ms": timing.median * 1e3 for name, timing in times.items()},
    }


def ways(layout: Layout) -> Iterator[tuple[str, Any]]:
    """Names and shapes of all launches that this layout's activations leave room for."""
    from swarm.brain.forward_cuda import SHARED, Shape

    widest = max([layout.inputs, *(layer.outputs for layer in layout.layers)])
    size = 2 * layout.compute.itemsize * (widest + 40)
    shapes = [Shape(tile, 1, block) for tile in TILES for block in BLOCKS if block // tile * size <= SHARED]
    shapes += [Shape(32, team, 32 * team) for team in TEAMS if size <= SHARED]
    return ((name_of(shape), shape) for shape in shapes)


def name_of(shape: Any) -> str:
    """ "tile 8 x 128", "team 8"."""
    return f"team {shape.team}" if shape.team > 1 else f"tile {shape.tile} x {shape.block}"


def launch(kernels: Any, brains: Brains, shape: Any, x: Any, out: Any) -> Callable[[], object]:
    """The job that launches forward.cu in this shape."""
    macros = kernels.macros(brains.layout, shape, x.dtype == np.float32)
    kernel = brains.backend.device.module("swarm.brain.forward", **macros)["forward"]
    count = np.int32(len(brains))

    def job() -> None:
        kernel(len(brains), None, np.uint32(0), count, brains.rows, x, out, block=shape.block, per=shape.per)

    return job
