"""Pools: views into rows, calls and their shapes, edits, growth, and what bad calls are told."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES, MLP
from swarm.brain.rows import SPARE
from swarm.errors import CapacityError, NonFiniteError, SchemaError, SettingsError

architectures = st.builds(
    MLP, st.lists(st.integers(1, 20), min_size=2, max_size=5), activation=st.just("tanh"), bias=st.booleans()
)
dtypes = st.sampled_from(sorted(DTYPES))


def pool(mlp: MLP = MLP((3, 5, 2)), count: int = 6, **more) -> Brains:  # noqa: B008  (frozen)
    return Brains(mlp, count, **{"seed": 1, "backend": "reference", **more})


@settings(max_examples=60)
@given(architectures, dtypes, st.integers(1, 5))
def test_views_address_the_rows(mlp: MLP, dtype: str, count: int) -> None:
    brains = pool(mlp, count, dtype=dtype, init="zeros")
    rows, number = np.zeros((count, brains.layout.stride)), 1
    for k, layer in enumerate(brains.layout.layers):
        for view, start in ((brains.weight(k), layer.weight), *([(brains.bias(k), layer.bias)] if mlp.bias else [])):
            values = number + np.arange(view.size).reshape(view.shape) % 200
            view[...] = values
            rows[:, start : start + view[0].size] = values.reshape(count, -1)
            number += 1
    np.testing.assert_array_equal(brains.rows.astype(float), rows)
    np.testing.assert_array_equal(brains.parameters.astype(float), rows[:, : brains.layout.size])
    assert brains.flat().shape == (count, mlp.count)
    np.testing.assert_array_equal(np.sort(brains.flat().astype(float)), np.sort(rows)[:, rows.shape[1] - mlp.count :])


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_start_on_a_cache_line_with_room_behind(dtype: str) -> None:
    brains = pool(dtype=dtype)
    raw = brains.rows
    while isinstance(raw.base, np.ndarray):
        raw = raw.base
    end = brains.rows.ctypes.data + brains.rows.nbytes
    assert brains.rows.ctypes.data % 64 == 0
    assert raw.ctypes.data + raw.nbytes >= end + SPARE
    assert 15 * brains.dtype.itemsize <= SPARE


def test_lengths_names_and_repr() -> None:
    brains = pool(MLP((16, 32, 4)), 1000)
    assert len(brains) == brains.n == brains.capacity == 1000
    assert (brains.inputs, brains.outputs) == (16, 4)
    assert repr(brains) == "<Brains: 1,000 x 16-32-4 tanh, 676 parameters each, float32, 2.7 MB, reference>"
    assert len(pool(count=0)) == 0
    assert pool(count=0)(np.zeros((0, 3))).shape == (0, 2)


@pytest.mark.parametrize(
    ("shape", "shared", "result"),
    [
        ((6, 3), False, (6, 2)),
        ((6, 4, 3), False, (6, 4, 2)),
        ((1, 4, 3), False, (6, 4, 2)),
        ((4, 3), True, (6, 4, 2)),
        ((6, 3), True, (6, 6, 2)),
        ((3,), True, (6, 2)),
        ((1, 4, 3), True, (6, 4, 2)),
        ((6, 0, 3), False, (6, 0, 2)),
    ],
)
def test_shapes_of_calls(shape: tuple, shared: bool, result: tuple) -> None:
    assert pool()(np.zeros(shape), shared=shared).shape == result


@pytest.mark.parametrize(
    ("shape", "shared", "said"),
    [
        ((6, 4), False, r"has 4 inputs, the brains take 3.*MLP\(\(4, \.\.\.\)\)"),
        ((), False, r"no inputs"),
        ((5, 3), False, r"does not fit 6 brains.*\[6, 3\].*shared=True"),
        ((3,), False, r"does not fit 6 brains"),
        ((2, 4, 3), False, r"does not fit 6 brains"),
        ((2, 4, 3), True, r"cannot be shared"),
        ((1, 6, 4, 3), False, r"does not fit"),
    ],
)
def test_shapes_that_do_not_fit_say_what_would(shape: tuple, shared: bool, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        pool()(np.zeros(shape), shared=shared)


def test_any_numbers_are_inputs_and_nothing_else() -> None:
    brains = pool()
    x = np.arange(18).reshape(6, 3)
    for kind in (np.uint8, np.int64, np.float64, np.float16, DTYPES["bfloat16"]):
        np.testing.assert_array_equal(brains(x.astype(kind)), brains(x))
    np.testing.assert_array_equal(brains(x[:, ::-1].tolist()), brains(np.ascontiguousarray(x[:, ::-1])))
    for wrong in (x.astype(complex), x.astype(str)):
        with pytest.raises(SchemaError, match="not numbers"):
            brains(wrong)


def test_one_brain_shares_the_memory() -> None:
    brains = pool()
    one = brains[2]
    one.weight(0)[...] = 7
    assert (brains.weight(0)[2] == 7).all()
    assert (brains.weight(0)[1] != 7).all()
    assert len(one) == 1
    assert len(brains[1:4]) == 3
    assert np.shares_memory(brains[1:4].rows, brains.rows)
    np.testing.assert_array_equal(brains[-1].flat(), brains.flat()[5:])
    assert [float(b.flat()[0, 0]) for b in brains] == brains.flat()[:, 0].tolist()
    with pytest.raises(IndexError, match="row 6 of 6"):
        brains[6]
    with pytest.raises(SettingsError, match=r"clone\(rows\)"):
        brains[::2]
    with pytest.raises(SettingsError, match=r"clone\(rows\)"):
        brains[[1, 2]]  # type: ignore[index]
    with pytest.raises(SettingsError, match="view cannot grow"):
        one.grow(10)


def test_clones_and_pickles_share_nothing() -> None:
    brains = pool(dtype="bfloat16")
    for other in (brains.clone(), copy.deepcopy(brains), pickle.loads(pickle.dumps(brains))):
        np.testing.assert_array_equal(other.rows, brains.rows)
        assert not np.shares_memory(other.rows, brains.rows)
        assert other.mlp == brains.mlp
    np.testing.assert_array_equal(brains.clone([4, 4, 0]).flat(), brains.flat()[[4, 4, 0]])
    mask = np.array([True, False, True, False, False, False])
    np.testing.assert_array_equal(brains.clone(mask).flat(), brains.flat()[[0, 2]])


def test_flat_and_set_are_inverse() -> None:
    brains, other = pool(), pool(seed=2)
    other.set(slice(None), brains.flat())
    np.testing.assert_array_equal(other.rows, brains.rows)
    other.set(1, brains[3])
    other.set([4, 5], brains[0:1])
    np.testing.assert_array_equal(other.flat()[[1, 4, 5]], brains.flat()[[3, 0, 0]])
    with pytest.raises(SchemaError, match=r"do not fit 2 brains of 32.*\[2, 32\]"):
        other.set([0, 1], np.zeros((2, 7)))
    with pytest.raises(SchemaError, match="3-4-2 tanh does not fit a pool of 3-5-2 tanh"):
        other.set(0, pool(MLP((3, 4, 2)), 1))


def test_dtypes_convert() -> None:
    brains = pool()
    assert brains.astype("float64").astype("float32").flat().tobytes() == brains.flat().tobytes()
    half = brains.astype("bfloat16")
    np.testing.assert_allclose(half.flat().astype(np.float32), brains.flat(), rtol=2**-8)
    np.testing.assert_allclose(half(np.ones((6, 3))), brains(np.ones((6, 3))), atol=0.02)


def test_growth_moves_and_permutations() -> None:
    brains = pool()
    before = brains.flat()
    brains.grow(10)
    brains.grow(3)
    assert (len(brains), brains.capacity) == (6, 10)
    np.testing.assert_array_equal(brains.flat(), before)
    assert not brains.rows[6:].any()
    brains.move([4, 5], [0, 2])
    brains.n = 4
    np.testing.assert_array_equal(brains.flat(), before[[4, 1, 5, 3]])
    brains.permute([3, 2, 1, 0])
    np.testing.assert_array_equal(brains.flat(), before[[3, 5, 1, 4]])
    with pytest.raises(SettingsError, match=r"grow\(11\)"):
        brains.n = 11
    with pytest.raises(SettingsError, match="each of the 4 rows once"):
        brains.permute([0, 0, 1, 2])
    with pytest.raises(SettingsError, match="row 1 is read and overwritten"):
        brains.move([1, 2], [3, 1])
    with pytest.raises(SettingsError, match="written twice"):
        brains.move([4, 5], [0, 0])
    with pytest.raises(SchemaError, match="2 rows to read for 1 rows to write"):
        brains.move([4, 5], [0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_non_finite_parameters_are_found_and_named(dtype: str) -> None:
    brains = pool(count=5000, dtype=dtype)
    brains.check_finite()
    brains.weight(0)[4500, 2, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"weight \[2, 1\] of layer 0 of brain 4,500 is nan"):
        brains.check_finite()
    brains.bias(1)[4, 1] = np.inf
    with pytest.raises(NonFiniteError, match=r"bias \[1\] of layer 1 of brain 4 is inf"):
        brains.check_finite()


@pytest.mark.parametrize(
    ("arguments", "more", "said"),
    [
        ((MLP((2, 3)),), {}, r"count None must be a whole number"),
        ((MLP((2, 3)), -1), {}, r"count -1"),
        ((MLP((2, 3)), 2.5), {}, r"count 2\.5"),
        (((2, 3), 5), {}, r"2 is not an architecture"),
        (("2-3", 5), {}, r"'2-3' is not an architecture"),
        ((MLP((2, 3)), 5), {"dtype": "int8"}, r"int8 cannot hold parameters"),
        ((MLP((2, 3)), 5), {"init": "xavier"}, r"'xavier' is unknown"),
        ((MLP((2, 3)), 5), {"init": "glorrot"}, r"Did you mean 'glorot'"),
        ((MLP((2, 3)), 5), {"seed": -1}, r"seed: -1"),
        ((MLP((2, 3)), 5), {"backend": "gpu"}, r"'gpu' is unknown"),
        ((MLP((3000, 3000)), 1), {}, r"9,003,000 parameters in one brain"),
    ],
)
def test_bad_pools_say_the_remedy(arguments: tuple, more: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Brains(*arguments, **more)


def test_a_pool_beyond_memory_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(CapacityError, match=r"1,000,000,000,000 brains of 2,704 bytes.*would fit"):
        Brains(MLP((16, 32, 4)), 10**12, backend="reference")


def test_missing_layers_and_biases_are_named() -> None:
    with pytest.raises(IndexError, match=r"layer 2 of 3-5-2 tanh, which has layers 0 \.\. 1"):
        pool().weight(2)
    assert pool().weight(-1).shape == (6, 5, 2)
    with pytest.raises(SettingsError, match="has no biases"):
        pool(MLP((3, 2), bias=False)).bias(0)


def test_parameters_travel_without_copies() -> None:
    brains = pool()
    borrowed = np.from_dlpack(brains.parameters)
    assert np.shares_memory(borrowed, brains.rows)
