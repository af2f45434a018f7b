"""override: given actions take the place of the brain's. State, ends with death, and its log makes a run again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm import MLP, Brains, Own
from swarm.errors import DeadError, NonFiniteError, SaveError, ScheduleError, SchemaError, SettingsError
from swarm.worlds import join
from tests.unit.stages.worlds import Body, Energy, Plant, host, shuffle, world

Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("x", "y"), memory=2)


def steer(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel += agents[Mind].actions


def build(backend: str, count: int = 20, brains=None) -> swarm.World:
    w = world(backend)
    brains = MLP((Mind.inputs, 7, Mind.outputs)) if brains is None else brains
    w.spawn(count, Body(pos=w.scatter), Energy(), Mind(), name="agent", brains=brains)
    w.spawn(2, Plant(pos=1), name="plant")
    w.schedule = (swarm.sense(Mind), swarm.think(Mind), steer)
    return w


def actions(w: swarm.World) -> np.ndarray:
    return host(w.tables["agent"], Mind.actions)


def ids_of(w: swarm.World, name: str = "agent") -> list[int]:
    return w.backend.host(w.tables[name].ids()).tolist()


def test_actions_are_replaced_until_they_are_given_back(backend: str):
    w, plain = build(backend), build(backend)
    who = ids_of(w)[5]
    w.override(who, [0.5, -2])
    for one in (w, plain):
        one.step()
    assert actions(w)[5].tolist() == [0.5, -2]
    others = np.arange(20) != 5
    assert np.array_equal(actions(w)[others], actions(plain)[others])
    memory = (host(one.tables["agent"], Mind.memory) for one in (w, plain))
    assert np.array_equal(*memory)  # the brain goes on
    for _ in range(3):
        w.step()
    assert actions(w)[5].tolist() == [0.5, -2]
    w.override(who, None)
    assert not {"overrides", "overridden actions"} & set(w.resources)
    w.step()
    assert actions(w)[5].tolist() != [0.5, -2]
    assert w.overrides == ((0, who, (0.5, -2.0)), (4, who, None))


def test_without_calls_nothing_is_kept():
    w = build("cpu")
    w.step()
    assert not w.resources
    assert w.overrides == ()


def test_the_hash_knows(backend: str):
    one, two, plain = (build(backend) for _ in range(3))
    a, b = ids_of(one)[2:4]
    one.override(a, [1, 0])
    assert one.hash() != plain.hash()
    one.override(b, [0, 1])
    two.override(b, [0, 1])  # in another order
    two.override(a, [1, 0])
    assert one.hash() == two.hash()
    one.override(a, None)
    one.override(b, None)
    assert one.hash() == plain.hash()


def test_it_ends_with_death(backend: str):
    w = build(backend)
    a, b = ids_of(w)[:2]
    w.override(a, [1, 1])
    w.override(b, [2, 2])
    w.kill([a])
    w.step()
    assert w.backend.host(w.resources["overrides"]).tolist() == [b]
    assert not w.inspect(ids_of(w)[0]).overridden or ids_of(w)[0] == b
    with pytest.raises(DeadError, match=f"entity {a} .*died at tick 0"):
        w.override(a, [1, 1])
    w.kill([b])
    w.step()
    assert "overrides" not in w.resources
    w.step()


@pytest.mark.parametrize("declared", [True, False])
def test_a_mind_that_a_rule_decides_for(backend: str, declared: bool):
    """No brains: a system of the user's own writes the actions."""
    w = world(backend)

    def rule(world, dt):
        for agents in world.query(Mind):
            agents[Mind].actions[:] = 1

    if declared:
        rule = swarm.system(reads=[Mind.senses], writes=[Mind.actions])(rule)
    a, b = w.spawn(2, Body(pos=1), Energy(), Mind(), name="agent").tolist()
    w.schedule = (swarm.sense(Mind), rule, steer)
    w.override(b, [5, 6])
    w.step()
    assert actions(w).tolist() == [[1, 1], [5, 6]]
    assert host(w.tables["agent"], Body.vel).tolist() == [[1, 1], [5, 6]]
    w.override(b, None)
    w.step()
    assert actions(w).tolist() == [[1, 1], [1, 1]]
    assert w.inspect(a).actions == {"x": 1, "y": 1}


