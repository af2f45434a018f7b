"""The microscope: what it sees is true, what it does can be undone bit for bit, and it outlives the agent."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Brains, Own
from swarm.errors import DeadError, NonFiniteError, SaveError, SchemaError, SettingsError
from swarm.render.microscope import TICKS, Microscope, Notes
from swarm.render.steering import actions, explain
from tests.unit.stages.worlds import Body, Energy, Plant, host, world

Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("push_x", "push_y"), memory=2)
SMALL, OTHER = MLP((Mind.inputs, 7, 5, Mind.outputs)), MLP((Mind.inputs, 4, Mind.outputs), "relu")


def steer(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel += agents[Mind].actions
        agents[Energy].level += 0.1


def build(brains=SMALL, count: int = 12, dtype: str = "float32", backend: str = "reference", **options) -> swarm.World:
    w = world(backend)
    level = np.linspace(0.5, 2.5, count, dtype=np.float32)
    body = Body(pos=w.scatter, vel=np.linspace(-1, 1, 2 * count, dtype=np.float32).reshape(count, 2))
    w.spawn(count, body, Energy(level=level), Mind(), name="agent", brains=brains, dtype=dtype, **options)
    w.spawn(3, Plant(pos=1), name="plant")
    w.schedule = (swarm.sense(Mind), swarm.think(Mind), steer)
    w.step()
    return w


def ids_of(w: swarm.World, name: str = "agent") -> list[int]:
    return w.backend.host(w.tables[name].ids()).tolist()


def flat(w: swarm.World, id: int) -> bytes:
    return w.backend.host(w.brain(id).flat()).tobytes()


def answer(w: swarm.World, id: int, x: np.ndarray) -> np.ndarray:
    return w.backend.host(w.brain(id)(np.asarray(x, np.float32)[None]))[0]


# ---------------------------------------------------------------------- what is seen


def test_it_shows_what_the_agent_did_and_why():
    w = build()
    m = Microscope(w, ids_of(w)[4])
    for _ in range(5):
        w.step()
        m.update(w)
    assert m.groups == {"energy": 1, "speed": 2}
    assert m.names == ("push_x", "push_y")
    assert np.array_equal(m.senses, host(w.tables["agent"], Mind.senses)[4])
    assert np.array_equal(m.actions, host(w.tables["agent"], Mind.actions)[4])
    assert [len(layer) for layer in m.layers] == [7, 5, 4]
    assert np.allclose(m.layers[-1][:2], m.actions, atol=1e-6)  # with the memory it had then
    assert m.saliency.shape == (2, 3)
    assert np.array_equal(m.moved, m.saliency * m.senses)


def test_what_moves_it_of_late_is_a_running_mean():
    w = build()
    m = Microscope(w, ids_of(w)[4])
    mean = np.abs(m.moved)
    assert np.array_equal(m.lately, mean)
    for _ in range(4):
        w.step()
        m.update(w)
        mean = mean + (np.abs(m.moved) - mean) / 32
    assert np.allclose(m.lately, mean)


def test_saliency_is_the_difference_that_a_sense_makes():
    w = build()
    w.step()
    m = Microscope(w, ids_of(w)[2])
    x = np.concatenate([m.senses, m.inspection.memory]).astype(np.float64)
    brain = w.brain(m.id).astype("float64")
    for k in range(3):
        step = 1e-5 * np.eye(len(x))[k]
        slope = (brain((x + step)[None])[0, :2] - brain((x - step)[None])[0, :2]) / 2e-5
        assert np.allclose(m.saliency[:, k], slope, atol=1e-8)


def test_history_is_a_ring_of_the_last_ticks():
    w = build(count=2)
    m = Microscope(w, ids_of(w)[1])
    seen = {w.tick: m.actions.copy()}
    for _ in range(TICKS + 30):
        w.step()
        m.update(w)
        m.update(w)  # twice in one tick changes nothing
        seen[w.tick] = m.actions.copy()
    history = m.history
    assert history.ticks.tolist() == list(range(w.tick - TICKS + 1, w.tick + 1))
    assert np.array_equal(history.actions, [seen[tick] for tick in history.ticks.tolist()])
    assert np.array_equal(history.senses[-1], m.senses)


def test_history_of_a_world_that_went_back_ends_there(tmp_path):
    w = build()
    m = Microscope(w, ids_of(w)[1])
    for _ in range(6):
        w.step()
        m.update(w)
        if w.tick == 4:
            w.save(tmp_path / "world")
    before = m.history.actions.copy()
    again = swarm.World.load(
        tmp_path / "world", components=(Body, Energy, Mind, Plant), schedule=w.schedule, backend="reference"
    )
    m.update(again)
    assert m.history.ticks.tolist() == [1, 2, 3, 4]
    again.step()
    m.update(again)
    assert np.array_equal(m.history.actions, before[:5])


def test_agents_without_brain_or_mind_are_looked_at_too():
    w = build()
    w.spawn(2, Body(pos=1), Energy(), swarm.mind("Rule", eye=Own(Body.vel), actions=("a",)), name="ruled")
    plant, ruled = Microscope(w, ids_of(w, "plant")[0]), Microscope(w, ids_of(w, "ruled")[0])
    assert plant.layers == ruled.layers == ()
    assert plant.saliency.shape == (0, 0)
    assert ruled.saliency.shape == (1, 2)
    with pytest.raises(SchemaError, match="has no brains"):
        plant.ablate_sense(w, 0)


def test_nobody_is_no_one_to_look_at():
    with pytest.raises(DeadError):
        Microscope(build(), 99 << 32 | 1)


# ---------------------------------------------------------------------- ablation


def mixed() -> list[MLP]:
    return [SMALL, OTHER] * 6


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("brains", [SMALL, mixed()], ids=["equal", "mixed"])
def test_what_is_cut_off_has_no_say_and_comes_back_bit_for_bit(brains, dtype):
    w = build(brains, dtype=dtype)
    m = Microscope(w, ids_of(w)[3])
    before, everything, state = flat(w, m.id), [flat(w, k) for k in ids_of(w)], w.hash()
    x = np.random.default_rng(0).normal(size=Mind.inputs).astype(np.float32)
    normal = answer(w, m.id, x)
    m.ablate_sense(w, 1)
    m.ablate_unit(w, 0, 2)
    assert m.ablated == {(0, 1), (1, 2)}
    cut = answer(w, m.id, x)
    assert not np.array_equal(cut, normal)
    x[1] += 100
    assert np.array_equal(answer(w, m.id, x), cut)
    assert not m.saliency[:, 1].any()
    assert [flat(w, k) for k in ids_of(w) if k != m.id] == [b for k, b in zip(ids_of(w), everything) if k != m.id]
    m.ablate_sense(w, 1, off=False)
    assert m.ablated == {(1, 2)}
    m.restore(w)
    assert flat(w, m.id) == before
    assert w.hash() == state
    assert m.ablated == frozenset()
    assert m.edited == (m.id,)
    assert m.edited == ()


def test_a_unit_that_is_cut_passes_nothing_on_whatever_its_bias():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    x = np.random.default_rng(1).normal(size=Mind.inputs)
    for k in range(7):
        m.ablate_unit(w, 0, k)
    cut = answer(w, m.id, x)
    w.brain(m.id).bias(0)[:] += 3
    assert np.array_equal(answer(w, m.id, -x), cut)


def test_memory_is_an_input_that_can_be_cut():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    m.ablate_sense(w, 4)
    assert not w.brain(m.id).weight(0)[0, 4].any()


def test_the_edit_follows_its_agent_to_another_row():
    w = build()
    who = ids_of(w)
    m = Microscope(w, who[-1])
    before = flat(w, m.id)
    m.ablate_sense(w, 0)
    w.kill(who[:3])
    w.step()
    m.update(w)
    assert ids_of(w).index(m.id) < 3
    assert m.ablated == {(0, 0)}
    assert not w.brain(m.id).weight(0)[0, 0].any()
    m.restore(w)
    assert flat(w, m.id) == before


def test_notes_keep_what_was_cut_while_others_are_looked_at():
    w, notes = build(), Notes()
    one, two = ids_of(w)[:2]
    before = flat(w, one)
    Microscope(w, one, notes).ablate_unit(w, 1, 3)
    assert Microscope(w, two, notes).ablated == frozenset()
    again = Microscope(w, one, notes)
    assert again.ablated == {(2, 3)}
    again.restore(w)
    assert flat(w, one) == before


def test_a_brain_that_somebody_else_has_changed_is_left_alone():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    m.ablate_sense(w, 0)
    w.brain(m.id).weight(0)[:] = 0.25
    changed = flat(w, m.id)
    w.step()
    m.update(w)
    assert m.ablated == frozenset()
    m.restore(w)
    assert flat(w, m.id) == changed


def test_children_inherit_the_cut():
    w = build()
    m = Microscope(w, ids_of(w)[5])
    m.ablate_sense(w, 2)
    for agents in w.query(Mind):
        agents.birth([5])
    w.step()
    assert not w.brain(ids_of(w)[-1]).weight(0)[0, 2].any()


def test_a_unit_that_is_not_there():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    for call in (lambda: m.ablate_sense(w, 5), lambda: m.ablate_unit(w, 1, 5), lambda: m.ablate_unit(w, 2, 0)):
        with pytest.raises(SettingsError, match=r"has no .*; its brain 5-7-5-4"):
            call()
    assert m.edited == ()


def shared(rows: list[int]) -> swarm.World:
    pool = Brains(SMALL, 3, seed=1, backend="reference")
    return build(pool, count=len(rows), brain=np.array(rows))


def test_a_brain_of_many_is_not_changed(tmp_path):
    w = shared([0, 1, 0, 2, 0])
    w.spawn(1, Body(pos=1), Energy(), Mind(), name="own", brains=SMALL)
    before = w.hash()
    who = ids_of(w)
    m, own = Microscope(w, who[0]), Microscope(w, ids_of(w, "own")[0])
    own.save(w, tmp_path / "brain")
    for call in (
        lambda: m.ablate_sense(w, 0),
        lambda: own.copy_to(w, who[2]),
        lambda: m.load_into(w, tmp_path / "brain"),
    ):
        with pytest.raises(SettingsError, match=r"2 others have the brain of entity \d+, too.*Pick one of 'own'"):
            call()
    assert w.hash() == before
    Microscope(w, who[1]).ablate_sense(w, 0)  # nobody else has this row
    assert not w.brain(who[1]).weight(0)[0, 0].any()
    assert w.brain(who[0]).weight(0)[0, 0].any()


def test_within_a_pool_a_copy_is_another_row():
    w = shared([0, 1, 0, 2, 0])
    who, pool = ids_of(w), w.tables["agent"].brains
    before = pool.parameters.copy()
    m = Microscope(w, who[1])
    m.copy_to(w, who[2])
    assert w.tables["agent"].brain.tolist() == [0, 1, 1, 2, 0]
    assert np.array_equal(pool.parameters, before)
    assert m.edited == (who[2],)
    own = w.spawn(1, Body(pos=1), Energy(), Mind(), name="own", brains=SMALL)
    m.copy_to(w, own[0])
    assert flat(w, own[0]) == flat(w, who[1])


# ---------------------------------------------------------------------- brains that travel


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_copied_saved_and_loaded(tmp_path, dtype):
    w = build(dtype=dtype)
    one, two, three = ids_of(w)[:3]
    m = Microscope(w, one)
    m.copy_to(w, two)
    m.save(w, tmp_path / "brain.safetensors")
    m.load_into(w, tmp_path / "brain.safetensors", three)
    assert flat(w, one) == flat(w, two) == flat(w, three) != flat(w, ids_of(w)[3])
    assert m.edited == (two, three)
    m.load_into(w, tmp_path / "brain.safetensors")
    assert m.edited == (one,)


def test_a_mixed_pool_takes_other_architectures():
    w = build(mixed())
    one, two = ids_of(w)[:2]
    Microscope(w, one).copy_to(w, two)
    assert w.brain(two).mlp == SMALL
    assert flat(w, one) == flat(w, two)
    w.step()


def test_other_architectures_are_refused(tmp_path):
    w = build()
    w.spawn(2, Body(pos=1), Energy(), Mind(), name="other", brains=OTHER)
    before = w.hash()
    m = Microscope(w, ids_of(w)[0])
    with pytest.raises(SchemaError, match=r"is 5-7-5-4 tanh, entity .* of 'other' has 5-4-4 relu"):
        m.copy_to(w, ids_of(w, "other")[0])
    Brains(MLP((3, 2)), 1, backend="reference").save(tmp_path / "b")
    with pytest.raises(SchemaError, match=r"load: the brain in '.*' is 3-2, entity .* has 5-7-5-4 tanh") as caught:
        m.load_into(w, tmp_path / "b")
    assert "\n" not in str(caught.value)
    with pytest.raises(SchemaError, match="table 'plant' has no brains"):
        m.copy_to(w, ids_of(w, "plant")[0])
    assert w.hash() == before
    assert m.edited == ()


def test_files_that_are_none(tmp_path):
    w = build()
    m = Microscope(w, ids_of(w)[0])
    (tmp_path / "text").write_text("no brain")
    broken = Brains(SMALL, 1, backend="reference")
    broken.weight(0)[0, 0, 0] = np.nan
    broken.save(tmp_path / "nan")
    for name, error in (("text", SaveError), ("none", SaveError), ("nan", NonFiniteError)):
        with pytest.raises(error):
            m.load_into(w, tmp_path / name)
    with pytest.raises(SaveError, match="Cannot write"):
        m.save(w, tmp_path / "no folder" / "brain")


def test_a_brain_that_is_given_ends_the_cuts():
    w = build()
    one, two = ids_of(w)[:2]
    notes = Notes()
    m = Microscope(w, one, notes)
    m.ablate_sense(w, 0)
    Microscope(w, two, notes).copy_to(w, one)
    assert m.ablated == frozenset()
    m.restore(w)
    assert flat(w, one) == flat(w, two)


def test_cuts_are_known_again_where_the_brain_is_as_it_was_cut():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    before = flat(w, m.id)
    m.ablate_sense(w, 1)
    cut = w.brain(m.id).clone()
    w.brain(m.id).set(0, np.frombuffer(before, np.float32)[None])  # the time machine goes back ...
    w.step()
    m.update(w)
    assert m.ablated == frozenset()
    w.brain(m.id).set(0, cut)  # ... and forth
    w.step()
    m.update(w)
    assert m.ablated == {(0, 1)}
    m.restore(w)
    assert flat(w, m.id) == before


# ---------------------------------------------------------------------- driving and dying


def test_it_is_driven_until_it_is_let_go():
    w = build()
    m = Microscope(w, ids_of(w)[6])
    m.drive(w, m.steer({"left", "up"}))
    assert m.driving
    w.step()
    m.update(w)
    assert m.actions.tolist() == [-1, 1]
    assert not np.allclose(m.layers[-1][:2], m.actions)  # what its brain would have done
    m.drive(w, None)
    w.step()
    m.update(w)
    assert not m.driving
    assert np.allclose(m.layers[-1][:2], m.actions, atol=1e-6)


def test_death_leaves_the_last_look():
    w = build()
    m = Microscope(w, ids_of(w)[0])
    m.ablate_sense(w, 0)
    m.drive(w, [1, 0])
    last = m.inspection
    w.kill(m.id)
    w.step()
    m.update(w)
    w.step()
    m.update(w)
    w.spawn(1, Plant(pos=1), name="plant")  # which gets its slot
    w.step()
    m.update(w)
    assert (m.alive, m.driving, m.died) == (False, False, 1)
    assert m.inspection.id == last.id
    assert m.ablated == frozenset()
    m.restore(w)
    for call in (lambda: m.ablate_sense(w, 0), lambda: m.drive(w, [0, 0]), lambda: m.copy_to(w, ids_of(w)[0])):
        with pytest.raises(DeadError):
            call()


@pytest.mark.parametrize(
    ("names", "right", "up"),
    [
        (("push_x", "push_y"), [1, 0], [0, 1]),
        (("eat", "push_y", "push_x"), [0, 0, 1], [0, 1, 0]),
        (("turn", "push"), [-1, 0], [0, 1]),
        (("thrust", "steer"), [0, -1], [1, 0]),
        (("bite", "turn"), [0, -1], [1, 0]),
        (("a", "b", "c"), [1, 0, 0], [0, 1, 0]),
        (("only",), [1], [1]),
        ((), [], []),
    ],
)
def test_keys_become_actions_by_their_names(names, right, up):
    assert actions(names, {"right"}).tolist() == right
    assert actions(names, {"up"}).tolist() == up
    assert actions(names, {"left"}).tolist() == [-v for v in right]
    assert actions(names, {"left", "right"}).tolist() == actions(names, ()).tolist() == [0] * len(names)
    assert actions(names, {"down"}, 0.5).tolist() == [-0.5 * v for v in up]


def test_the_keys_in_words():
    assert explain(("push_x", "push_y")) == "left and right: push_x, up and down: push_y"
    assert explain(("only",)) == "left and right: only"


def test_on_a_device(hosted):
    w = build(backend="cuda")
    m = Microscope(w, ids_of(w)[2])
    before = flat(w, m.id)
    m.ablate_sense(w, 1)
    w.step()
    m.update(w)
    assert m.ablated == {(0, 1)}
    assert not m.saliency[:, 1].any()
    m.restore(w)
    assert flat(w, m.id) == before
    m.copy_to(w, ids_of(w)[3])
    assert flat(w, ids_of(w)[3]) == before
