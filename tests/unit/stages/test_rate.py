"""think rates: only those whose turn it is, in order, nobody starves, and permuted rows change nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm import MLP, Brains, Component, Important, Near, Own, f32, i32
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from swarm.stages.rate import GROUP, Clock, pick, rank
from swarm.worlds import join
from tests.unit.stages.worlds import Body, Energy, by_id, host, shuffle, world

Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("x", "y"), memory=2, paced=True)
Plain = swarm.mind("Plain", energy=Own(Energy.level), actions=("x",))
NET = MLP((Mind.inputs, 7, Mind.outputs), output="tanh")


class Npc(Component):
    pace = i32(default=1)
    weight = f32(default=0)


class Player(Component):
    spot = f32(2, unit="m")


def build(backend: str, stage, count: int = 24, brains=NET, pos=None, npc=None, **spawn) -> swarm.World:
    w = world(backend)
    vel = np.random.default_rng(3).normal(size=(count, 2)).astype(np.float32)
    body = Body(pos=w.scatter if pos is None else pos, vel=vel)
    w.spawn(count, body, Energy(), Npc() if npc is None else npc, Mind(), name="npc", brains=brains, **spawn)
    w.spawn(0, Player(spot=(1, 1)), name="player")
    w.schedule = (swarm.sense(Mind), stage, aging)
    return w


def aging(world, dt):
    for table in world.tables_with(Energy.level):
        table.column(Energy.level)[:] += np.float32(0.125)


def outputs(w: swarm.World, name: str = "npc") -> np.ndarray:
    return host(w.tables[name], Mind.outputs_).copy()


def thinking(w: swarm.World) -> np.ndarray:
    """One tick: who got other outputs, a mask [N] by row."""
    before = outputs(w)
    w.step()
    return (outputs(w) != before).any(axis=1)


def beat(w: swarm.World) -> np.ndarray:
    """The number of each agent's group, int64 [N] by row."""
    return w.backend.host(w.tables["npc"].slots).astype(np.int64) // GROUP


# --- rhythm -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rhythm_by_slot(backend: str, dtype: str):
    stage = swarm.think(Mind, every=3)
    w = build("reference" if dtype == "float64" else backend, stage, dtype=dtype)
    for tick in range(7):
        due = (tick + beat(w)) % 3 == 0
        assert np.array_equal(thinking(w), due)
        assert stage.report(w)[:4] == (24, due.sum(), due.sum(), 1.0)
    assert not w.resources  # nothing is kept


def test_those_that_think_get_the_bits_of_a_whole_think(backend: str):
    """Who thinks does so from the same senses and memory as where all think in this tick."""
    w, whole = build(backend, swarm.think(Mind, every=3)), build(backend, swarm.think(Mind))
    for tick in range(3):  # without memory of an earlier thought both are alike
        w.step()
        at = np.flatnonzero((tick + beat(w)) % 3 == 0)
        inputs = host(whole.tables["npc"], Mind.inputs_)
        inputs[:] = 0
        whole.tables["npc"].column(Mind.inputs_)[:] = whole.backend.array(inputs)
        whole.step()
        assert np.array_equal(outputs(w)[at], outputs(whole)[at])
        assert np.array_equal(host(w.tables["npc"], Mind.memory)[at], outputs(w)[at, 2:])


def test_memory_is_kept_in_between(backend: str):
    w = build(backend, swarm.think(Mind, every=4))
    w.tables["npc"].column(Mind.memory)[:] = 5
    w.step()
    memory = host(w.tables["npc"], Mind.memory)
    waits = beat(w) % 4 != 0
    assert (memory[waits] == 5).all()
    assert (memory[~waits] != 5).any(axis=1).all()


def test_every_tick_is_the_plain_stage():
    w, plain = build("cpu", swarm.think(Mind, every=1)), build("cpu", swarm.think(Mind))
    assert w.schedule[1].rate is None
    for one in (w, plain):
        for _ in range(3):
            one.step()
    assert w.hash() == plain.hash()
    assert w.schedule[1].report(w) == (24, 24, 24, 1.0, None, 0.0)


def test_a_column_of_periods(backend: str):
    paces = np.arange(1, 25) % 5 + 1
    w = build(backend, swarm.think(Mind, every=Npc.pace), npc=Npc(pace=paces.astype(np.int32)))
    for tick in range(6):
        assert np.array_equal(thinking(w), (tick + beat(w)) % paces == 0)


