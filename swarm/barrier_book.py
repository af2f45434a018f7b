"""The books that the barrier's kernels work from: which arrays, requests and columns each table has; see barrier.cuh.

A `Plan` is what one barrier launches: the books of the tables that have births or deaths, as they lie on the device.
It is made when something has moved or something else was asked for, which its `key` tells, and used again otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.mixed import MixedBrains
from swarm.ecs.admission_cuda import STATE_BYTES
from swarm.ecs.component import Column
from swarm.ecs.memory import Scratch
from swarm.ecs.table import IDENTITY, Birth, Table, part

if TYPE_CHECKING:
    from swarm.world import World

TILE, CROWD = 2048, 1024  # as in barrier.cuh
_LINE = 16  # bytes; what everything in the books is aligned to


def _struct(pointers: str, numbers: str) -> np.dtype:
    return np.dtype([*((name, "u8") for name in pointers.split()), *((name, "i4") for name in numbers.split())])


BOOK = _struct(
    "state totals dying slots generations parents born generation table row died free requests values fields counted "
    "start slot_sums free_list key arrival group asked parent nth parent_slot let_asked let_parent let_slot admission "
    "priority sums child row_sums list moved plain_parent plain_child plain_slot heir_row heir_slot",
    "index capacity cap most requested valued fielded registered needed dies finds _",
)
REQUEST = _struct("rows count", "most start")
VALUE = _struct("target source", "request stride step unit units _")
FIELD = _struct("rows fresh", "unit units inherits _")
TOTALS = _struct("", "children spare released _")
STATE = _struct("", "asked births deaths children after first plain heirs holes movers _0 _1")

_BIRTHS = {  # [most]
    name: np.dtype(dtype)
    for name, dtype in {
        **dict.fromkeys(("arrival", "group", "asked", "parent", "nth", "child", "heir_row"), "i4"),
        **dict.fromkeys(("plain_parent", "plain_child"), "i4"),
        **dict.fromkeys(("key", "parent_slot", "plain_slot", "heir_slot"), "u4"),
    }.items()
}
_ADMITTED = {"let_asked": "i4", "let_parent": "i4", "let_slot": "u4", "priority": "u8"}  # [most], under a cap


class Entry:
    """One table of a plan."""

    def __init__(self, world: World, table: Table, number: int, scratch: Scratch) -> None:
        self.table, self.number = table, number
        self.births = tuple(table.births)
        self.most = sum(len(birth.rows) for birth in self.births)
        self.dies = bool(table.deaths)
        self.capped = table.cap is not None and any(birth.admitted != table.cap for birth in self.births)
        self.brains = table.own_brains
        self.mixed = isinstance(self.brains, MixedBrains)
        mutation = table.mutation
        self.mutates = self.brains is not None and not (self.mixed or mutation is None or mutation.nothing)
        self.capacity = table.capacity if self.brains is None else min(table.capacity, self.brains.capacity)
        self.arrays = dict(self._arrays(len(world.ids), scratch))
        self.plain: Any = None  # i32 [1], how many children are no heirs, and how many are
        self.heirs: Any = None
        self.units = 1  # copies of the widest column or brain

    def _arrays(self, slots: int, scratch: Scratch) -> Iterator[tuple[str, Any]]:
        """The lists; those that are used up before the next table's turn are one for all tables."""

        def own(name: str, count: int, dtype: Any) -> tuple[str, Any]:
            return name, scratch.array(f"{self.table.index} {name}", count, dtype)

        if self.most:
            for name, dtype in _BIRTHS.items():
                yield own(name, self.most, dtype)
            yield own("sums", -(-self.most // CROWD), np.int32)
            yield "counted", scratch.array("counted", slots, np.int32)
            yield "start", scratch.array("start", slots, np.int32)
            yield "slot_sums", scratch.array("slot_sums", -(-slots // TILE), np.uint64)
        if self.most and self.capped:
            for name, dtype in _ADMITTED.items():
                yield own(name, self.most, dtype)
            yield own("admission", STATE_BYTES, np.uint8)
        if self.dies:
            yield own("row_sums", -(-self.capacity // TILE), np.uint64)
            yield own("list", self.capacity, np.int32)
            yield own("moved", self.capacity, np.int32)


class Plan:
    """The books on the device. `blob`: memory of an older plan's books that nobody reads any more, or None."""

    def __init__(self, world: World, scratch: Scratch, blob: Any) -> None:
        self.world_ids, self.backend = world.ids, world.backend
        tables = [t for t in world.tables.values() if (t.births or t.deaths) and t.capacity]
        self.entries = [Entry(world, table, k, scratch) for k, table in enumerate(tables)]
        self.needed = sum(entry.most for entry in self.entries)
        self.free_list = scratch.array("free_list", max(1, self.needed), np.uint32)
        size = TOTALS.itemsize + len(tables) * STATE.itemsize
        self.states = scratch.array("states", size // 4, np.int32)
        self.totals = self.states[:4]
        for entry in self.entries:
            at = TOTALS.itemsize // 4 + entry.number * STATE.itemsize // 4
            names = STATE.names or ()
            entry.plain, entry.heirs = (self.states[at + k : at + k + 1] for k in map(names.index, ("plain", "heirs")))
        self.key: Any = None
        self.blob, self.books = blob, []
        self._write()

    def _write(self) -> None:
        """Put the books on the device: they hold pointers into themselves, so first comes where they are to lie."""
        length = len(self._bytes(0))
        if self.blob is None or len(self.blob) < length:
            self.blob = self.backend.xp.empty(length + length // 2 + 1024, np.uint8)
        text = self._bytes(self.blob.data.ptr)
        self.backend.device.write(self.blob[: len(text)], np.frombuffer(text, np.uint8))
        step = BOOK.itemsize
        self.books = [self.blob[k * step : (k + 1) * step] for k in range(max(1, len(self.entries)))]

    def _bytes(self, base: int) -> bytes:
        books = np.zeros(max(1, len(self.entries)), BOOK)
        out = bytearray(-(-books.nbytes // _LINE) * _LINE)

        def put(data: bytes) -> int:
            at = base + len(out)
            out.extend(data)
            out.extend(bytes(-len(out) % _LINE))
            return at

        finds = True
        for entry, book in zip(self.entries, books):
            self._book(entry, book, put)
            book["finds"] = finds and entry.most > 0
            finds = finds and entry.most == 0
        out[: books.nbytes] = books.tobytes()
        return bytes(out)

    def _book(self, entry: Entry, book: Any, put: Any) -> None:
        table, ids = entry.table, self.world_ids
        for name, array in entry.arrays.items():
            book[name] = array.data.ptr
        if not entry.capped:
            for ours, theirs in (("let_asked", "asked"), ("let_parent", "parent"), ("let_slot", "parent_slot")):
                book[ours] = book[theirs]
        for name in (*IDENTITY, "dying"):
            book[name] = table.storage[name].data.ptr
        for name in ("generation", "table", "row", "died", "free"):
            book[name] = getattr(ids, name).data.ptr
        state = self.states.data.ptr + TOTALS.itemsize + entry.number * STATE.itemsize
        book["state"], book["totals"], book["free_list"] = state, self.totals.data.ptr, self.free_list.data.ptr
        book["index"], book["capacity"], book["most"] = table.index, entry.capacity, entry.most
        book["cap"] = -1 if table.cap is None else table.cap
        book["registered"], book["needed"], book["dies"] = len(ids), self.needed, entry.dies
        requests = np.zeros(len(entry.births), REQUEST)
        for request, birth in zip(requests, entry.births):
            count = 0 if birth.count is None else birth.count.data.ptr
            request["rows"], request["count"], request["most"] = birth.rows.data.ptr, count, len(birth.rows)
        values = [v for r, birth in enumerate(entry.births) for v in self._values(table, r, birth, put)]
        fields = list(_fields(entry, put))
        entry.units = max(units for *_, units, _, _ in fields)
        book["requests"], book["requested"] = put(requests.tobytes()), len(requests)
        book["values"], book["valued"] = put(np.array(values, VALUE).tobytes()), len(values)
        book["fields"], book["fielded"] = put(np.array(fields, FIELD).tobytes()), len(fields)

    def _values(self, table: Table, number: int, birth: Birth, put: Any) -> Iterator[tuple[int, ...]]:
        """What a request gives, one piece for each run of neighbouring elements."""
        for column, value in birth.values.items():
            target = table.storage[column.root]
            size = column.dtype.itemsize
            if value.ndim > len(column.shape):
                source, step = value.data.ptr, size * int(np.prod(column.shape, dtype=int))
            else:
                one = np.broadcast_to(np.asarray(self.backend.host(value), column.dtype), column.shape)
                source, step = put(one.tobytes()), 0
            stride = size * int(np.prod(column.root.shape, dtype=int))
            for first, at, length in _runs(column):
                to, come, many = target.data.ptr + first * size, source + at * size, length * size
                unit = 4 if (to | come | many | stride | step) % 4 == 0 else 1
                yield to, come, number, stride, step, unit, many // unit, 0


def _fields(entry: Entry, put: Any) -> Iterator[tuple[int, ...]]:
    """The stored columns, and own brains, as the barrier copies them; `Table.blocks` says the same for the host."""
    for key, array in entry.table.storage.items():
        fresh, size = 0, array.itemsize * int(np.prod(array.shape[1:], dtype=int))
        if isinstance(key, Column) and key.resets:
            fresh = put(key.default.tobytes())
        if key != "dying":
            inherits = not fresh and key not in IDENTITY
            yield array.data.ptr, fresh, *_units(array.data.ptr, size), inherits, 0
    if entry.brains is not None and not entry.mixed:
        rows = entry.brains.rows
        yield rows.data.ptr, 0, *_units(rows.data.ptr, rows.itemsize * rows.shape[1]), not entry.mutates, 0


def _units(address: int, size: int) -> tuple[int, int]:
    """The most bytes that can be copied at once, up to 16, and how many times for a row of `size`."""
    unit = next(unit for unit in (16, 8, 4, 2, 1) if (address | size) % unit == 0)
    return unit, size // unit


def _runs(column: Column) -> Iterator[tuple[int, int, int]]:
    """Elements of the root column's row that belong to `column`: (first there, first here, how many side by side)."""
    root = column.root
    places = np.arange(int(np.prod(root.shape, dtype=int))).reshape(root.shape)
    places = np.ravel(part(places, column))
    for run in np.split(np.arange(len(places)), np.flatnonzero(np.diff(places) != 1) + 1):
        yield int(places[run[0]]), int(run[0]), len(run)


def key_of(world: World) -> Any:
    """What a plan depends on: where memory is, and what was asked for."""

    def about(value: Any) -> Any:
        return value.data.ptr if hasattr(value, "data") and hasattr(value.data, "ptr") else value.tobytes()

    def asked(birth: Birth) -> Any:
        count = None if birth.count is None else birth.count.data.ptr
        values = ((c, about(v)) for c, v in birth.values.items())
        return birth.rows.data.ptr, len(birth.rows), count, birth.admitted, *values

    def sized(brains: Any) -> Any:
        rows = getattr(brains, "rows", None)  # brains of several architectures have none
        return id(brains), None if brains is None else brains.capacity, None if rows is None else rows.data.ptr

    tables = tuple(
        (t.index, t.capacity, t.cap, t.mutation, sized(t.own_brains), bool(t.deaths), *map(asked, t.births))
        for t in world.tables.values()
        if t.births or t.deaths
    )
    return world.backend.device.epoch, id(world.ids), tables
