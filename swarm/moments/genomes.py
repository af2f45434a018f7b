"""Genomes: the parameters of brains, each stored once for all moments that hold its entity.

A brain changes at birth and by edits only, so a moment keeps a number per entity and its row is here. A row is known by
a mark, the hash of its bits keyed by the entity's id (`swarm.digest`): an edit, or a system that teaches, makes another
mark and so another row. Whatever has changed a brain, a moment gives back what it was.

    blocks   [k][each, P]    rows without gaps, dense: rows 0 .. n-1 are held, a freed one is filled by the last
    owner    [capacity] i32  which number the row at this place has; from n on the numbers that are free
    place    [capacity] i32  the way back
    refs     [capacity] i32  how many moments hold the number
    mark     [capacity] u64  0 = free
    latest   [slots]    i32  the number last seen in a slot of the world, -1 = none

Bytes: P of a genome, 20 with it, 4 a slot. A block has an eighth of the first population, at most 256 KiB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 18  # bytes
LEAST = 16  # rows
_BOOK = {"owner": np.int32, "place": np.int32, "refs": np.int32, "mark": np.uint64}


class Genomes:
    """The genomes of one architecture in one table: rows of `width` parameters, at first `count` of them."""

    def __init__(self, width: int, dtype: np.dtype, count: int = 0) -> None:
        self.width, self.dtype = width, dtype
        self.n = 0
        self.row_bytes = width * dtype.itemsize
        self.each = min(max(LEAST, count // 8), max(1, BLOCK // self.row_bytes))
        self.blocks: list[np.ndarray] = []
        for name, kind in _BOOK.items():
            setattr(self, name, np.zeros(0, kind))
        self.latest = np.full(0, -1, np.int32)

    owner: np.ndarray
    place: np.ndarray
    refs: np.ndarray
    mark: np.ndarray

    @property
    def bytes(self) -> int:
        """Of all arrays held here."""
        return self.bytes_with(self.n)

    def bytes_with(self, n: int, slots: np.ndarray | None = None) -> int:
        """What `bytes` would be with n rows here, and once entities in `slots` have been seen."""
        blocks = -(-n // self.each)
        capacity = max(len(self.owner), blocks * self.each)
        return blocks * self.each * self.row_bytes + 20 * capacity + 4 * self._wide(0 if slots is None else _top(slots))

    def find(self, slots: np.ndarray, marks: np.ndarray, everywhere: bool = False) -> np.ndarray:
        """Numbers i32 [N] of the genomes of entities in `slots` [N] with `marks` [N] u64; -1 where none is here.

        everywhere: not only among those last seen in these slots.
        """
        self._room(0, _top(slots))
        if not self.n:
            return np.full(len(slots), -1, np.int32)
        numbers = self.latest[slots]
        found = np.where((numbers >= 0) & (self.mark[numbers] == marks), numbers, np.int32(-1))
        rest = np.flatnonzero(found < 0)
        if everywhere and len(rest):
            held = self.owner[: self.n]
            held = held[np.argsort(self.mark[held])]
            at = np.minimum(np.searchsorted(self.mark[held], marks[rest]), self.n - 1)
            found[rest] = np.where(self.mark[held[at]] == marks[rest], held[at], np.int32(-1))
        return found

    def add(self, slots: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Numbers i32 [K] for new genomes, held once; their rows are filled by `write`."""
        count = len(slots)
        self._room(count, _top(slots))
        numbers = self.owner[self.n : self.n + count].copy()
        self.n += count
        self.mark[numbers], self.refs[numbers] = marks, 1
        self.latest[slots] = numbers
        return numbers

    def seen(self, slots: np.ndarray, numbers: np.ndarray) -> None:
        """These genomes live in these slots now: a world was put back to a moment that holds them."""
        self._room(0, _top(slots))
        self.latest[slots] = numbers

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        """Fill genomes [K] with rows [K, P]."""
        for at, block, where in self._blocks(numbers):
            block[where] = rows[at]

    def read(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(which of `numbers` [K], their rows) in runs, a block at a time."""
        for at, block, where in self._blocks(numbers):
            yield at, block[where]

    def hold(self, numbers: np.ndarray) -> None:
        """One more moment holds these, each named once."""
        self.refs[numbers] += 1

    def drop(self, numbers: np.ndarray) -> None:
        """A moment that held these is gone; what nobody holds any more is freed and the rows close up."""
        self.refs[numbers] -= 1
        gone = numbers[self.refs[numbers] == 0]
        if not len(gone):
            return
        self.mark[gone] = 0
        n = self.n - len(gone)
        places = self.place[gone]
        holes = places[places < n]
        last = np.arange(n, self.n, dtype=np.int32)
        movers = self.owner[last[self.refs[self.owner[last]] > 0]]
        for at, rows in self.read(movers):
            for part, block, where in _by_block(self.blocks, self.each, holes[at]):
                block[where] = rows[part]
        self.owner[holes], self.place[movers] = movers, holes
        self.owner[n : self.n] = gone
        self.place[gone] = last
        self.n = n
        del self.blocks[-(-n // self.each) :]

    def _blocks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return _by_block(self.blocks, self.each, self.place[numbers])

    def _room(self, count: int, slots: int) -> None:
        blocks = -(-(self.n + count) // self.each)
        while len(self.blocks) < blocks:
            self.blocks.append(np.empty((self.each, self.width), self.dtype))
        old, capacity = len(self.owner), blocks * self.each
        if capacity > old:
            for name, kind in _BOOK.items():
                made = np.zeros(capacity, kind)
                made[:old] = getattr(self, name)
                setattr(self, name, made)
            self.owner[old:] = self.place[old:] = np.arange(old, capacity)
        if slots > len(self.latest):
            made = np.full(self._wide(slots), -1, np.int32)
            made[: len(self.latest)] = self.latest
            self.latest = made

    def _wide(self, slots: int) -> int:
        """How long `latest` is once so many slots were seen."""
        known = len(self.latest)
        return known if slots <= known else -(-(slots + slots // 8) // 64) * 64


def _by_block(
    blocks: list[np.ndarray], each: int, places: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(which of `places` [K], the block they lie in, their rows there) for every block that has some."""
    order = np.argsort(places, kind="stable")
    sorted_ = places[order]
    which = sorted_ // each
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(places)]):
        k = int(which[start])
        yield order[start:stop], blocks[k], sorted_[start:stop] - k * each


def _top(slots: np.ndarray) -> int:
    return int(slots.max()) + 1 if len(slots) else 0
