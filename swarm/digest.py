"""The hash of a world: a sum modulo 2^64 of 64-bit hashes keyed by id and column, so that the order of rows drops out.

Of a row with words w_0 .. w_k-1 (u32, or u8 widened), column key K and multipliers m_j = mix(K + (j + 1) g) | 1:

    hash(row) = mix(mix(id ^ K) + sum_j w_j m_j)        all modulo 2^64

A single changed word always changes the sum, because m_j is odd. mix is the finalizer of splitmix64 (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), g its increment; K comes from the names.

    rows         [n][k] u32 or u8   read      one column, one table
    multipliers  [k]    u64         read
    ids          [n]    u64         read
    out          [n]    u64         write     the row's hash

Bytes per entity: its columns' and brain's, read once, and 16. `digest_cpu.py` and `digest.cu` give equal integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.memory import words
from swarm.ecs.table import IDENTITY, Table

if TYPE_CHECKING:
    from swarm.world import World

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 1 << 20  # words the reference widens at a time


class Part(NamedTuple):
    """One hashed array: a column, the brains, the slots."""

    name: str  # such as "forager/Body.pos"
    array: Any  # [n, ...]
    ids: Any  # [n] u64, what the rows are keyed by


class Difference(NamedTuple):
    """Where two worlds differ first. `entity` is an id, or a slot or row where there is none."""

    name: str  # table and column, such as "forager/Body.pos", or "tick"
    entity: int | None
    here: Any
    there: Any

    def __str__(self) -> str:
        whom = "" if self.entity is None else f" of entity {self.entity}"
        return f"{self.name}{whom}: {self.here} against {self.there}"


def digest(world: World) -> str:
    """16 hexadecimal digits: columns, brains, tick, seed, slot generations, free slots, resources."""
    total = sum(fingerprint(world).values()) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def fingerprint(world: World) -> dict[str, int]:
    """The hash of every part by name: tables' columns in order, then slots, clock, seed and resources. Their sum
    modulo 2^64 is the world's hash."""
    with world.backend.running():
        every = list(parts(world))
        totals = world.backend.twin("swarm.digest").sums(every)
    found = {part.name: total + int(_key(part.name)) for part, total in zip(every, totals)}
    for name, value in _numbers(world).items():
        found[name] = int(_key(f"{name} {value}"))
    return {name: value & 0xFFFFFFFFFFFFFFFF for name, value in found.items()}


def difference(here: World, there: World) -> Difference | None:
    """The first difference in the order of tables and columns, at the lowest id that differs; None if there is none."""
    for name, value in _numbers(here).items():
        other = _numbers(there).get(name)
        if other != value:
            return Difference(name, None, value, other)
    ours, theirs = _named(here), _named(there)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if name not in ours or name not in theirs:
            return Difference(
                name, None, "there" if name in ours else "missing", "there" if name in theirs else "missing"
            )
        found = _compare(ours[name], theirs[name], here, there)
        if found is not None:
            return found
    return None


def _named(world: World) -> dict[str, Part]:
    with world.backend.running():
        return {part.name: part for part in parts(world)}


def parts(world: World) -> Iterator[Part]:
    """Everything that is hashed row by row; on a device arrays of the device, but for what is kept on the host."""
    for table in world.tables.values():
        ids = table.ids()
        for key in IDENTITY:
            yield Part(f"{table.name}/{key}", table.storage[key][: table.n], ids)
        for component in table.components:
            for column in component.columns:
                if column.parent is None:
                    yield Part(f"{table.name}/{column.key}", table.column(column), ids)
        yield from _brains(table, ids)
    used = world.ids.xp.arange(world.ids.used, dtype=np.uint64)
    yield Part("slots/generation", world.ids.generation[: world.ids.used], used)
    yield Part("slots/free", world.ids.free[: world.ids.used], used)
    for name, value in sorted(world.resources.items()):
        xp = world.ids.xp if isinstance(value, world.ids.xp.ndarray) else np
        array = xp.atleast_1d(xp.asarray(value))
        yield Part(f"resources/{name}", array, xp.arange(len(array), dtype=np.uint64))


