"""Inference on CUDA: which kernel serves a pool, with how many lanes for a brain, and the launches.

    forward.cu        a module for each layout, sizes known to the compiler: pools worth compiling for
    forward_any.cu    sizes at run time: deep networks, small pools, all groups of a mixed pool in one launch
    batch_cuda.py     several samples for a brain, shared inputs, pools shared by agents

All keep the CPU kernels' order of additions, so that results have equal bits; which kernel and how many lanes serve a
pool changes its time only. `TILES` and `WARPS` were chosen by counting bytes, lanes and warps, not by measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from swarm.backend import cuda
from swarm.brain.mlp import Layout
from swarm.errors import CapacityError

TILES = ((0, 8), (8192, 16), (32768, 32))  # from so many bytes of a row on: lanes for a brain
WARPS = 4096  # that keep a large card busy; with fewer, and long rows, a block takes a brain
TEAM = 8  # warps of such a block
LONG = 65536  # bytes of a row from which a block is worth its barriers
BLOCK = 128  # threads
SHARED = 48 << 10  # bytes of shared memory a block may have
DEEPEST = 4  # layers that a kernel spells out
WORTH = 1 << 20  # parameters from which a layout gets a kernel of its own

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
        from swarm.brain import batch_cuda

        batch_cuda.forward_batch(rows, layout, x, out, brain)
    elif len(out):
        launch(cuda.current(), rows, layout, x, out, len(out))


def launch(
    device: Any, rows: Any, layout: Layout, x: Any, out: Any, capacity: int, world: Any = None, table: int = 0
) -> None:
    """out [capacity][O] from x [capacity][I] with own brains. With a world's ledger, only `table`'s living are computed.

    x and out are float32, or float64 where the rows are. May be captured, unless activations do not fit in shared memory.
    """
    found = shape(layout, capacity)
    single = x.dtype == np.float32
    if found is None or len(layout.layers) > DEEPEST or capacity * layout.count < WORTH:
        plan = Plan.of(device, [(rows, layout, None, None, capacity)], x.dtype)
        plan.launch(x, out, world, table)
        return
    kernel = device.module("swarm.brain.forward", **macros(layout, found, single))["forward"]
    kernel(capacity, world, np.int32(table), np.int32(capacity), rows, x, out, block=found.block, per=found.per)


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
    """A launch of forward_any.cu over groups of brains: the tables it reads, on the device."""

    def __init__(self, device: Any, groups: Sequence[Any], kind: Any) -> None:
        layouts = [layout for _, layout, *_ in groups]
        widest = max(max(_widths(layout)) for layout in layouts)
        span = 1 << max(5, (widest - 1).bit_length())
        each = 2 * layouts[0].compute.itemsize * (span + 16)
        tile = max(tile_of(layout) for layout in layouts)
        block = BLOCK
        while block > 32 and block // tile * each > SHARED:
            block //= 2
        while tile < 32 and block // tile * each > SHARED:
            tile *= 2
        far = block // tile * each > SHARED
        tiles = block // tile
        table, layers, chunks = np.zeros(len(groups) + 1, GROUP), [], 0
        for entry, (rows, layout, place, alive, count) in zip(table, groups):
            entry["rows"] = rows.data.ptr
            entry["place"], entry["alive"] = (0 if one is None else one.data.ptr for one in (place, alive))
            entry["count"], entry["stride"], entry["layers"] = count, layout.stride, len(layout.layers)
            entry["layer"], entry["first"] = len(layers), chunks
            layers += layout.layers
            chunks += -(-count // tiles)
        table["first"][-1] = chunks
        xp = device.xp
        self.device, self.number = device, len(groups)
        self.blocks = min(chunks, 2048 if far else cuda.MOST_BLOCKS)
        self.block = block
        self.table = xp.asarray(table.view(np.uint8))
        self.layers = xp.asarray(np.array(layers, np.int32))
        self.scratch = xp.empty(self.blocks * tiles * 2 * span, layouts[0].compute) if far else None
        self.held = groups  # pointers are in the table
        self.macros = {
            "DTYPE": code(layouts[0]), "TILE": tile, "THREADS": block, "SPAN": span, "FAR": far,
            "SINGLE": np.dtype(kind) == np.float32,
        }  # fmt: skip

    @staticmethod
    def of(device: Any, groups: Sequence[Any], kind: Any) -> Plan:
        """The plan for groups (rows, layout, place or None, alive or None, count), of one dtype; kept and found again."""
        key = tuple(
            (rows.data.ptr, layout, *(0 if one is None else one.data.ptr for one in (place, alive)), count)
            for rows, layout, place, alive, count in groups
        )
        kept = _plans.setdefault(id(device), {})
        found = kept.get((key, str(kind)))
        if found is None or found.device is not device:
            if len(kept) > 64:
                kept.clear()
            found = kept[key, str(kind)] = Plan(device, groups, kind)
        return found

    def launch(self, x: Any, out: Any, world: Any = None, table: int = 0) -> None:
        """One launch: out [N][O] from x [N][I]."""
        kernel = self.device.module("swarm.brain.forward_any", **self.macros)["forward_any"]
        kernel(
            0, world, np.int32(table), self.table, np.int32(self.number), self.layers, x, out, self.scratch,
            block=self.block, blocks=self.blocks,
        )  # fmt: skip


_plans: dict[int, dict[Any, Plan]] = {}


def _widths(layout: Layout) -> list[int]:
    return [layout.inputs, *(layer.outputs for layer in layout.layers)]


def _list(values: Sequence[int]) -> str:
    return ",".join(map(str, values))
