"""What the launches that write rows share: the layout as kernels see it, index arrays, rows from here to there."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.backend.rng import key
from swarm.brain.mlp import Layout
from swarm.errors import BackendError

DTYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}  # the macro DTYPE of row.cuh
BLOCKS = 2048  # most blocks of a launch that does not know how many births there are; idle ones take time, too

_plans: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()  # by device, then layout, sigma and rate


def spans(layout: Layout) -> int:
    """How many spans a brain has; draw.cuh says what they are."""
    return -(-layout.count // (128 if layout.dtype.itemsize == 2 else 64))


def lanes(layout: Layout) -> int:
    """Threads that one brain occupies."""
    return 16 * spans(layout)


def plan_bytes(layout: Layout, sigma: float, rate: float) -> np.ndarray:
    """The `Plan` of draw.cuh with its parts and blocks, uint8."""
    parts, blocks = [], []
    for block in layout.blocks:
        unit = sum(layer.outputs for layer in layout.layers[: block.layer])
        blocks.append((block.first, block.start, layout.layers[block.layer].outputs, unit))
        if not parts or parts[-1][1] != block.start - block.first:
            parts.append((block.first, block.start - block.first))
    pieces = [
        np.array([layout.count, layout.stride, spans(layout), len(parts), len(blocks)], np.int32),
        np.array([rate], np.float32),
        np.array([sigma], layout.compute),
        np.array(parts, np.int32),
        np.array(blocks, np.int32),
    ]
    return np.concatenate([np.ascontiguousarray(piece).reshape(-1).view(np.uint8) for piece in pieces])


def plan(device: Any, layout: Layout, sigma: float = 0.0, rate: float = 1.0) -> Any:
    """The plan on the device, for one launch."""
    return device.xp.asarray(plan_bytes(layout, sigma, rate))


def kept_plan(device: Any, layout: Layout, sigma: float, rate: float) -> Any:
    """The plan on the device, kept as long as the device: captured launches hold its address."""
    held = _plans.setdefault(device, {})
    name = (layout, float(sigma), float(rate))
    if name not in held:
        if device.capturing:
            raise BackendError(f"births of {layout.count:,} parameters: run once before the launch is captured.")
        held[name] = plan(device, layout, sigma, rate)
    return held[name]


def table(device: Any, *columns: Any) -> Any:
    """int32 [columns][K] on the device from index arrays [K] of any integer type, each on the host or the device."""
    xp = device.xp
    if all(isinstance(column, np.ndarray) for column in columns):
        return xp.asarray(np.stack([column.astype(np.uint32).view(np.int32) for column in columns]))
    found = xp.empty((len(columns), len(columns[0])), np.int32)
    for k, column in enumerate(columns):
        if isinstance(column, np.ndarray):
            column = xp.asarray(column.astype(np.uint32).view(np.int32))
        found[k] = column.astype(np.int32)
    return found


def when(tick: int, seed: int) -> tuple[np.uint32, np.uint64]:
    """Tick and seed as kernels take them."""
    low, high = key(seed)
    return np.uint32(tick & 0xFFFFFFFF), np.uint64(high << 32 | low)