def _brains(table: Table, ids: Any) -> Iterator[Part]:
    if table.brains is None:
        return
    if table.shared:
        yield Part(f"{table.name}/brain", table.brain, ids)
    for g, pool in enumerate(table.brains.groups):
        positions = pool.backend.array(pool.positions)
        keys = positions.astype(np.uint64) if table.shared else ids[positions]
        name = "brains" if len(table.brains.groups) == 1 else f"brains {g}"
        yield Part(f"{table.name}/{name} {pool.mlp} {pool.dtype.name}", pool.rows[: len(pool)], keys)


def _numbers(world: World) -> dict[str, Any]:
    numbers: dict[str, Any] = {"tick": world.tick, "seed": world.seed, "size": world.size, "dt": world.dt}
    if world.worlds > 1:
        numbers |= {"seeds": world.seeds.tolist(), "ticks": world.ticks.tolist()}
    return numbers


def _compare(a: Part, b: Part, here: World, there: World) -> Difference | None:
    (ids, hashes, order), (ids2, hashes2, order2) = _by_id(a, here), _by_id(b, there)
    lonely = np.setxor1d(ids, ids2, assume_unique=True)
    if len(lonely):
        who = int(lonely[0])
        return Difference(a.name.split("/")[0], who, *("lives" if who in i else "does not live" for i in (ids, ids2)))
    differ = np.flatnonzero(hashes != hashes2)
    if not len(differ):
        return None
    k = int(differ[0])
    row, row2 = (w.backend.host(p.array[at : at + 1])[0] for w, p, at in ((here, a, order[k]), (there, b, order2[k])))
    return Difference(a.name, int(ids[k]), _short(row, row2), _short(row2, row))


def _by_id(part: Part, world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and hashes of a part's rows in id order, and that order, on the host."""
    with world.backend.running():
        ids, hashes = world.backend.host(part.ids), world.backend.twin("swarm.digest").hashes(part)
    order = np.argsort(ids)
    return ids[order], hashes[order], order


def _short(row: np.ndarray, other: np.ndarray) -> Any:
    """A row, or of a long one the first element that differs."""
    if row.size <= 8 or row.shape != other.shape:
        return row.tolist() if row.size <= 8 else row.shape
    at = int(np.flatnonzero(row.reshape(-1).view(np.uint8) != other.reshape(-1).view(np.uint8))[0]) // row.itemsize
    return f"[{at}] = {row.reshape(-1)[at]}"


# ---------------------------------------------------------------------- hashing


def sums(parts: Sequence[Part], kernel: Callable[..., None] | None = None) -> list[int]:
    """The sum of the hashes of every part's rows, modulo 2^64."""
    return [int(hashes(part, kernel).sum(dtype=np.uint64)) for part in parts]


def hashes(part: Part, kernel: Callable[..., None] | None = None) -> np.ndarray:
    """The hash [n] u64 of every row of a part, on the host. kernel: what takes the place of `row_hashes`."""
    out = np.empty(len(part.array), np.uint64)
    if len(out):
        rows, key = words(np.ascontiguousarray(part.array)), key_of(part)
        steps = np.arange(1, rows.shape[1] + 1, dtype=np.uint64)
        (kernel or row_hashes)(rows, mix(key + steps * _GOLDEN) | np.uint64(1), part.ids, key, out)
    return out


def key_of(part: Part) -> np.uint64:
    """What a part's rows are keyed by, besides their ids."""
    return _key(f"{part.name} {part.array.dtype.name} {part.array.shape[1:]}")


def _key(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def mix(x: np.ndarray) -> np.ndarray:
    """splitmix64's finalizer, u64 [...]."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def row_hashes(rows: np.ndarray, multipliers: np.ndarray, ids: np.ndarray, key: np.uint64, out: np.ndarray) -> None:
    """Fill `out` [n] u64 with mix(mix(ids ^ key) + rows @ multipliers)."""
    step = max(1, _CHUNK // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        products = rows[some].astype(np.uint64) * multipliers
        out[some] = mix(mix(ids[some] ^ key) + products.sum(axis=1, dtype=np.uint64))