def test_children_are_not_driven():
    w = build("cpu", 1)
    (a,) = ids_of(w)
    w.override(a, [3, 3])
    w.schedule = (
        *w.schedule,
        lambda world, dt: [agents.birth(agents[Energy.level] > 0) for agents in world.query(Mind)],
    )
    w.step()
    w.step()
    assert (actions(w)[np.array(ids_of(w)) == a] == 3).all()
    assert (actions(w)[np.array(ids_of(w)) != a] != 3).all()


def test_minds_with_other_numbers_of_actions_side_by_side():
    Turret = swarm.mind("Turret", energy=Own(Energy.level), actions=("aim",))
    w = build("cpu")
    (t,) = w.spawn(1, Energy(), Turret(), name="turret", brains=MLP((Turret.inputs, Turret.outputs)))
    w.schedule = (*w.schedule, swarm.sense(Turret), swarm.think(Turret))
    a = ids_of(w)[-1]
    w.override(t, [7])
    w.override(a, [1, 2])
    w.step()
    assert host(w.tables["turret"], Turret.actions).tolist() == [[7]]
    assert actions(w)[-1].tolist() == [1, 2]


def play(w: swarm.World, ticks: int, calls, each=None) -> swarm.World:
    """`ticks` ticks with these calls: tick -> [(who, actions)]."""
    for t in range(ticks):
        for k, values in calls.get(t, ()):
            w.override(sorted(ids_of(w))[k], values)
        w = (each and each(w, t)) or w
        w.step()
    return w


CALLS = {0: [(3, [1, 0]), (7, [0, 1])], 2: [(3, [0.25, 0.125])], 5: [(3, None), (1, [9, 9])]}


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_saved_loaded_permuted_the_run_is_the_same(name: str, tmp_path):
    straight = play(build(name), 9, CALLS)

    def reload(w, t):
        w.save(tmp_path / "w")
        return swarm.World.load(tmp_path / "w", [Body, Energy, Plant, Mind], w.schedule, backend=name)

    loaded = play(build(name), 9, CALLS, reload)
    permuted = play(build(name), 9, CALLS, lambda w, t: shuffle(w, t))
    assert loaded.hash() == permuted.hash() == straight.hash()
    assert loaded.overrides == straight.overrides == permuted.overrides
    assert play(build(name), 9, {}).hash() != straight.hash()


def test_backends_agree_on_actions(hosted):
    made = [play(build(name), 6, CALLS) for name in ("cpu", "cuda")]
    driven = [k for k, id in enumerate(ids_of(made[0])) if made[0].inspect(id).overridden]
    assert len(driven) == 2
    assert np.array_equal(*(actions(w)[driven] for w in made))


def test_driving_on_cuda_leaves_the_graph_and_comes_back(hosted):
    w, plain = (swarm.scene("foragers", agents=40, seed=2, backend="cuda") for _ in range(2))
    captured = w.profile.names
    who = int(w.backend.host(w.tables["forager"].ids())[0])
    for t in range(8):
        if t == 3:
            w.override(who, [0, 0])
            assert "think Mind" in w.profile.names
        if t == 6:
            w.override(who, None)
        w.step()
        plain.step()
    assert w.profile.names == captured
    assert w.hash() != plain.hash()
    again = swarm.replay(swarm.scene("foragers", agents=40, seed=2, backend="cuda"), w.overrides, 8)
    assert again.hash() == w.hash()


@settings(max_examples=10, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 5),
        st.lists(
            st.tuples(st.integers(0, 3), st.none() | st.tuples(st.floats(-3, 3, width=32), st.floats(-3, 3, width=32))),
            max_size=3,
        ),
    )
)
def test_a_log_makes_the_run_again(calls):
    one = play(build("cpu", 4), 6, calls)
    two = swarm.replay(build("cpu", 4), one.overrides, one.tick)
    assert two.hash() == one.hash()
    assert two.overrides == one.overrides