def test_near_a_point_or_a_player_round_the_torus(backend: str):
    pos = np.array([(1, 1), (63, 63), (10, 1), (32, 32), (6, 1), (1, 60)], np.float32)
    player = Near(Body.pos, Player.spot, within=5, every=4)
    place = Near(Body.pos, (1, 1), within=5, every=4)
    for near in (player, place):
        w = build(backend, swarm.think(Mind, every=near), 6, pos=pos)
        w.spawn(1, Player(spot=(1, 1)), name="player")
        for tick in range(5):
            due = (tick + beat(w)) % 4 == 0
            assert np.array_equal(thinking(w), due | np.array([1, 1, 0, 0, 1, 1], bool))
    moved = swarm.think(Mind, every=player)
    w = build(backend, moved, 6, pos=pos)
    assert np.array_equal(thinking(w), beat(w) % 4 == 0)  # there is nobody to be near to
    w.spawn(2, Player(spot=[(32, 30), (10, 60)]), name="player")
    assert np.array_equal(thinking(w), ((1 + beat(w)) % 4 == 0) | np.array([0, 0, 1, 1, 0, 0], bool))


def test_the_important_think_more_often():
    weights = np.array([1, 2, 0, -1, 0.5, 0.75], np.float32)
    w = build("cpu", swarm.think(Mind, every=Important(Npc.weight, every=9)), 6, npc=Npc(weight=weights))
    for tick in range(10):
        assert np.array_equal(thinking(w), (tick + beat(w)) % [1, 1, 9, 9, 5, 3] == 0)


def test_shared_and_mixed_brains():
    pool = Brains(MLP((Mind.inputs, 5, Mind.outputs)), count=3, seed=1, backend="cpu")
    rows = np.random.default_rng(0).integers(0, 3, 24)
    mixed = [MLP((Mind.inputs, 2 + k % 4, Mind.outputs)) for k in range(24)]
    for more in ({"brains": pool, "brain": rows}, {"brains": mixed}):
        w, whole = (build("cpu", stage, **more) for stage in (swarm.think(Mind, every=2), swarm.think(Mind)))
        if "brain" in more:
            whole.tables["npc"].brains.set([0, 1, 2], pool)
        w.step()
        whole.step()
        at = beat(w) % 2 == 0
        assert np.array_equal(outputs(w)[at], outputs(whole)[at])
        assert (outputs(w)[~at] == 0).all()


# --- budget in brains -------------------------------------------------------------------------------------------------


def test_a_budget_in_brains_goes_round(backend: str):
    stage = swarm.think(Mind, brains=5)
    w = build(backend, stage)
    counts = np.zeros(24, int)
    for _ in range(24):
        thought = thinking(w)
        counts += thought
        assert thought.sum() == 5
        report = stage.report(w)
        assert (report.agents, report.thought, report.share) == (24, 5, 5 / report.due)
        assert report.stalest <= 1 + -(-24 // 5)
    assert counts.min() >= 4  # 120 thoughts of 24 agents


def test_a_budget_that_suffices_keeps_the_rhythm():
    one, two = build("cpu", swarm.think(Mind, every=3)), build("cpu", swarm.think(Mind, every=3, brains=16))
    for _ in range(8):
        assert np.array_equal(thinking(one), thinking(two))


def test_over_all_tables_with_the_mind():
    stage = swarm.think(Mind, brains=6)
    w = build("cpu", stage, 10)
    w.spawn(14, Body(pos=1), Energy(), Npc(), Mind(), name="other", brains=NET)
    thought = {"npc": 0, "other": 0}
    for _ in range(12):
        before = {name: outputs(w, name) for name in thought}
        w.step()
        fresh = {name: (outputs(w, name) != before[name]).any(axis=1).sum() for name in thought}
        assert sum(fresh.values()) == 6
        thought = {name: thought[name] + fresh[name] for name in thought}
    assert thought == {"npc": 30, "other": 42}


def test_of_equally_overdue_ones_the_most_important():
    weights = np.random.default_rng(1).permutation(24).astype(np.float32)
    w = build("cpu", swarm.think(Mind, every=Important(Npc.weight), brains=8), npc=Npc(weight=weights))
    for _ in range(2):
        for least in (16, 8, 0):
            assert sorted(weights[thinking(w)]) == list(range(least, least + 8))


def changing(w: swarm.World) -> None:
    """Births and deaths, keyed by id."""
    for agents in w.query(Mind):
        agents.birth(agents.uniform(stream="birth") < 0.1)
        agents.kill(agents.uniform(stream="death") < 0.1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 7), st.integers(0, 99))
