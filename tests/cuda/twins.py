"""The same world on the CPU and on a CUDA device, and what it takes to compare them: rows by id, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import swarm


def host(world: swarm.World, array: Any) -> np.ndarray:
    """An array of the world on the host."""
    return np.asarray(world.backend.host(array))


def columns(world: swarm.World) -> dict[str, np.ndarray]:
    """Every column and identity of every table, in id order, and the resources, as arrays on the host."""
    found = {}
    for table in world.tables.values():
        slots = host(world, table.slots).astype(np.uint64)
        order = np.argsort(slots << np.uint64(32) | host(world, table.generations))
        for key, array in table.storage.items():
            name = key if isinstance(key, str) else key.key
            found[f"{table.name}/{name}"] = host(world, array)[: table.n][order]
    for name, value in world.resources.items():
        found[f"resources/{name}"] = host(world, value)
    return found


def differing(one: swarm.World, two: swarm.World) -> list[str]:
    """Names of what is not equal bit by bit, with how many rows of it."""
    ours, theirs = columns(one), columns(two)
    if ours.keys() != theirs.keys():
        return sorted(ours.keys() ^ theirs.keys())
    found = []
    for name, array in ours.items():
        other = theirs[name]
        if array.shape != other.shape or array.dtype != other.dtype:
            found.append(f"{name}: {array.dtype} {array.shape} against {other.dtype} {other.shape}")
        elif array.tobytes() != other.tobytes():
            rows = (array != other).reshape(len(array), -1).any(axis=1)
            found.append(f"{name}: {rows.sum()} of {len(rows)}, first {np.flatnonzero(rows)[:3]}")
    return found


def same(one: swarm.World, two: swarm.World, when: str = "", besides: str = " ") -> None:
    """Fail with what is not equal bit by bit, other than what begins with `besides`."""
    found = [name for name in differing(one, two) if not name.startswith(besides)]
    if found:
        raise AssertionError(f"{when}: {'; '.join(found)}")


def both(make: Callable[[str], swarm.World], ticks: int = 1) -> tuple[swarm.World, swarm.World]:
    """The worlds that `make(backend)` gives on the CPU and on CUDA, after so many ticks; they are equal in all bits."""
    one, two = make("cpu"), make("cuda")
    for t in range(ticks):
        one.step()
        two.step()
        same(one, two, f"tick {t}")
    return one, two
