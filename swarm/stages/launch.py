"""What launches of stage kernels share: where columns lie on the device, and whom a fault is blamed on."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column


def site(world: Any, table: Any) -> np.uint32:
    """The running system and the table in one word, as site.cuh takes it apart."""
    return np.uint32(world.step_number << 16 | table.index)


def whole(table: Any, column: Column) -> tuple[Any, int, int]:
    """(array of all `capacity` rows that holds the column, elements a row, the place of the column's first one)."""
    start = 0
    while column.parent is not None:
        start += column.part.indices(column.parent.shape[-1])[0] if column.part is not None else 0
        column = column.parent
    return table.storage[column], int(np.prod(column.shape, dtype=int)), start


def flat(table: Any, column: Column) -> tuple[Any, int]:
    """(the device array from the column's first element in row 0 on, elements a row)."""
    array, step, start = whole(table, column)
    return (array.reshape(-1)[start:] if start else array), step


def steps(**steps: int) -> dict[str, int]:
    """The macros for columns of two numbers that are parts of wider rows; those that stand alone need none."""
    return {name: step for name, step in steps.items() if step != 2}


def sides(world: Any) -> tuple[np.float32, np.float32]:
    """Width and height of the world, m."""
    return np.float32(world.size[0]), np.float32(world.size[1])


def both(x: Any, y: Any) -> np.uint64:
    """Two float32 in one argument, where eight would not do; site.cuh takes them apart."""
    low, high = np.array([x, y], np.float32).view(np.uint32).tolist()
    return np.uint64(high << 32 | low)