def test_nobody_starves(limit: int, every: int, seed: int):
    stage = swarm.think(Mind, every=every, brains=limit)
    w = build("reference", stage)
    w.seed = seed
    w.tables["npc"].cap = 30
    w.schedule = (swarm.sense(Mind), stage, lambda world, dt: changing(world))
    most = 24
    for _ in range(25):
        w.step()
        most = max(most, w.counts()["npc"])
        assert stage.report(w).stalest <= every + -(-most // limit)


@pytest.mark.parametrize(
    "rate",
    [
        {"every": 3},
        {"every": 2, "brains": 7},
        {"every": Important(Npc.weight, every=4), "brains": 5},
        {"every": Near(Body.pos, (20, 20), within=15, every=5), "brains": 9},
    ],
)
def test_permuted_saved_and_on_both_backends_the_same(rate: dict, tmp_path):
    weights = np.random.default_rng(1).integers(0, 3, 60).astype(np.float32) / 2

    def run(backend: str, twist=None) -> swarm.World:
        w = build(backend, swarm.think(Mind, **rate), 60, npc=Npc(weight=weights), mutation=swarm.Mutation(0.1))
        w.schedule = (*w.schedule, lambda world, dt: changing(world))
        for t in range(12):
            w = (twist and twist(w, t)) or w
            w.step()
        return w

    def reload(w: swarm.World, t: int) -> swarm.World:
        w.save(tmp_path / "w")
        return swarm.World.load(tmp_path / "w", [Body, Energy, Npc, Mind, Player], w.schedule, backend=w.backend)

    straight = run("cpu")
    assert run("cpu", shuffle).hash() == run("cpu", reload).hash() == straight.hash()
    other = run("reference")
    for name in ("cpu", "reference"):
        assert run(name).hash() == {"cpu": straight, "reference": other}[name].hash()
    assert np.array_equal(by_id(straight.tables["npc"], straight.tables["npc"].ids()),
                          by_id(other.tables["npc"], other.tables["npc"].ids()))  # fmt: skip
    kept = (by_id(w.tables["npc"], w.tables["npc"].column(Mind.thought)) for w in (straight, other))
    assert np.array_equal(*kept)


def test_cuda_chooses_the_same(hosted):
    made = []
    for name in ("cpu", "cuda"):
        w = build(name, swarm.think(Mind, every=Important(Npc.weight, every=3), brains=5), 30)
        for _ in range(6):
            w.step()
        made.append(w)
    one, two = made
    assert np.array_equal(*(host(w.tables["npc"], Mind.thought) for w in made))
    assert np.array_equal(outputs(one), outputs(two))


@pytest.mark.parametrize("rate", [{"every": 3}, {"every": 2, "brains": 7}, {"every": Npc.pace, "brains": 4}])
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_each_of_several_worlds_thinks_as_alone(name: str, rate: dict):
    def alone(k: int) -> swarm.World:
        w = build(name, swarm.think(Mind, **rate), 20, npc=Npc(pace=3), mutation=swarm.Mutation(0.1))
        w.seed = k
        w.schedule = (*w.schedule, lambda world, dt: changing(world))
        return w

    joined = join((alone(k) for k in range(3)), 3)
    singles = [alone(k) for k in range(3)]
    for _ in range(8):
        joined.step()
        for k, one in enumerate(singles):
            one.step()
            assert joined.hash(k) == one.hash()


def test_asking_for_a_report_changes_nothing():
    stage = swarm.think(Mind, brains=5)
    w = build("cpu", stage)
    before = w.hash()
    assert stage.report(w).thought == 0
    assert w.hash() == before
    w.step()
    w.spawn(100, Body(pos=1), Energy(), Npc(), Mind(), name="npc")
    before = w.hash()
    stage.report(w)
    assert w.hash() == before


def test_a_driven_agent_is_driven_in_every_tick():
    w = build("cpu", swarm.think(Mind, every=6))
    who = int(w.tables["npc"].ids()[3])
    w.override(who, [7, 8])
    w.step()
    assert host(w.tables["npc"], Mind.actions)[3].tolist() == [7, 8]


# --- budget in time ---------------------------------------------------------------------------------------------------


def test_the_clock_fits_by_the_last_ticks():
    clock = Clock()
    assert clock.fit(1.0) is None
    clock.note(9.0, 9.0, 10)  # compiles
    assert clock.fit(1.0) is None
    clock.note(1.5, 1.0, 100)  # 10 ms a brain, 0.5 s beside
    assert clock.fit(1.0) == 40  # nine tenths of a second are given out
    for _ in range(7):
        clock.note(0.5, 0.5, 100)
    assert clock.fit(1.0) == int(0.9 * 800 / 4.5)  # the median beside is 0
    clock.note(0.5, 0.5, 100)  # the slow tick is forgotten
    assert clock.fit(1.0) == 180
    clock.note(0.7, 0.1, 0)  # nobody thought
    assert clock.fit(1.0) == 180
    assert clock.fit(1e-9) == 1  # there is always one


def test_a_budget_in_time_lets_fewer_think_and_nobody_starves(monkeypatch):
    """A clock that says 0.9 ms a brain: of 24 agents 4 fit in 4 ms."""
    monkeypatch.setattr(Clock, "note", lambda self, seconds, brains, thought: self._times.append((0.0, 9e-4, 1)))
    stage = swarm.think(Mind, budget=4.0)
    w = build("cpu", stage)
    assert thinking(w).all()  # nothing is known yet
    counts = np.zeros(24, int)
    for _ in range(6):
        thought = thinking(w)
        assert thought.sum() == 4
        counts += thought
    assert counts.tolist() == [1] * 24
    assert stage.report(w).share < 0.25


def test_a_generous_budget_lets_all_think():
    stage = swarm.think(Mind, budget=1e6)
    w = build("cpu", stage)
    for _ in range(4):
        assert thinking(w).all()
    report = stage.report(w)
    assert (report.share, report.stalest) == (1.0, 0)
    assert report.milliseconds > 0


# --- the order --------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0]), st.integers(0, 3)), min_size=1),
    st.integers(1, 20),
)
def test_pick_is_a_sort(agents, limit):
    late = np.array([a[0] for a in agents])
    weights = np.array([a[1] for a in agents], np.float32)
    priority = np.array([a[2] for a in agents], np.uint32)
    slots = np.random.default_rng(len(agents)).permutation(len(agents)).astype(np.uint32)
    found = pick(late, slots, lambda which: rank(weights[which], priority[which]), limit)
    order = np.lexsort((slots, priority, -weights, -late))
    assert sorted(found.tolist()) == sorted(order[:limit].tolist())


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ({"every": 0}, "every is 0, must be a whole number, 1 or more, an i32 column"),
        ({"every": 2.5}, "every is 2.5, must be a whole number"),
        ({"every": True}, "every is True, must be"),
        ({"budget": 0}, "budget is 0, must be a finite number above 0"),
        ({"budget": -3.0}, "budget is -3.0, must be"),
        ({"brains": 0}, "brains is 0, must be a whole number"),
        ({"brains": 2.0}, "brains is 2.0, must be a whole number"),
        ({"budget": 4.0, "brains": 100}, "budget=4.0 and brains=100 are two budgets"),
        ({"every": Important(Npc.weight)}, "changes nothing. Give it every=8, or think a budget"),
    ],
)
def test_settings_that_cannot_be(rate: dict, text: str):
    with pytest.raises(SettingsError, match=re.escape(text)):
        swarm.think(Mind, **rate)


