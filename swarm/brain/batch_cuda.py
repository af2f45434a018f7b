"""The launches of batch.cu: many samples for one brain, shared inputs, and pools shared by agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.backend import cuda
from swarm.brain.mlp import Layout

STEM = "swarm.brain.batch"
THREADS = 128
SHARED = 48 << 10  # bytes of shared memory a block may have
FAR_BLOCKS = 1024  # of a launch whose spans lie in the device's memory
BATCH = np.dtype([("scratch", "u8")] + [(n, "i4") for n in ("layers", "stride", "samples", "each", "modulus", "spare")])
VARIANTS = tuple(
    {"DTYPE": dtype, "SAMPLES": samples, "SPAN": span, "FAR": far, "SINGLE": single}
    for dtype, samples, span, far, single in (
        (0, 64, 64, False, True), (0, 16, 256, False, True), (0, 4, 1024, False, True), (0, 4, 8192, True, True),
        (1, 16, 64, False, False), (1, 4, 64, False, True), (2, 64, 64, False, True), (3, 16, 64, False, True),
    )
)  # fmt: skip

_layers: WeakKeyDictionary[Any, dict[Layout, Any]] = WeakKeyDictionary()  # by device


def forward_batch(rows: Any, layout: Layout, x: Any, out: Any, brain: Any) -> None:
    """As `swarm.brain.forward.forward` for any B and for shared pools; equal bits with `batch_cpu.forward_batch`."""
    n, b = out.shape[:2]
    if not out.size:
        return
    device, samples = cuda.current(), n * b
    modulus = b if len(x) == 1 and n > 1 else samples
    if brain is None:
        job = Job(device, rows, layout, samples, b, modulus, samples / n, x.dtype)
        job.launch(x, out)
        return
    owner = brain.astype(np.int32, copy=False)
    if b > 1:
        owner = device.xp.repeat(owner, b)
    if not owner.flags.c_contiguous:
        owner = owner.copy()
    job = Job(device, rows, layout, samples, 1, modulus, samples / max(1, len(rows)), x.dtype)
    order = Order(lambda name, size, dtype: device.xp.empty(size, dtype), len(rows), samples)
    order.launch(device, owner)
    job.launch(x, out, owner, order)


class Order:
    """The samples of a shared pool in the order of their brains; its arrays come from `array(name, size, dtype)`."""

    def __init__(self, array: Callable[[str, int, Any], Any], pool: int, samples: int) -> None:
        self.pool, self.samples = pool, samples
        self.starts = array("starts", pool, np.int32)
        self.tiles = array("tiles", -(-pool // cuda.BLOCK), np.int32)
        self.total = array("total", 1, np.int32)
        self.sample = array("sample", samples, np.int32)

    def launch(self, device: Any, brain: Any, world: Any = None, site: int = 0) -> None:
        """Put the samples in order. With a world's ledger its living count, and a brain beyond the pool is a fault."""
        kernels, pool, many = device.module(STEM), np.int32(self.pool), np.int32(self.samples)
        tiles = -(-self.pool // cuda.BLOCK)
        device.fill(self.starts, 0)
        kernels["tally"](self.samples, world, np.uint32(site), many, brain, self.starts, pool)
        kernels["sums"](0, self.starts, pool, self.tiles, blocks=min(tiles, cuda.MOST_BLOCKS))
        kernels["starts"](0, self.starts, pool, self.tiles, self.total, blocks=min(tiles, cuda.MOST_BLOCKS))
        kernels["deal"](self.samples, world, np.uint32(site), many, brain, self.starts, pool, self.sample)


class Job:
    """A launch of `forward_batch`, with what it reads on the device. Keep it as long as a captured launch lives.

    each: samples of a brain where they stand brain by brain. average: samples that a brain has, more or less.
    """

    def __init__(
        self, device: Any, rows: Any, layout: Layout, samples: int, each: int, modulus: int, average: float, kind: Any
    ) -> None:
        widest = max(layout.inputs, *(layer.outputs for layer in layout.layers))
        span = max(64, 1 << (widest - 1).bit_length())
        size, taken = layout.compute.itemsize, 64 if average >= 32 else 16 if average > 4 else 4
        while taken > 4 and 2 * taken * (span + 1) * size + _slab(taken) * size + 8 * taken > SHARED:
            taken //= 4
        far = 2 * taken * (span + 1) * size + _slab(taken) * size + 8 * taken > SHARED
        self.blocks = min(-(-samples // taken), FAR_BLOCKS if far else cuda.MOST_BLOCKS)
        self.rows, self.layers, self.samples = rows, layers_of(device, layout), taken
        self.scratch = device.xp.empty(self.blocks * 2 * taken * (span + 1), layout.compute) if far else None
        words = np.zeros(1, BATCH)
        words["scratch"] = 0 if self.scratch is None else self.scratch.data.ptr
        words["layers"], words["stride"] = len(layout.layers), layout.stride
        words["samples"], words["each"], words["modulus"] = samples, each, modulus
        self.batch = device.xp.asarray(words.view(np.uint8))
        code = ("float32", "float64", "float16", "bfloat16").index(layout.dtype.name)
        single = np.dtype(kind) == np.float32
        macros = {"DTYPE": code, "SAMPLES": taken, "SPAN": span, "FAR": far, "SINGLE": single}
        self.kernel = device.module(STEM, **macros)["forward_batch"]

    def launch(self, x: Any, out: Any, brain: Any = None, order: Order | None = None) -> None:
        """out [samples][O] from x [..][I]; with a shared pool `brain` and the samples' order."""
        sample, total = (None, None) if order is None else (order.sample, order.total)
        given = self.batch, self.rows, self.layers, x, out, brain, sample, total
        self.kernel(0, *given, block=THREADS, blocks=self.blocks)


def layers_of(device: Any, layout: Layout) -> Any:
    """The layers as int32 [L, 5] on the device, kept as long as it."""
    kept = _layers.setdefault(device, {})
    if layout not in kept:
        kept[layout] = device.xp.asarray(np.array(layout.layers, np.int32))
    return kept[layout]


def _slab(samples: int) -> int:
    """Elements of the slab of parameters in shared memory."""
    return 32 * 32 if samples >= 16 else 16 * 128
