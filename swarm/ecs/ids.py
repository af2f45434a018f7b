"""Ids: slot << 32 | generation, so that among the living the order of ids is the order of slots.

Slots are global to a world. A slot that falls free is given out again from the next tick on, the lowest free slot
first, with a higher generation: which id a newborn gets depends only on ids. Slot 0 is never used: id 0 means nobody.

W worlds in one: slot s is slot s // W of world s % W, so each has slots of its own, in the order it has alone, and
gives out its own lowest free ones. Its slot 0 is never used either.

    generation [slots] u32  read|write   how often the slot was given out; 0 = never
    table      [slots] i32  read|write   index of the table that holds the living entity; -1 = nobody lives here
    row        [slots] i32  read|write   its row there
    died       [slots] i64  read|write   tick in which the last generation died; -1 = never
    free       [slots] bool read|write   may be given out

21 bytes per slot. `take` reads `free` up to the last slot it gives out; `in_order` reads 8 bytes per slot, in order.
The functions behind `Ids` are the kernels: NumPy here, numba in `ids_cpu.py`, arrays of CuPy in `ids_cuda.py`.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from swarm.backend.device import Backend

LAST_GENERATION = 2**32 - 1
FIRST_CAPACITY = 64
SLOT_BYTES = 21


class Ids:
    """The slots of one world, or of W independent ones; `len` counts them all.

    spare: how many are free, a number for one world, else i64 [W] on the host.
    """

    def __init__(self, backend: Backend, worlds: int = 1) -> None:
        self.backend = backend
        self.worlds = worlds
        xp = self.xp = backend.xp
        self.generation = xp.zeros(0, np.uint32)
        self.table = xp.zeros(0, np.int32)
        self.row = xp.zeros(0, np.int32)
        self.died = xp.zeros(0, np.int64)
        self.free = xp.zeros(0, np.bool_)
        self.spare: Any = 0 if worlds == 1 else np.zeros(worlds, np.int64)
        self.used = 0  # one more than the highest slot ever given out

    def __len__(self) -> int:
        return len(self.free)

    @property
    def kernels(self) -> Any:
        return self.backend.twin("swarm.ecs.ids")

    def tally(self, slots: Any) -> Any:
        """How many `slots` [K] there are: a number, or of several worlds one for each, i64 [W]."""
        return len(slots) if self.worlds == 1 else np.bincount(slots % self.worlds, minlength=self.worlds)

    def reserve(self, count: Any) -> None:
        """Have at least `count` free slots, a number or one per world; the arrays double when they grow."""
        least = int(np.min(self.spare - count))
        if least < 0:
            new = max(FIRST_CAPACITY * self.worlds, len(self))
            while least + (new - max(len(self), self.worlds)) // self.worlds < 0:
                new *= 2
            self.resize(new)

    def resize(self, slots: int) -> None:
        """Have `slots` slots, not fewer than before; the new ones are free. Raises `CapacityError` on a device."""
        old, device, made = len(self), self.backend.device, {}
        with self.backend.running() if device is not None else nullcontext():
            for name, start in (("generation", 0), ("table", -1), ("row", 0), ("died", -1), ("free", True)):
                before = getattr(self, name)
                made[name] = self.xp.full(slots, start, before.dtype)
                made[name][:old] = before
            made["free"][: self.worlds] = False
        for name, after in made.items():  # all or none
            setattr(self, name, after)
        self.spare += (slots - max(old, self.worlds)) // self.worlds
        if device is not None:
            device.changed()

    def take(self, count: int, out: np.ndarray | None = None) -> np.ndarray:
        """The `count` lowest free slots, ascending, u32, in `out`; their generations step up by one."""
        self.reserve(count)
        slots = self.xp.empty(count, np.uint32) if out is None else out
        if count:
            last = self.kernels.take(self.free, self.generation, slots)
            self.spare -= count
            self.used = max(self.used, last + 1)
        return slots

    def deal(self, beside: np.ndarray, out: np.ndarray) -> np.ndarray:
        """As `take`, for several worlds: fill `out` [K] u32 with slots of the worlds that slots `beside` [K] are of.

        Every world gives its lowest free slots, ascending, in the order in which it is asked.
        """
        counts = self.tally(beside)
        self.reserve(counts)
        if len(out):
            self.kernels.deal(self.free, self.generation, beside, counts, out)
            self.spare -= counts
            self.used = max(self.used, int(out.max()) + 1)
        return out

    def enter(self, slots: np.ndarray, table: int, rows: np.ndarray) -> None:
        """The entities in `slots` [K] now live in `rows` [K] of table number `table`."""
        slots = self.backend.array(slots)
        self.table[slots] = table
        self.row[slots] = self.backend.array(rows)

    def release(self, slots: np.ndarray, tick: Any) -> None:
        """The entities in `slots` [K] died in `tick`, a number or [K]; a slot whose generations are used up stays
        closed."""
        if len(slots):
            count = self.kernels.release(slots, tick, self.generation, self.table, self.died, self.free)
            self.spare += count if self.worlds == 1 else self.tally(slots[self.free[slots]])

    def order(self, base: np.ndarray, count: int) -> np.ndarray:
        """i32 [count]: `base[table] + row` of all living in tables with a base >= 0, in id order; base[-1] is -1."""
        out = self.xp.empty(count, np.int32)
        self.kernels.in_order(self.table[: self.used], self.row[: self.used], base, out)
        return out


def join(slots: np.ndarray, generations: np.ndarray) -> np.ndarray:
    """Ids u64 [N] from slots and generations u32 [N]."""
    return slots.astype(np.uint64) << np.uint64(32) | generations


def split(id: int) -> tuple[int, int]:
    """Slot and generation of an id."""
    return int(id) >> 32, int(id) & 0xFFFFFFFF


def where(flags: np.ndarray, out: np.ndarray) -> int:
    """Fill `out` i32 with the places where `flags` [n] bool is set, ascending, and return how many there are.

    `out` is as long as `flags`: it may be written beyond them.
    """
    found = np.flatnonzero(flags)
    out[: len(found)] = found
    return len(found)


def take(free: np.ndarray, generation: np.ndarray, out: np.ndarray) -> int:
    """Give out the lowest free slots, as many as `out` [K] u32 holds; generations step up by one. Returns the last."""
    out[:] = np.flatnonzero(free)[: len(out)]
    free[out] = False
    generation[out] += np.uint32(1)
    return int(out[-1])


def deal(free: np.ndarray, generation: np.ndarray, beside: np.ndarray, counts: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` [K] u32 with the lowest free slots of the worlds that `beside` [K] u32 are of; generations step up.

    counts i64 [W] how many of each world are asked for; so many are free.
    """
    worlds, spots = len(counts), np.flatnonzero(free)
    spots = spots[np.argsort(spots % worlds, kind="stable")]
    first = np.cumsum(np.bincount(spots % worlds, minlength=worlds)) - np.bincount(spots % worlds, minlength=worlds)
    turns = np.argsort(beside % worlds, kind="stable")
    of = (beside % worlds)[turns]
    out[turns] = spots[first[of] + np.arange(len(of)) - (np.cumsum(counts) - counts)[of]]
    free[out] = False
    generation[out] += np.uint32(1)


def release(
    slots: np.ndarray, tick: Any, generation: np.ndarray, table: np.ndarray, died: np.ndarray, free: np.ndarray
) -> int:
    """Close the books of `slots` [K] u32, each once; returns how many of them are free again."""
    table[slots] = -1
    died[slots] = tick
    again = generation[slots] != LAST_GENERATION
    free[slots] = again
    return int(again.sum())


def in_order(table: np.ndarray, row: np.ndarray, base: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` [N] i32 with `base[table] + row` for every slot whose table has a base >= 0, slot after slot.

    table, row [slots] i32; base [tables + 1] i64, -1 = not asked for, as is the last. `out` holds exactly the entries.
    """
    living = np.flatnonzero(table >= 0)
    start = base[table[living]]
    chosen = start >= 0
    out[:] = start[chosen] + row[living[chosen]]