@pytest.mark.parametrize("budget", [{"budget": 4.0}, {"brains": 3}])
def test_a_budget_needs_a_mind_that_keeps_its_pace(budget):
    with pytest.raises(SettingsError, match=r"under a budget Plain must keep when .* mind\(\.\.\., paced=True\)"):
        swarm.think(Plain, **budget)


def test_columns_that_cannot_be():
    with pytest.raises(SchemaError, match=r"think: Npc\.weight is float32, must be int32"):
        swarm.think(Mind, every=Npc.weight)
    with pytest.raises(SchemaError, match=r"Important: Npc\.pace is int32, must be float32"):
        Important(Npc.pace)
    with pytest.raises(SchemaError, match="Near: 'pos' is no column"):
        Near("pos", (1, 1), 5, 4)
    with pytest.raises(SettingsError, match="Near: within is 0, must be"):
        Near(Body.pos, (1, 1), 0, 4)
    with pytest.raises(SettingsError, match="Near: every is 0, must be"):
        Near(Body.pos, (1, 1), 5, 0)
    with pytest.raises(SettingsError, match="Near: points are"):
        Near(Body.pos, (1, 1, 1), 5, 4)
    w = world()
    w.spawn(1, Body(pos=1), Energy(), Mind(), name="npc", brains=NET)
    with pytest.raises(ScheduleError, match=r"reads Player\.spot, which is in no table"):
        w.schedule = (swarm.sense(Mind), swarm.think(Mind, every=Near(Body.pos, Player.spot, 5, 4)))


def test_periods_and_importance_that_are_found_wrong():
    w = build("cpu", swarm.think(Mind, every=Npc.pace))
    w.tables["npc"].column(Npc.pace)[5] = 0
    entity = int(w.tables["npc"].ids()[5])
    with pytest.raises(SettingsError, match=f"entity {entity} of table 'npc' has Npc.pace = 0 at tick 0"):
        w.step()
    w = build("cpu", swarm.think(Mind, every=Important(Npc.weight, every=3)))
    w.tables["npc"].column(Npc.weight)[5] = np.nan
    with pytest.raises(NonFiniteError, match=f"entity {entity} of table 'npc' has Npc.weight = nan"):
        w.step()


def test_an_output_that_is_not_finite(backend: str):
    w = build(backend, swarm.think(Mind, every=2))
    w.tables["npc"].brains.parameters[9] = np.nan
    entity = int(w.backend.host(w.tables["npc"].ids())[9])
    with pytest.raises(NonFiniteError, match=rf"entity {entity} of table 'npc'.*a parameter of its brain"):
        _ = [w.step() for _ in range(2)]
