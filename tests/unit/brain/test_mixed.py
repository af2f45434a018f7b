"""Mixed pools: the order is kept, groups hold equal brains, and a table's births and deaths keep everyone's weights."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.backend.device import choose
from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.mlp import MLP
from swarm.brain.vary import Mutation
from swarm.errors import NonFiniteError, SchemaError, SettingsError

A, B, C = MLP((3, 5, 2)), MLP((3, 2), output="tanh"), MLP((3, 4, 4, 2), "relu", bias=False)
ORDER = [A, B, A, C, B, A]


def mixed(mlps: list[MLP] = ORDER, **more) -> MixedBrains:
    brains = Brains(mlps, **{"seed": 6, "backend": "reference", **more})
    assert isinstance(brains, MixedBrains)
    return brains


def weights(brains: Brains) -> list[bytes]:
    return [one.flat().tobytes() for one in brains]


def test_order_groups_and_members() -> None:
    brains = mixed()
    assert len(brains) == 6
    assert [one.mlp for one in brains] == ORDER
    assert [(g.mlp, g.positions.tolist()) for g in brains.groups] == [(A, [0, 2, 5]), (B, [1, 4]), (C, [3])]
    assert np.shares_memory(brains[2].rows, brains.groups[0].rows)
    assert brains[-1].flat().tobytes() == brains.groups[0][2].flat().tobytes()
    equal = Brains(A, 2, backend="reference")
    assert equal.groups == [equal]
    assert equal.positions.tolist() == [0, 1]
    assert repr(brains) == "<Brains: 6 of 3 architectures, float32, 720 bytes, reference>"


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_member_is_the_brain_it_would_be_alone(backend: str) -> None:
    brains = mixed(backend=backend)
    for k, mlp in enumerate(ORDER):
        assert brains[k].flat().tobytes() == Brains(mlp, 6, seed=6, backend=backend)[k].flat().tobytes()


def test_calls_answer_in_the_original_order() -> None:
    brains = mixed([MLP((5, h, 3), a) for a in ACTIVATIONS for h in (1, 7, 8)])
    x = np.random.default_rng(0).normal(size=(30, 4, 5))
    y = brains(x)
    assert y.shape == (30, 4, 3)
    for k in range(30):
        np.testing.assert_array_equal(y[k], brains[k](x[k : k + 1])[0])
    np.testing.assert_array_equal(brains(x[0], shared=True)[7], brains[7](x[0], shared=True)[0])
    np.testing.assert_allclose(brains(x[:, 0]), y[:, 0], rtol=1e-5, atol=1e-6)


def test_a_single_brain_takes_one_shared_sample() -> None:
    brains = mixed([A])
    np.testing.assert_array_equal(brains(np.ones((1, 3))), brains[0](np.ones((1, 3))))


def test_what_belongs_to_one_architecture_names_groups() -> None:
    brains = mixed()
    asks = {
        "parameters": lambda: brains.parameters,
        "weight": lambda: brains.weight(0),
        "bias": lambda: brains.bias(0),
        "flat": brains.flat,
        "mlp": lambda: brains.mlp,
        "layout": lambda: brains.layout,
        "rows": lambda: brains.rows,
    }
    for name, ask in asks.items():
        with pytest.raises(SettingsError, match=rf"no `{name}`.*for group in brains\.groups: group\.{name}"):
            ask()
    assert not hasattr(brains, "mlp")
    with pytest.raises(AttributeError, match="has no 'wieght'"):
        brains.wieght  # noqa: B018
    with pytest.raises(SettingsError, match=r"clone\(rows\)"):
        brains[1:3]


def test_differing_widths_cannot_answer_in_one_array() -> None:
    with pytest.raises(SchemaError, match="outputs of this mixed pool differ: 2, 4"):
        mixed([A, MLP((3, 4))])(np.zeros((2, 3)))
    with pytest.raises(SchemaError, match="inputs of this mixed pool differ: 3, 5"):
        mixed([A, MLP((5, 2))])(np.zeros((2, 3)))


def test_bad_mixes_say_the_remedy() -> None:
    for mlps, more, said in (
        ([], {}, "one architecture at least"),
        ([A, (3, 2)], {}, r"\(3, 2\) is not an architecture"),
        ([A, B], {"count": 3}, "count 3 for 2 architectures"),
        ([A, B], {"init": "he2"}, "'he2' is unknown"),
    ):
        with pytest.raises(SettingsError, match=said):
            mixed(mlps, **more)
    brains = mixed()
    with pytest.raises(SettingsError, match="cannot be crossed"):
        brains.cross([0], [1], [2])
    with pytest.raises(SettingsError, match="different architectures"):
        brains.set([0, 1], np.zeros(32))
    brains.grow(8)
    with pytest.raises(SettingsError, match="row 7 holds no brain"):
        brains.inherit([7], [6])
    with pytest.raises(SettingsError, match="no architecture"):
        brains.initialise([7])
    with pytest.raises(SettingsError, match="brain column"):
        brains.forward(np.zeros((6, 1, 3)), np.zeros((6, 1, 2)), np.zeros(6, int))


def test_edits_clones_and_pickles() -> None:
    brains = mixed()
    before = weights(brains)
    for other in (brains.clone(), pickle.loads(pickle.dumps(brains)), brains.astype("float64").astype("float32")):
        assert weights(other) == before
    assert weights(brains.clone([5, 1, 1])) == [before[5], before[1], before[1]]
    brains.set(0, brains[2])
    brains.set([1, 4], np.zeros(8))
    assert weights(brains)[0] == before[2]
    assert weights(brains)[4] == bytes(32)
    brains.groups[1].weight(0)[1] = np.inf
    with pytest.raises(NonFiniteError, match=r"weight \[0, 0\] of layer 0 of brain 4 is inf"):
        brains.check_finite()


def test_children_join_their_parents_architecture() -> None:
    brains = mixed()
    before = weights(brains)
    brains.grow(10)
    brains.inherit([3, 0, 1], [6, 7, 8])
    brains.n = 9
    assert [one.mlp for one in brains][6:] == [C, A, B]
    assert weights(brains)[6:] == [before[3], before[0], before[1]]
    brains.inherit([3, 8], [0, 2])  # into rows whose brains have died
    assert [one.mlp for one in brains][:3] == [C, B, B]
    brains.cross([6], [0], [1], units=True, mutation=Mutation(0.1))
    assert brains[1].mlp == C
    brains.n = 9
    assert sum(map(len, brains.groups)) == 9


def test_rows_can_be_set_to_brains_of_any_architecture() -> None:
    brains, other = mixed(), Brains([B, MLP((3, 9, 2)), B], seed=1, backend="reference")
    before = weights(brains)
    brains.grow(8)
    brains.n = 8  # two rows that hold no brain yet
    brains.set([6, 7, 1], other)
    assert [one.mlp for one in brains] == [A, B, A, C, B, A, B, MLP((3, 9, 2))]
    assert weights(brains) == [before[0], weights(other)[2], *before[2:], *weights(other)[:2]]
    assert brains(np.zeros((8, 3))).shape == (8, 2)
    brains.n = 8
    assert sum(map(len, brains.groups)) == 8
    with pytest.raises(SettingsError, match="different architectures"):
        brains.set([0, 1], Brains(A, 1, backend="reference"))
    with pytest.raises(SettingsError, match="written twice"):
        brains.set([3, 3], Brains(A, 2, backend="reference"))


def test_a_brain_that_changes_its_architecture_leaves_no_answer_behind() -> None:
    brains = mixed([A, B, A])
    x = np.linspace(-1, 1, 9, dtype=np.float32).reshape(3, 3)
    before = brains(x)
    brains.set([1], Brains(C, 1, seed=9, backend="reference"))
    after = brains(x)
    assert after[[0, 2]].tobytes() == before[[0, 2]].tobytes()
    assert after[1].tobytes() == brains[1](x[1:2])[0].tobytes()
    assert [group.positions.tolist() for group in brains.groups] == [[0, 2], [], [1]]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_group_may_die_out(backend: str) -> None:
    brains = mixed([A, B, C], backend=backend)
    y = brains(np.ones((3, 3)))
    brains.move([2], [0])
    brains.n = 2
    assert [len(group) for group in brains.groups] == [0, 1, 1]
    np.testing.assert_array_equal(brains(np.ones((2, 3))), y[[2, 1]])


def test_a_pool_moves_to_another_backend_whole() -> None:
    brains = mixed()
    brains.backend = choose("cpu")
    assert {group.backend.name for group in brains.groups} == {"cpu"}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_life_of_births_deaths_and_permutations_keeps_everyones_weights(data: st.DataObject) -> None:
    """Against a plain list of weights to which the same is done."""
    brains = mixed(data.draw(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=8)))
    twin = [(one.mlp, one.flat().tobytes()) for one in brains]
    for _ in range(data.draw(st.integers(1, 5))):
        n = len(twin)
        dead = sorted(data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1)))
        parents = data.draw(st.lists(st.integers(0, n - 1), max_size=4))
        brains.grow(n + len(parents))
        brains.inherit(parents, np.arange(n, n + len(parents)))
        twin += [twin[k] for k in parents]
        left = len(twin) - len(dead)
        holes = [k for k in dead if k < left]
        last = [k for k in range(left, len(twin)) if k not in dead]
        brains.move(last, holes)
        for hole, source in zip(holes, last, strict=True):
            twin[hole] = twin[source]
        twin = twin[:left]
        brains.n = left
        order = data.draw(st.permutations(range(left)))
        brains.permute(order)
        twin = [twin[k] for k in order]
        assert [(one.mlp, one.flat().tobytes()) for one in brains] == twin
        members = np.concatenate([group.positions for group in brains.groups])
        assert sorted(members) == list(range(left))
