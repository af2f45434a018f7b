"""The budget holds, bytes are counted exactly, and what is given up is what is least missed."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm.errors import CapacityError, SettingsError
from swarm.moments.draft import same
from swarm.moments.genomes import Genomes
from tests.unit.moments.worlds import Energy, Live, Stone, build, run


def held(moments: swarm.Moments) -> int:
    """All bytes, counted another way: every array once."""
    found = [m for branch in moments._course.branches for m in branch.moments]
    arrays = {id(array): array.nbytes for moment in found for array in moment.every()}
    books = 0
    for store in moments._ring.stores.values():
        books += sum(block.nbytes for block in store.blocks) + store.latest.nbytes
        books += sum(getattr(store, name).nbytes for name in ("owner", "place", "refs", "mark"))
    curves = sum(
        array.nbytes for b in moments._course.branches for array in (b.samples.ticks, *b.samples.counts.values())
    )
    return sum(arrays.values()) + books + curves


def test_bytes_are_exact_and_an_unchanged_column_costs_nothing():
    world = build()
    moments = swarm.Moments(world, every=1)
    for _ in range(12):
        before = moments.bytes
        world.step()
        moments.note(world)
        assert moments.bytes == held(moments)
    kept = [m for branch in moments._course.branches for m in branch.moments]
    assert len({id(m.arrays[f"table/stone/{Stone.place.key}"]) for m in kept}) == 1
    assert len({id(m.arrays[f"table/agent/{Energy.level.key}"]) for m in kept}) == len(kept)
    assert before < moments.bytes


def test_a_genome_is_stored_once():
    world = build()
    moments = swarm.Moments(world, every=1)
    run(world, moments, 30, {})
    store = next(store for key, store in moments._ring.stores.items() if key[0] == "agent")
    table = world.tables["agent"]
    assert store.n == 24 + table.born_total  # whoever lived in one of these ticks
    assert table.born_total > 60


def test_the_budget_holds_and_the_reach_goes_on_growing():
    world, hashes = build(), {}
    moments = swarm.Moments(world, budget=130_000, every=1)
    run(world, moments, 150, hashes)  # looks after every tick
    assert moments.bytes > 100_000
    assert moments.reach == (0, 150)
    ticks = moments.ticks
    assert 8 < len(ticks) < 100
    ages = 150 - ticks
    assert np.diff(ages[ages < 8]).min() == -1  # dense where it is new
    assert np.diff(ticks).max() > 10  # sparse where it is old
    for tick in (0, 77, 149, 150, 10):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
        assert moments.bytes == held(moments) <= moments.budget


def test_genomes_that_nobody_needs_are_dropped():
    world = build()
    moments = swarm.Moments(world, budget=130_000, every=1)
    run(world, moments, 120, {})
    store = next(store for key, store in moments._ring.stores.items() if key[0] == "agent")
    kept = [own.numbers for b in moments._course.branches for m in b.moments for own in m.own["agent"]]
    assert store.n == len(np.unique(np.concatenate(kept))) < 24 + world.tables["agent"].born_total
    assert len(store.blocks) == -(-store.n // store.each)


def test_edits_go_last_and_leave_no_hole():
    world, hashes = build(), {}
    moments = swarm.Moments(world, budget=130_000, every=2)
    for _ in range(40):
        run(world, moments, 3, hashes)
        world.write(Energy.level, int(world.tables["agent"].ids()[0]), 2.0)
        moments.changed(world)
        hashes[world.tick] = world.hash()
    first, last = moments.reach
    assert 0 < first < last == 120
    for tick in range(first, last + 1, 7):
        moments.go(world, tick)
        assert world.hash() == hashes[tick]
    with pytest.raises(SettingsError, match=f"Choose one from {first} to {last}"):
        moments.go(world, first - 1)


def test_kept_moments_stay_and_may_fill_the_budget():
    world, hashes = build(), {}
    moments = swarm.Moments(world, budget=200_000, every=1)

    def fill() -> None:
        for k in range(200):
            run(world, moments, 5, hashes)
            moments.keep(world, f"number {k}")

    with pytest.raises(CapacityError, match=r"this state and \d+ kept by name take .* Forget some, or give more"):
        fill()
    assert moments.bytes <= moments.budget
    assert len(moments.kept) > 10
    for kept in moments.kept[::4]:
        moments.go(world, kept)
        assert world.hash() == hashes[kept.tick]
        assert moments.bytes <= moments.budget
    for kept in moments.kept:
        moments.forget(kept.name)
    moments.go(world, moments.ticks[-1])
    run(world, moments, 40, hashes)
    assert moments.reach[1] == world.tick
    moments.go(world, world.tick - 7)
    assert world.hash() == hashes[world.tick]


def test_nothing_is_left_when_it_is_gone():
    gc.collect()
    world = build()
    moments = swarm.Moments(world, every=1)
    run(world, moments, 20, {})
    for branch in moments._course.branches:
        for moment in list(branch.moments):
            moments._ring.drop(moment)
    assert moments._ring.shelf.bytes == 0
    assert not moments._ring.shelf._users
    assert all(store.n == 0 and not store.blocks for store in moments._ring.stores.values())
    assert moments.bytes == held(moments)


def test_bits_count_not_values():
    assert same(np.array([np.nan]), np.array([np.nan]))
    assert not same(np.array([0.0]), np.array([-0.0]))
    assert not same(np.zeros(3, np.int32), np.zeros(3, np.float32))
    assert not same(np.zeros((2, 3)), np.zeros((3, 2)))
    assert same(np.zeros(0), np.zeros(0))
    assert same(np.array(3.5), np.array(3.5))
    a = np.zeros(5001, np.uint8)
    b = a.copy()
    b[5000] = 1
    assert not same(a, b)


# ---------------------------------------------------------------------- laws

DEEDS = st.sampled_from(["run", "run", "run", "go", "go", "edit", "teach", "kill", "drive", "free", "tune", "keep"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(DEEDS, st.integers(0, 1000)), max_size=25), st.sampled_from([80_000, 150_000, 1 << 24]))
def test_whatever_is_done_every_tick_in_reach_has_its_hash(deeds, budget):
    """`known` is the history of each branch, `trace` that of the world as it is; after every deed the budget holds."""
    world = build(agents=10)
    moments = swarm.Moments(world, budget=budget, every=3)
    known: dict[str, dict[int, str]] = {"run 1": {0: world.hash()}}
    trace, names = dict(known["run 1"]), 0

    def seen() -> None:
        """Write down where the world is."""
        trace[world.tick], branch = world.hash(), moments._course.branch
        mine = known.setdefault(branch.name, dict(trace))
        if world.tick == branch.head:
            mine[world.tick] = trace[world.tick]
        elif branch.made_at(world.tick) == moments._course.made:
            assert mine[world.tick] == trace[world.tick]

    def step(ticks: int) -> None:
        for _ in range(ticks):
            world.step()
            moments.note(world)
            assert moments.bytes <= budget
            seen()

    for deed, number in deeds:
        ids = world.tables["agent"].ids()
        who = int(ids[number % len(ids)]) if len(ids) else 0
        if deed == "run":
            step(1 + number % 9)
        elif deed == "go":
            branch = moments.branches[number % len(moments.branches)]
            first, last = (b := moments._course.named(branch)).oldest(), b.head
            tick = first + number % (last - first + 1)
            if b.base(tick, b.made_at(tick)) is not None:
                moments.go(world, tick, branch)
                assert (world.tick, moments.branch) == (tick, branch)
                trace = {t: text for t, text in known[branch].items() if t <= tick}
                assert world.hash() == known[branch][tick]
        elif not who:
            continue
        elif deed == "edit":
            world.write(Energy.level, who, number / 100)
            moments.changed(world)
        elif deed == "teach":
            world.brain(who).weight(0)[:] = number / 1000
            moments.edited([who])
        elif deed == "kill":
            world.kill(who)
        elif deed in ("drive", "free"):
            world.override(who, [number / 500, 1] if deed == "drive" else None)
        elif deed == "tune":
            world.schedule = (*world.schedule[:2], Live(0.2 + number / 5000))
        elif deed == "keep":
            names += 1
            if names < 3:
                moments.keep(world, f"{names}")
        moments.note(world)
        assert moments.bytes == held(moments) <= budget
        seen()
    first, last = moments.reach
    for tick in range(first, last + 1, max(1, (last - first) // 4)):
        moments.go(world, tick)
        assert world.hash() == known[moments.branch][tick]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 10**6)), max_size=30))
def test_genomes_come_back_whatever_was_dropped(steps):
    """Against a dictionary: blocks close up, numbers stay."""
    store, held, mark = Genomes(700, np.dtype(np.float32)), [], 1  # 93 rows a block
    for adds, count, seed in steps:
        rng = np.random.default_rng(seed)
        if adds or not held:
            slots, marks = rng.permutation(100)[:count], np.arange(mark, mark + count, dtype=np.uint64)
            expected = store.bytes_with(store.n + count, slots)
            rows = rng.normal(size=(count, 700)).astype(np.float32)
            numbers = store.add(slots, marks)
            store.write(numbers, rows)
            assert store.bytes == expected
            assert (store.find(slots, marks) == numbers).all()
            held.append((numbers, rows, marks))
            mark += count
        else:
            numbers, rows, marks = held.pop(seed % len(held))
            keep = rng.random(len(numbers)) < 0.3
            store.hold(numbers[keep])
            store.drop(numbers)
            if keep.any():
                held.append((numbers[keep], rows[keep], marks[keep]))
        for numbers, rows, marks in held:
            got = np.empty_like(rows)
            for at, part in store.read(numbers):
                got[at] = part
            assert np.array_equal(got, rows)
            assert (store.find(np.zeros(len(marks), np.int64), marks, everywhere=True) == numbers).all()
        assert store.n == sum(len(numbers) for numbers, _, _ in held)
        assert len(store.blocks) == -(-store.n // store.each)
