"""The launches of init.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.brain.draw_cuda import DTYPES, lanes, plan, table, when
from swarm.brain.init import scales
from swarm.brain.mlp import Layout

STEM = "swarm.brain.init"
VARIANTS = tuple({"DTYPE": number} for number in DTYPES.values())


def fill(rows: Any, layout: Layout, at: Any, slots: Any, generations: Any, tick: int, seed: int, scheme: str) -> None:
    """As `init.fill`; the index arrays may be on the host or the device. The bits of `init_cpu.fill`."""
    if not len(at):
        return
    device = cuda.current()
    fill = device.module(STEM, DTYPE=DTYPES[layout.dtype.name])["fill"]
    sizes = device.xp.asarray(np.array(scales(layout, scheme), layout.compute))
    births = table(device, at, slots, generations)
    scalars = (np.int32(len(at)), *when(tick, seed), np.int32(scheme == "uniform"))
    fill(len(at), rows, plan(device, layout), sizes, births, *scalars, per=lanes(layout))
