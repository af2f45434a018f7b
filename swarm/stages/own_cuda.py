"""The launches of own.cu: all the numbers that agents feel of themselves, in one."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.stages.launch import site, whole
from swarm.stages.own import Own

STEM = "swarm.stages.own"
VARIANTS = ({"FEELS": 1}, {"FEELS": 3})
KINDS = ("float32", "float64", "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FEEL_BYTES = 24  # struct Feel


def knows(part: Any) -> bool:
    """Whether own.cu can read what this sense is made of."""
    return type(part) is Own and part.column.dtype.name in KINDS


def feel(stage: Any, world: Any, table: Any, parts: list[tuple[Own, int]], out: Any, width: int) -> None:
    """Fill columns of `out`, which begins in row 0 of rows of `width` numbers: those of each part from its place on."""
    arrays, total = stage.scratch(world).arrays, sum(part.width for part, _ in parts)
    kernels = cuda.current().module(STEM, FEELS=total)
    sources = [whole(table, part.column)[0] for part, _ in parts]
    known = arrays.get(("feel", table.index))
    if known is None or any(a is not b for a, b in zip(known[0], sources, strict=True)):
        known = sources, cuda.current().xp.zeros(total * FEEL_BYTES // 8, np.uint64)
        if not cuda.current().capturing:  # memory that moves ends a recording, and what it held is not done
            arrays["feel", table.index] = known
        _bind(kernels["bind"], known[1], table, parts)
        cuda.current().changed()
    kernels["own"](table.capacity, world.ledger.array, site(world, table), known[1], out, np.int32(width), per=total)


def _bind(bind: Any, feels: Any, table: Any, parts: list[tuple[Own, int]]) -> None:
    """Tell the struct of every number where it is found."""
    k = 0
    for part, at in parts:
        array, step, start = whole(table, part.column)
        numbers, kind = array.view(np.uint8).reshape(-1), np.int32(KINDS.index(part.column.dtype.name))
        size = part.column.dtype.itemsize
        for number in range(part.width):
            first = numbers[(start + number) * size :]
            where = np.int32(step * size), kind, np.int32(at + number), np.float32(part.scale)
            bind(1, feels, np.int32(k), first, *where, block=32)
            k += 1
