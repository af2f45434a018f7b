"""The barrier against the oracle, on all backends, with rows in any order: the same births, deaths, ids and brains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, Brains, Component, World, bool_, f32, f64, i32, u8
from swarm.digest import difference
from tests.laws.oracle import Oracle, state


class Body(Component):
    mark = i32()
    pos = f32(2, unit="m")
    bits = u8(3)
    on = bool_()
    mass = f64(default=2.0)


class Memo(Component):
    resets = True
    value = f32(3, default=0.5)


RESETS = {"Memo.value": [0.5, 0.5, 0.5]}


@pytest.fixture(autouse=True)
def kernels_for_small_batches(monkeypatch):
    """Small batches would take the reference on the cpu, too."""
    from swarm import barrier_cpu
    from swarm.ecs import ids_cpu

    monkeypatch.setattr(barrier_cpu, "_SMALL", 0)
    monkeypatch.setattr(ids_cpu, "_SMALL", 0)


class Pair:
    """A world and an oracle that are told the same things."""

    def __init__(self, backend: str, shuffle: int | None, cap: int | None) -> None:
        self.world = World(size=(8, 8), backend=backend, seed=3, threads=1)
        self.oracle = Oracle(seed=3, caps={"own": cap, "shared": None})
        self.random = None if shuffle is None else np.random.default_rng(shuffle)
        self.marks = 0
        self.pool = Brains(MLP((2, 2)), count=3, seed=1, backend="reference")
        self.cap = cap
        self.spawn("own", 3)
        self.spawn("shared", 2)

    def spawn(self, table: str, count: int) -> None:
        marks = np.arange(self.marks, self.marks + count)
        self.marks += count
        pos = np.stack([marks % 8, marks / 16], axis=1).astype(np.float32)
        bits = np.stack([marks % 7, marks % 5, marks % 3], axis=1).astype(np.uint8)
        body = Body(mark=marks, pos=pos, bits=bits, on=marks % 2 == 0)
        columns = [
            {
                "Body.mark": int(m),
                "Body.pos": p.tolist(),
                "Body.bits": b.tolist(),
                "Body.on": m % 2 == 0,
                "Body.mass": 2.0,
            }
            for m, p, b in zip(marks, pos, bits)
        ]
        if table == "own":
            memo = Memo(value=marks[:, None] + np.zeros(3))
            pool = Brains(MLP((2, 3, 1)), count, seed=self.marks, backend="reference")
            ids = self.world.spawn(count, body, memo, name="own", brains=pool, cap=self.cap)
            columns = [{**c, "Memo.value": [float(m)] * 3} for c, m in zip(columns, marks)]
        else:
            ids = self.world.spawn(count, body, name="shared", brains=self.pool, brain=marks % 3)
        brains = [self.world.backend.host(self.world.brain(id).flat()[0]).tobytes() for id in ids]
        assert self.oracle.spawn(table, columns, brains) == ids.tolist()

    def tick(self, program: list[tuple]) -> None:
        def system(world, dt):
            for table, verb, rows, marked in program:
                for agents in world.query(Body):
                    if agents.name == table:
                        self.ask(agents, verb, rows, marked)

        self.world.schedule = (system,)
        self.world.step()
        self.oracle.barrier({})
        if self.random is not None:
            for table in self.world.tables.values():
                table.permute(self.random.permutation(table.n))

    def ask(self, agents, verb: str, picks: list[int], marked: bool) -> None:
        ids = self.world.backend.host(agents.ids)
        order = np.argsort(ids)
        rows = order[np.array(picks, int) % len(ids)]
        if verb == "kill":
            agents.kill(rows)
            for id in ids[rows].tolist():
                self.oracle.kill(id)
            return
        marks = np.arange(self.marks, self.marks + len(rows))
        self.marks += len(rows)
        agents.birth(rows, *([Body(mark=marks)] if marked else []))
        resets = RESETS if agents.name == "own" else {}
        for id, mark in zip(ids[rows].tolist(), marks.tolist()):
            self.oracle.birth(id, **resets, **({"Body.mark": mark} if marked else {}))

    def check(self) -> None:
        found, expected, host = state(self.world), self.oracle.living, self.world.backend.host
        assert list(found) == list(dict.fromkeys(found))
        assert found == expected
        own = self.world.tables["own"]
        assert own.refused_total == self.oracle.refused
        for table in self.world.tables.values():  # slots know where everybody is
            assert (host(self.world.ids.row[table.slots]) == np.arange(table.n)).all()
            assert (host(self.world.ids.table[table.slots]) == table.index).all()
            assert not table.dying.any()
        free = set(np.flatnonzero(host(self.world.ids.free)[: self.world.ids.used]).tolist())
        assert free == self.oracle.free
        assert self.world.ids.spare == int(self.world.ids.free.sum())


picks = st.lists(st.integers(0, 63), max_size=12)
ask = st.tuples(st.sampled_from(["own", "shared"]), st.sampled_from(["birth", "birth", "kill"]), picks, st.booleans())
programs = st.lists(st.lists(ask, max_size=5), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(programs, st.one_of(st.none(), st.integers(4, 12)))
def test_births_and_deaths_follow_the_oracle(program, cap):
    pairs = [Pair("reference", None, cap), Pair("cpu", None, cap), Pair("cpu", 2, cap)]
    for tick in program:
        for pair in pairs:
            pair.tick(tick)
            pair.check()
    first = pairs[0].world
    for pair in pairs[1:]:
        assert difference(first, pair.world) is None
        assert pair.world.hash() == first.hash()


def test_a_thousand_births_and_deaths_in_ten_ticks(backend):
    random = np.random.default_rng(0)
    pairs = [Pair("reference", None, None), Pair(backend, 5, None)]
    for _ in range(10):
        program = []
        for table in ("own", "shared"):
            program += [(table, "birth", random.integers(0, 1000, 60).tolist(), bool(random.integers(2)))]
            program += [(table, "kill", random.integers(0, 1000, 20).tolist(), False)]
        for pair in pairs:
            pair.tick(program)
            pair.check()
    assert pairs[0].world.hash() == pairs[1].world.hash()
    assert sum(pairs[0].world.counts().values()) > 500


def test_spawning_between_ticks_takes_the_lowest_free_slots(backend):
    pair = Pair(backend, 4, None)
    for k in range(6):
        pair.tick(
            [("own", "birth", [0, 1, 1, 5], True), ("shared", "kill", [k], False), ("own", "kill", [k, 2], False)]
        )
        pair.spawn("shared", 2)
        pair.spawn("own", 1)
        pair.check()


def test_everybody_dies_and_gives_birth(backend):
    """All rows are holes and every child is a heir or finds one; the row a sibling reads is not yet overwritten."""
    pair = Pair(backend, None, None)
    for _ in range(5):
        everybody = list(range(40))
        pair.tick([("own", "birth", everybody, True), ("own", "kill", everybody, False)])
        pair.check()
    pair.tick([("own", "kill", list(range(64)), False)])
    pair.check()
    assert pair.world.counts()["own"] == 0 or pair.world.counts()["own"] < 40
