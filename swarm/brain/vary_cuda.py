"""The launches of vary.cu: births, crossover and copies of rows.

Functions without `_on` are for calls outside of a tick: index arrays on the host or the device, tick and seed as
numbers. Those with `_on` are for the barrier and may be captured: how many rows there are, whether the barrier goes
through, tick and seed are read on the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.brain.draw_cuda import BLOCKS, DTYPES, kept_plan, lanes, plan, table, when
from swarm.brain.mlp import Layout

STEM = "swarm.brain.vary"
VARIANTS = tuple({"DTYPE": number} for number in DTYPES.values())


def inherit(
    rows: Any,
    layout: Layout,
    parents: Any,
    children: Any,
    slots: Any,
    generations: Any,
    tick: int,
    seed: int,
    sigma: float,
    rate: float,
) -> None:
    """As `vary.inherit`. The bits of `vary_cpu.inherit`."""
    count = len(children)
    if not count:
        return
    if sigma == 0 or rate == 0:
        gather(rows, rows, layout, parents, children)
        return
    device = cuda.current()
    births = table(device, parents, children, slots, generations)
    how = plan(device, layout, sigma, rate)
    _module(device, layout)["inherit"](count, rows, how, births, np.int32(count), *when(tick, seed), per=lanes(layout))


def cross(
    rows: Any,
    layout: Layout,
    first: Any,
    second: Any,
    children: Any,
    slots: Any,
    generations: Any,
    tick: int,
    seed: int,
    units: bool,
) -> None:
    """As `vary.cross`. The bits of `vary_cpu.cross`."""
    count = len(children)
    if not count:
        return
    device = cuda.current()
    births = table(device, first, second, children, slots, generations)
    sizes = (np.int32(count), *when(tick, seed), np.int32(units))
    _module(device, layout)["cross"](count, rows, plan(device, layout), births, *sizes, per=lanes(layout))


def gather(to: Any, rows: Any, layout: Layout, source: Any, target: Any) -> None:
    """Rows source[k] of `rows` over rows target[k] of `to`; of one array where no row is read and written."""
    if len(target):
        device, width = cuda.current(), _width(layout)
        pairs = table(device, source, target)
        _module(device, layout)["copy"](len(target), to, rows, pairs, np.int32(len(target)), np.int32(width), per=width)


def move(rows: Any, layout: Layout, source: Any, target: Any) -> None:
    """As `vary.move`."""
    gather(rows, rows, layout, source, target)


def inherit_on(
    world: Any,
    rows: Any,
    layout: Layout,
    parents: Any,
    children: Any,
    slots: Any,
    generations: Any,
    count: Any,
    sigma: float,
    rate: float,
) -> None:
    """Births in the barrier, where the world's `go` is set.

    world: the ledger's array. parents, children [most] i32 rows, slots [most] u32 of the children; of these the first
    `count` [1] i32 count. generations [slots] u32: the generation of every slot, as the registry has it. No child is
    another one's parent; a child may be its own.
    """
    device, most = cuda.current(), len(children)
    module = _module(device, layout)
    if sigma == 0 or rate == 0:
        move_on(world, rows, layout, parents, children, count)
        return
    births = (parents, children, slots, generations, count)
    blocks = _blocks(most * lanes(layout))
    module["inherit_on"](most, world, rows, kept_plan(device, layout, sigma, rate), *births, blocks=blocks)


def move_on(world: Any, rows: Any, layout: Layout, source: Any, target: Any, count: Any) -> None:
    """Copies of rows in the barrier, where the world's `go` is set; source, target [most] i32, of which `count` [1]."""
    width, most = _width(layout), len(target)
    copy = _module(cuda.current(), layout)["copy_on"]
    copy(most, world, rows, source, target, count, np.int32(width), blocks=_blocks(most * width))


def _module(device: Any, layout: Layout) -> Any:
    return device.module(STEM, DTYPE=DTYPES[layout.dtype.name])


def _width(layout: Layout) -> int:
    """Sixteen bytes, how many to a row."""
    return layout.row_bytes // 16


def _blocks(threads: int) -> int:
    return min(BLOCKS, -(-threads // cuda.BLOCK))
