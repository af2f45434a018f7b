"""Inference on CUDA: which kernel serves a pool, with how many lanes for a brain, and the launches.

    forward.cu        a module for each layout, sizes known to the compiler: pools worth compiling for
    forward_any.cu    sizes at run time: deep networks, small pools, all groups of a mixed pool in one launch
    batch_cuda.py     several samples for a brain, shared inputs, pools shared by agents

All keep the CPU kernels' order of additions, and activations are the same polynomials: results have equal bits for
every layout and for float32, float64, float16 and bfloat16 rows; only which NaN a NaN is may differ. The tests hold it
(tests/cuda/test_forward.py), with kernels compiled for the host, and on a card where there is one. So which kernel and
how many lanes serve a pool changes its time only. `TILES` and `WARPS` were chosen by counting bytes, lanes and warps,
not by measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from swarm.backend import cuda
from swarm.brain import batch_cuda, vary_cuda
from swarm.brain.mlp import MLP, Layout

TILES = ((0, 8), (8192, 16), (32768, 32))  # from so many bytes of a row on: lanes for a brain
WARPS = 4096  # that keep a large card busy; with fewer, and long rows, a block takes a brain
TEAM = 8  # warps of such a block
LONG = 65536  # bytes of a row from which a block is worth its barriers
BLOCK = 128  # threads
SHARED = 48 << 10  # bytes of shared memory a block may have
DEEPEST = 4  # layers that a kernel spells out
WORTH = 1 << 20  # parameters from which a layout gets a kernel of its own
FAR_BLOCKS = 2048  # of a launch whose spans lie in the device's memory
KEPT = 16  # plans that are kept for calls outside of a world

GROUP = np.dtype(
    [("rows", "u8"), ("place", "u8"), ("alive", "u8")]
    + [(name, "i4") for name in ("count", "stride", "layers", "layer", "first", "spare")]
)


class Shape(NamedTuple):
    """How a launch covers a brain: lanes of a tile, warps that share a brain (1: several tiles a warp), threads."""

    tile: int
    team: int
    block: int

    @property
    def per(self) -> int:
        """Threads for each brain."""
        return self.tile * self.team


def forward(rows: Any, layout: Layout, x: Any, out: Any, brain: Any = None) -> None:
    """As `swarm.brain.forward.forward`, arrays on the device; x and out contiguous. Equal bits with `forward_cpu`."""
    if brain is not None or x.shape[1] != 1 or (len(x) == 1 and len(out) > 1):
        batch_cuda.forward_batch(rows, layout, x, out, brain)
    elif len(out):
        job(cuda.current(), rows, layout, len(out), x.dtype).launch(x, out)


def forward_rows(rows: Any, layout: Layout, x: Any, out: Any, at: np.ndarray, brain: np.ndarray | None = None) -> None:
    """As `swarm.brain.forward.forward_rows`, at and brain on the host: those that think are copied side by side."""
    if len(at):
        device = cuda.current()
        own = device.xp.empty((len(at), layout.stride), layout.dtype)
        vary_cuda.gather(own, rows, layout, at if brain is None else brain, np.arange(len(at)))
        places = device.xp.asarray(at)
        answers = device.xp.empty((len(at), 1, out.shape[2]), out.dtype)
        forward(own, layout, x[places], answers)
        out[places] = answers


def job(device: Any, rows: Any, layout: Layout, count: int, kind: Any) -> Fixed | Plan:
    """The launch that serves `count` brains with rows of their own; inputs and outputs of dtype `kind`."""
    found = shape(layout, count)
    if found is None or len(layout.layers) > DEEPEST or count * layout.count < WORTH:
        return Plan.of(device, [(rows, layout, None, None, count)], kind)
    macro = macros(layout, found, np.dtype(kind) == np.float32)
    return Fixed(device.module("swarm.brain.forward", **macro)["forward"], found, rows, count)


class Fixed(NamedTuple):
    """A launch of forward.cu."""

    kernel: Any
    shape: Shape
    rows: Any
    count: int

    def launch(self, x: Any, out: Any, world: Any = None, site: int = 0) -> None:
        """out [count][O] from x [count][I], float32, or float64 where the rows are. With a world's ledger only the
        living of the table in `site` are computed, and an output that is not finite is a fault. May be captured."""
        numbers = np.uint32(site), np.int32(self.count)
        launch = {"block": self.shape.block, "per": self.shape.per}
        self.kernel(self.count, world, *numbers, self.rows, x, out, **launch)


def shape(layout: Layout, count: int) -> Shape | None:
    """How to cover `count` brains; None where activations do not fit in shared memory."""
    tile = tile_of(layout)
    size = 2 * layout.compute.itemsize * (max(_widths(layout)) + 40)  # bytes of a brain's two spans
    if (layout.row_bytes >= LONG and count * tile < 32 * WARPS) or 4 * size > SHARED:
        return Shape(32, TEAM, 32 * TEAM) if size <= SHARED else None
    block = BLOCK
    while block > 32 and block // tile * size > SHARED:
        block //= 2
    while block // tile * size > SHARED:
        tile *= 2
    return Shape(tile, 1, block)


def tile_of(layout: Layout) -> int:
    """Lanes for a brain, by the bytes of its row; no more than its widest layer keeps busy."""
    tile = next(lanes for least, lanes in reversed(TILES) if layout.row_bytes >= least)
    busy = 8
    for layer in layout.layers:
        if layer.outputs not in (1, 2, 4, 8):
            columns = min(64, layer.outputs)
            vector = 16 // layout.dtype.itemsize
            while layer.outputs % vector:
                vector //= 2
            busy = max(busy, -(-columns // vector) * (2 if columns > 16 else 4))
    while tile > busy:
        tile //= 2
    return tile


def macros(layout: Layout, found: Shape, single: bool) -> dict[str, Any]:
    """What forward.cu is compiled with for a layout."""
    layers = layout.layers
    return {
        "DTYPE": code(layout),
        "LAYERS": len(layers),
        "WIDTHS": _list(_widths(layout)),
        "WEIGHTS": _list([k.weight for k in layers]),
        "BIASES": _list([k.bias for k in layers]),
        "CODES": _list([k.activation for k in layers]),
        "STRIDE": layout.stride,
        "TILE": found.tile,
        "TEAM": found.team,
        "THREADS": found.block,
        "SINGLE": single,
    }


def code(layout: Layout) -> int:
    """The macro DTYPE of row.cuh."""
    return ("float32", "float64", "float16", "bfloat16").index(layout.dtype.name)


class Plan:
    """A launch of forward_any.cu over groups of brains of one dtype, with the tables it reads on the device. Keep it as
    long as a captured launch lives. Groups are (rows, layout, place or None, alive or None, count); forward_any.cu says
    what they mean."""

    def __init__(self, device: Any, groups: Sequence[Any], kind: Any) -> None:
        layouts = [layout for _, layout, *_ in groups]
        widest, size = max(max(_widths(layout)) for layout in layouts), layouts[0].compute.itemsize
        span = max(64, 1 << (widest - 1).bit_length())
        tile, block = max(tile_of(layout) for layout in layouts), BLOCK
        while block > 32 and block // tile * 2 * (span + 16) * size > SHARED:
            block //= 2
        while tile < 32 and block // tile * 2 * (span + 16) * size > SHARED:
            tile *= 2
        far = block // tile * 2 * (span + 16) * size > SHARED
        table, layers, chunks = np.zeros(len(groups) + 1, GROUP), [], 0
        for entry, (rows, layout, place, alive, count) in zip(table, groups):
            entry["rows"] = rows.data.ptr
            entry["place"], entry["alive"] = (0 if one is None else one.data.ptr for one in (place, alive))
            entry["count"], entry["stride"], entry["layers"] = count, layout.stride, len(layout.layers)
            entry["layer"], entry["first"] = len(layers), chunks
            layers += layout.layers
            chunks += -(-count // (block // tile))
        table["first"][-1] = chunks
        self.device, self.number, self.block = device, len(groups), block
        self.blocks = min(chunks, FAR_BLOCKS if far else cuda.MOST_BLOCKS)
        self.table = device.xp.asarray(table.view(np.uint8))
        self.layers = device.xp.asarray(np.array(layers, np.int32))
        self.scratch = device.xp.empty(self.blocks * block // tile * 2 * span, layouts[0].compute) if far else None
        single = np.dtype(kind) == np.float32
        macros = {"DTYPE": code(layouts[0]), "TILE": tile, "THREADS": block, "SPAN": span, "FAR": far, "SINGLE": single}
        self.kernel = device.module("swarm.brain.forward_any", **macros)["forward_any"]

    @staticmethod
    def of(device: Any, groups: Sequence[Any], kind: Any) -> Plan:
        """The plan for these groups; one that was made for the same addresses and counts serves again."""
        key = (np.dtype(kind), *(
            (rows.data.ptr, layout, *(0 if one is None else one.data.ptr for one in (place, alive)), count)
            for rows, layout, place, alive, count in groups
        ))  # fmt: skip
        kept = _plans.setdefault(device, {})
        if key not in kept:
            plan = Plan(device, groups, kind)
            while len(kept) >= KEPT:
                del kept[next(iter(kept))]
            kept[key] = plan
        return kept[key]

    def launch(self, x: Any, out: Any, world: Any = None, site: int = 0) -> None:
        """out [N][O] from x [N][I] for all groups. With a world's ledger, a group without `alive` has as many brains as
        the table in `site` has living, and an output that is not finite is a fault. May be captured."""
        numbers = np.uint32(site), self.table, np.int32(self.number), self.layers
        self.kernel(0, world, *numbers, x, out, self.scratch, block=self.block, blocks=self.blocks)


_plans: WeakKeyDictionary[Any, dict[Any, Plan]] = WeakKeyDictionary()  # by device


def _widths(layout: Layout) -> list[int]:
    return [layout.inputs, *(layer.outputs for layer in layout.layers)]


def _list(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


def _variants() -> dict[str, tuple[dict[str, Any], ...]]:
    """What the tests compile for real cards."""
    small, wide, odd = MLP((16, 32, 4)), MLP((784, 300, 100, 10), "relu"), MLP((19, 70, 13, 2), "mish", "gelu")
    fixed = [(small, dtype, Shape(tile, 1, BLOCK)) for dtype in ("float32", "bfloat16") for tile in (4, 8, 16, 32)]
    fixed += [(small, dtype, Shape(8, 1, BLOCK)) for dtype in ("float16", "float64")]
    fixed += [(wide, dtype, Shape(32, TEAM, 32 * TEAM)) for dtype in ("float32", "bfloat16")]
    fixed += [(odd, dtype, Shape(8, 1, BLOCK)) for dtype in ("float32", "bfloat16", "float64")]
    any_ = [(dtype, 8, BLOCK, 64, False) for dtype in range(4)] + [(0, 32, 32, 8192, True)]
    names = ("DTYPE", "TILE", "THREADS", "SPAN", "FAR")
    return {
        "swarm.brain.forward": tuple(
            macros(mlp.layout(dtype), shape, dtype != "float64") for mlp, dtype, shape in fixed
        ),
        "swarm.brain.forward_any": tuple({**dict(zip(names, values)), "SINGLE": values[0] != 1} for values in any_),
    }


VARIANTS = _variants()
