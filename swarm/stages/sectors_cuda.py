"""The launch of sectors.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.grid import check_radius, find
from swarm.stages.launch import flat, site, steps
from swarm.stages.sectors import cost  # noqa: F401  (shared with the reference)

STEM = "swarm.stages.sectors"
VARIANTS = tuple(
    {"NSECTORS": n, "COUNTING": counting, "KIN": kin, "WARPS": warps, "SHARED": shared}
    for n, warps, shared in ((8, 8, True), (13, 8, True), (70, 5, True), (400, 1, False))
    for counting in (False, True)
    for kin in (False, True)
) + ({"NSECTORS": 8, "COUNTING": False, "KIN": True, "WARPS": 8, "SHARED": True, "POS_STEP": 4},)
_SHARED = 48 * 1024  # bytes of shared memory that any block gets
_WARPS = 8


def look(stage: Any, world: Any, part: Any, seeker: Any, out: Any, width: int) -> None:
    """Fill columns 0 .. n of `out`, which begins in row 0 of rows of `width` numbers, for one table's seekers.

    Raises `ScheduleError` without this tick's index, `SettingsError`.
    """
    check_radius(part.radius, world.size, "Sectors")
    grid = find(world, part.of, part.radius, "sense")
    table, own = seeker.table, seeker.own
    base = own.base[own.tables.index(table)] if own is not None else 0
    seekers = max(table.capacity, sum(t.capacity for t in own.tables) if own is not None else 0)
    warps = min(_WARPS, _SHARED // (4 * 32 * part.n))
    pos, step = flat(table, seeker.column)
    kernels = cuda.current().module(
        STEM, NSECTORS=part.n, COUNTING=part.reduce == "count", KIN=own is grid, WARPS=max(1, warps), SHARED=warps > 0,
        **steps(POS_STEP=step),
    )  # fmt: skip
    places = pos, grid.device, None if own is None else own.device
    numbers = out, radius_and_edges(stage.scratch(world).arrays, part)
    ledger, block = world.ledger.array, 32 * max(1, warps)
    form = np.uint64(width << 32 | base)
    kernels["sectors"](seekers, ledger, site(world, table), form, *places, *numbers, block=block)


def radius_and_edges(arrays: dict[Any, Any], part: Any) -> Any:
    """float32 [1 + 2 n] on the device, kept in `arrays`."""
    found = arrays.get(part)
    if found is None:
        numbers = np.concatenate([[np.float32(part.radius)], part.edges.ravel()]).astype(np.float32)
        found = arrays[part] = cuda.current().xp.asarray(numbers)
    return found