def test_a_scene_saved_by_file_keeps_its_log(tmp_path):
    w = swarm.scene("foragers", agents=50, seed=4, backend="cpu")
    for t in range(6):
        if t in (1, 4):
            w.override(int(w.tables["forager"].ids()[0]), [t, -t])
        w.step()
    w.save(tmp_path / "w")
    loaded = swarm.World.load(tmp_path / "w", backend="cpu")
    assert loaded.hash() == w.hash()
    assert loaded.overrides == w.overrides != ()
    again = swarm.replay(swarm.scene("foragers", agents=50, seed=4, backend="cpu"), loaded.overrides, 6)
    assert again.hash() == w.hash()


def test_a_call_behind_the_last_tick_is_made_as_well():
    one = build("cpu")
    one.step()
    one.override(ids_of(one)[0], [1, 1])
    assert swarm.replay(build("cpu"), one.overrides, 1).hash() == one.hash()


def test_what_cannot_be_replayed():
    one = build("cpu")
    one.step()
    one.override(ids_of(one)[0], [1, 1])
    with pytest.raises(SettingsError, match="made at tick 1, the replay runs from tick 0 to 0"):
        swarm.replay(build("cpu"), one.overrides, 0)
    late = build("cpu")
    late.step()
    late.step()
    with pytest.raises(SettingsError, match=r"runs from tick 2 to 5\. Begin with the world as it was built"):
        swarm.replay(late, one.overrides, 5)


@pytest.mark.parametrize("values", [[1], [1, 2, 3], 1.0, [[1, 2]], "xy", ["a", "b"]])
def test_another_number_of_actions(values):
    w = build("cpu")
    before = w.hash()
    with pytest.raises(SchemaError, match=r"its mind has 2: x, y\. Give one number for each"):
        w.override(ids_of(w)[0], values)
    assert (w.hash(), w.overrides) == (before, ())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_actions_that_are_not_finite(bad):
    w = build("cpu")
    with pytest.raises(NonFiniteError, match=r"override of entity .*: 'y' is not finite"):
        w.override(ids_of(w)[0], [1, bad])
    assert w.overrides == ()


def test_an_entity_without_mind():
    w = build("cpu")
    with pytest.raises(SchemaError, match="of table 'plant' has no mind, so it has no actions"):
        w.override(ids_of(w, "plant")[0], [1, 2])


def test_within_a_tick():
    w = build("cpu")
    who = ids_of(w)[0]
    w.schedule = (*w.schedule, lambda world, dt: world.override(who, [1, 2]))
    with pytest.raises(ScheduleError, match=r"Call it between ticks; a system writes the column"):
        w.step()


def test_several_worlds_in_one():
    joined = join((build("cpu") for _ in range(2)), 2)
    with pytest.raises(SettingsError, match=r"these are 2 worlds in one\. Drive it in a world of its own"):
        joined.override(ids_of(joined)[0], [1, 2])


def test_a_log_that_is_not_whole():
    from swarm.ecs import override

    with pytest.raises(SaveError, match="log of overrides is not whole"):
        override.unpack({"override log/tick": np.zeros(1, np.int64)})


def test_shared_brains_are_driven_one_by_one():
    pool = Brains(MLP((Mind.inputs, 3, Mind.outputs)), count=2, seed=1, backend="cpu")
    w = world("cpu")
    w.spawn(4, Body(pos=1), Energy(), Mind(), name="agent", brains=pool, brain=np.array([0, 1, 0, 1]))
    w.schedule = (swarm.sense(Mind), swarm.think(Mind))
    w.override(ids_of(w)[2], [5, 6])
    w.step()
    assert actions(w)[2].tolist() == [5, 6]
    assert (actions(w)[[0, 1, 3]] != 5).all()
