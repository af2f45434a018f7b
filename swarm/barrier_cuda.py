"""The barrier on CUDA: the launches of barrier.cu, and what the host does behind them.

`enqueue` launches all of it and waits for nothing; it may be recorded. The kernels apply births and deaths only if they
fit into the memory there is. `finish` looks at the ledger, which the caller has read: a kernel's fault becomes an
error; where memory is short it grows and everything is launched again, so that nobody is dropped; then the host's
numbers follow. Own brains of several architectures are kept in order by the host (members.py): their births wait for a
few more reads, with the same result.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from swarm.backend import cuda
from swarm.barrier_book import CROWD, TILE, Entry, Plan, key_of
from swarm.brain import vary_cuda
from swarm.ecs import admission_cuda
from swarm.ecs.memory import Scratch
from swarm.ecs.table import Birth, Table
from swarm.errors import BackendError, SchemaError
from swarm.spawn import arrive

if TYPE_CHECKING:
    from swarm.world import World

STEM = "swarm.barrier"
BARRIER = 0xFFFF  # the system that the barrier's own kernels report
BIRTH_BYTES, DEATH_BYTES, SLOT_BYTES = 175, 30, 14  # counted in barrier.cu
_BLOCKS = 1024  # blocks that walk over children: their number is known on the device only


class Barrier:
    """What the barrier of one world keeps between ticks."""

    def __init__(self, world: World) -> None:
        self.scratch = Scratch(world.backend)
        self.recorded: dict[Any, Plan] = {}  # plans whose books graphs read
        self.plan: Plan | None = None

    def prepare(self, world: World) -> Plan:
        """The plan for what is queued; what it needs is allocated and written unless it is the last one again."""
        device, key = world.backend.device, key_of(world)
        plan = self.plan if self.plan is not None and self.plan.key == key else self.recorded.get(key)
        if plan is None:
            if device.capturing:
                raise BackendError("the barrier was asked for something else than in the tick before.")
            self.recorded = {k: p for k, p in self.recorded.items() if k[0] == device.epoch}
            held = self.plan is not None and self.plan.key not in self.recorded
            plan = Plan(world, self.scratch, self.plan.blob if held and self.plan is not None else None)
            plan.key = key_of(world)  # allocating has moved memory
        if device.capturing:
            self.recorded[key] = plan
        self.plan = plan
        return plan


_barriers: WeakKeyDictionary[Any, Barrier] = WeakKeyDictionary()


def _of(world: World) -> Barrier:
    found = _barriers.get(world)
    if found is None:
        found = _barriers[world] = Barrier(world)
    return found


def ask(world: World, table: Table, rows: Any, values: dict[Any, Any], count: Any = None) -> None:
    """Queue births: one child for each of rows i32 [M] on the device, of which the first `count` i32 [1] count.

    values: {column: device array [M, *shape], or a host array that is the same for all}. Rows may come twice. Nothing
    is copied: the arrays must stay as they are until the barrier.
    """
    values = {c: v if v.flags.c_contiguous else v.copy() for c, v in values.items()}
    table.births.append(Birth(rows, values, count))
    kernel = cuda.current().module(STEM)["ask"]
    kernel(1, world.ledger.array, np.int32(table.index), count, np.int32(len(rows)), blocks=1, block=32)


# ---------------------------------------------------------------------- launching


def enqueue(world: World) -> None:
    """Launch the barrier. May be recorded once it was launched for the same requests before."""
    device, plan, ledger = cuda.current(), _of(world).prepare(world), world.ledger.array
    kernels, all_books, many = device.module(STEM), plan.books[0], np.int32(len(plan.entries))
    kernels["open"](1, ledger, all_books, many, plan.totals, blocks=1, block=32)
    for entry in plan.entries:
        _plan(world, kernels, ledger, plan.books[entry.number], entry)
    kernels["decide"](1, ledger, all_books, many, plan.totals, blocks=1, block=32)
    for entry in plan.entries:
        _apply(world, kernels, ledger, plan.books[entry.number], entry)
    tables = np.int32(len(world.tables))
    kernels["close"](1, ledger, all_books, many, plan.totals, tables, blocks=1, block=32)


def _plan(world: World, kernels: Any, ledger: Any, book: Any, entry: Entry) -> None:
    most, rows = entry.most, -(-entry.capacity // 8) if entry.dies else 0
    if most:
        cuda.current().fill(entry.arrays["counted"], 0)
    kernels["gather"](1, ledger, book, blocks=max(_blocks(most), _blocks(rows)))
    if not most:
        return
    tiles = -(-len(world.ids) // TILE)
    kernels["slots"](1, ledger, book, blocks=tiles)
    kernels["starts"](1, ledger, book, blocks=tiles)
    if entry.capped:
        cuda.current().fill(entry.arrays["admission"], 0)
    kernels["sort"](1, ledger, book, blocks=_blocks(most))
    kernels["rank"](1, ledger, book, blocks=_blocks(most))
    if entry.capped:
        state, slots, nth, priority = (entry.arrays[k] for k in ("admission", "parent_slot", "nth", "priority"))
        admission_cuda.choose(world, most, state, slots, nth, priority, _of(world).scratch.array)
        kernels["admitted_sums"](1, ledger, book, blocks=_blocks(most // 4 + 1))
        kernels["admit"](1, ledger, book, blocks=_blocks(most // 4 + 1))


def _apply(world: World, kernels: Any, ledger: Any, book: Any, entry: Entry) -> None:
    crowds, tiles = min(_BLOCKS, -(-entry.most // CROWD)), -(-entry.capacity // TILE)
    if entry.most:
        kernels["heirs"](1, ledger, book, blocks=crowds)
    if entry.dies:
        kernels["row_sums"](1, ledger, book, blocks=tiles)
        kernels["rows"](1, ledger, book, blocks=tiles)
    kernels["enroll"](1, ledger, book, blocks=max(1, crowds))
    works = [partial(_copy, kernels, ledger, book, entry)]
    if entry.most and entry.mutates:
        works.append(partial(_mutate, world, ledger, entry))
    cuda.current().beside(*works)  # movers' brains are copied, but no row is read and written by both


def _copy(kernels: Any, ledger: Any, book: Any, entry: Entry) -> None:
    """The columns of children and movers, and what was given with the births."""
    kernels["copy"](1, ledger, book, blocks=_blocks(min(16, entry.units) * (entry.most + entry.capacity * entry.dies)))
    if any(birth.values for birth in entry.births):
        kernels["override"](1, ledger, book, blocks=_blocks(4 * entry.most))


def _mutate(world: World, ledger: Any, entry: Entry) -> None:
    """The children's brains; those that take their dying parent's row come last, when all siblings have read it."""
    brains, how, a = entry.brains, entry.table.mutation, entry.arrays
    rows, generations = (ledger, brains.rows, brains.layout), world.ids.generation
    plain = a["plain_parent"], a["plain_child"], a["plain_slot"]
    heirs = a["heir_row"], a["heir_row"], a["heir_slot"]
    vary_cuda.inherit_on(*rows, *plain, generations, entry.plain, sigma=how.sigma, rate=how.rate)
    if entry.dies:
        vary_cuda.inherit_on(*rows, *heirs, generations, entry.heirs, sigma=how.sigma, rate=how.rate)


def _blocks(threads: int) -> int:
    return min(_BLOCKS, -(-threads // cuda.BLOCK))


def cost(row_bytes: int, brain_bytes: int, births: int, deaths: int, slots: int = 0, rows: int = 0) -> tuple[int, int]:
    """Bytes moved and flops of one barrier: as `barrier.cost` has it, and the lists, counts and flags of barrier.cu.

    A child's row is read and written. slots: all there are, which births go through; rows: those living, which deaths
    go through. Where nobody is born a death is followed by a move, which costs the same two rows.
    """
    moves = max(0, deaths - births)
    columns = 2 * (row_bytes + brain_bytes)
    listed = births * BIRTH_BYTES + deaths * DEATH_BYTES + SLOT_BYTES * slots * (births > 0) + 3 * rows * (deaths > 0)
    return (births + moves) * columns + listed, 0


# ---------------------------------------------------------------------- behind it, on the host


def finish(world: World) -> None:
    """Bring the host up to date; the ledger was read behind `enqueue`.

    Raises `NonFiniteError` for what a kernel found, `SchemaError` for births of rows that are none, `CapacityError`
    when there is no memory for all; nothing has been born or died then.
    """
    barrier, ledger = _of(world), world.ledger
    _check(world)
    if not ledger.world["go"][0]:
        _make_room(world, barrier)
        enqueue(world)
        ledger.pull()
        if not ledger.world["go"][0]:
            raise BackendError(f"barrier of tick {world.tick}: births do not fit into the memory made for them.")
    assert barrier.plan is not None
    entries, why = {entry.table.index: entry for entry in barrier.plan.entries}, f"the barrier of tick {world.tick}"
    world.ids.used, world.ids.spare = (int(ledger.world[name][0]) for name in ("used", "spare"))
    for table in world.tables.values():
        counted = ledger.counts[table.index]
        table.refused_total += int(counted["turned"])
        entry = entries.get(table.index)
        table.deaths = table.deaths and entry is None
        born, died = (int(counted[name]) if entry else 0 for name in ("children", "deaths"))
        if entry is not None and (born or died):
            if entry.mixed:
                _mixed(world, barrier.plan, entry, born, died)
            table.born_total += born
            table.died_total += died
            table.resize(int(counted["n"]), why)
        else:
            table.expire(why)
        for arrival in table.arrivals:
            arrive(world, table, arrival, world.tick, why)
        table.discard()
    world.tick += 1


def _check(world: World) -> None:
    """Raise the error for the first fault that a kernel reported."""
    fault = world.ledger.fault
    if fault is None:
        return
    system, index, row = fault
    if system != BARRIER:
        world.accuse(system, index, row)
    table = list(world.tables.values())[index]
    row -= (row >> 31) << 32
    raise SchemaError(f"birth in table '{table.name}': row {row} of {table.n}. Ids are not rows.")


def _make_room(world: World, barrier: Barrier) -> None:
    """Grow what is short and tell the device how many slots there are. Raises `CapacityError`."""
    assert barrier.plan is not None
    children = 0
    for entry in barrier.plan.entries:
        counted = world.ledger.counts[entry.table.index]
        coming = sum(len(arrival.slots) for arrival in entry.table.arrivals)
        entry.table.reserve(int(counted["after"]) + coming, f"barrier of tick {world.tick}")
        children += int(counted["children"])
    world.ids.reserve(children)
    world.ledger.world["spare"] = world.ids.spare
    world.ledger.push()


def _mixed(world: World, plan: Plan, entry: Entry, born: int, died: int) -> None:
    """Brains of several architectures, as in `barrier._brains`: their book is on the host."""
    device, brains, a = world.backend.device, entry.brains, entry.arrays
    words = device.read(plan.states)
    at = 4 + 12 * entry.number
    plain, heirs, holes, movers = (int(words[at + k]) for k in (6, 7, 8, 9))
    lists = (("plain_parent", "plain_child", "plain_slot", plain), ("heir_row", "heir_row", "heir_slot", heirs))
    for parents, children, slots, count in lists if born else ():
        if count:
            keys = device.read(world.ids.generation[a[slots][:count]])
            rows = (device.read(a[name][:count]) for name in (parents, children, slots))
            brains.inherit(*rows, keys, world.tick, world.seed, entry.table.mutation)
    if died and movers:
        brains.move(device.read(a["list"][holes : holes + movers]), device.read(a["moved"][:movers]))
