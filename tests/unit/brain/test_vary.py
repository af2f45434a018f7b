"""Mutation and crossover: their statistics, their keys, and bfloat16's rounding."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import BFLOAT16, DTYPES, MLP
from swarm.brain.vary import Mutation, round_up_or_down
from swarm.errors import SchemaError, SettingsError

backends = pytest.mark.parametrize("backend", ["reference", "cpu"])
dtypes = pytest.mark.parametrize("dtype", DTYPES)
NET = MLP((7, 9, 3))  # 64 + 9 and 27 + 3 parameters: tails and gaps in every dtype


def pool(backend: str, dtype: str = "float32", count: int = 60, **more) -> Brains:
    return Brains(NET, count, backend=backend, dtype=dtype, **{"seed": 4, "init": "uniform", **more})


def gaps(brains: Brains) -> np.ndarray:
    free = np.ones(brains.layout.stride, bool)
    for block in brains.layout.blocks:
        free[block.start : block.start + block.length] = False
    return free


@backends
@dtypes
def test_exact_copies(backend: str, dtype: str) -> None:
    brains = pool(backend, dtype)
    before = brains.flat()
    for mutation in (None, Mutation(0.0), Mutation(0.5, rate=0.0)):
        brains.inherit([0, 0, 7], [30, 31, 32], tick=3, mutation=mutation)
        assert brains[30:33].flat().tobytes() == before[[0, 0, 7]].tobytes()
    assert brains[:30].flat().tobytes() == before[:30].tobytes()


@backends
@dtypes
@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_steps_have_the_stated_size_and_rate(backend: str, dtype: str, rate: float) -> None:
    brains = Brains(NET, 4000, seed=1, backend=backend, dtype=dtype, init="zeros")
    brains.inherit(np.zeros(3999, int), np.arange(1, 4000), tick=9, mutation=Mutation(0.5, rate))
    step = brains[1:].flat().astype(np.float64).ravel()
    taken = step != 0
    values = taken.sum()
    assert abs(taken.mean() - rate) < 5 * (rate * (1 - rate) / step.size) ** 0.5 + 1e-5
    assert abs(step.mean()) < 5 * 0.5 / values**0.5
    assert abs(step[taken].var() / 0.25 - 1) < 5 * (2 / values) ** 0.5 + 1e-4
    assert not brains.rows[:, gaps(brains)].any()


@backends
@dtypes
def test_a_child_is_the_same_wherever_it_stands(backend: str, dtype: str) -> None:
    brains = pool(backend, dtype)
    key = {"tick": 5, "mutation": Mutation(0.1, 0.5)}
    brains.inherit([3, 4, 3], [30, 41, 52], [100, 101, 102], [1, 2, 3], **key)
    one_thread = pool(backend, dtype, threads=1)
    one_thread.inherit([3], [20], [102], [3], **key)
    one_thread.inherit([4, 3], [21, 22], [101, 100], [2, 1], **key)
    assert brains.clone([30, 41, 52]).rows.tobytes() == one_thread.clone([22, 21, 20]).rows.tobytes()
    brains.inherit([3, 3, 3, 3], [20, 21, 22, 23], [100, 100, 100, 101], [1, 1, 2, 1], tick=6, mutation=Mutation(0.1))
    brains.inherit([3], [24], [100], [1], tick=6, seed=5, mutation=Mutation(0.1))
    rows = [brains[k].rows.tobytes() for k in range(20, 25)]
    assert rows[0] == rows[1]
    assert len(set(rows)) == 4


@backends
@dtypes
def test_mutating_in_place_is_inheriting_from_oneself(backend: str, dtype: str) -> None:
    brains, other = pool(backend, dtype), pool(backend, dtype)
    brains.mutate(Mutation(0.1), tick=2)
    other.grow(120)
    other.n = 120
    other.inherit(np.arange(60), np.arange(60, 120), slots=np.arange(60), tick=2, mutation=Mutation(0.1))
    assert other[60:].rows.tobytes() == brains.rows.tobytes()


@backends
def test_bfloat16_keeps_small_steps_on_average(backend: str) -> None:
    """Near 0.7 neighbouring bfloat16 values are 0.0039 apart: rounding to nearest would swallow these steps whole."""
    sigma, spacing, births = 0.0005, 2.0**-8, 3000
    brains = Brains(NET, births + 1, backend=backend, dtype="bfloat16", init="zeros")
    brains.set(0, np.full(NET.count, 0.69921875))
    brains.inherit(np.zeros(births, int), np.arange(1, births + 1), tick=1, mutation=Mutation(sigma))
    step = brains[1:].flat().astype(np.float64).ravel() - 0.69921875
    down_or_up = sigma * (2 / np.pi) ** 0.5 / spacing  # mean |step| in spacings: how often rounding moves
    assert set(np.unique(step)) == {-spacing, 0.0, spacing}
    assert abs((step != 0).mean() / down_or_up - 1) < 0.02
    assert abs(step.mean()) < 5 * (spacing * sigma / step.size) ** 0.5
    variance = spacing * sigma * (2 / np.pi) ** 0.5  # E[f] spacing^2, since a move happens with probability f
    assert abs(step.var() / variance - 1) < 0.02
    drift = brains[0].clone(np.zeros(50, int))
    for tick in range(100):
        drift.mutate(Mutation(0.002), tick=tick)
    wandered = drift.flat().astype(np.float64).ravel() - 0.69921875
    assert 0.8 < wandered.var() / (100 * spacing * 0.002 * (2 / np.pi) ** 0.5) < 1.2


@backends
def test_float16_keeps_small_steps_on_average(backend: str) -> None:
    """Near 0.7 neighbouring float16 values are 2^-11 apart."""
    sigma, spacing, births = 0.0001, 2.0**-11, 3000
    brains = Brains(NET, births + 1, backend=backend, dtype="float16", init="zeros")
    brains.set(0, np.full(NET.count, 0.69921875))
    brains.inherit(np.zeros(births, int), np.arange(1, births + 1), tick=1, mutation=Mutation(sigma))
    step = brains[1:].flat().astype(np.float64).ravel() - 0.69921875
    assert set(np.unique(step)) == {-spacing, 0.0, spacing}
    assert abs((step != 0).mean() / (sigma * (2 / np.pi) ** 0.5 / spacing) - 1) < 0.02
    assert abs(step.mean()) < 5 * (spacing * sigma / step.size) ** 0.5


def test_float16_goes_up_with_the_probability_of_the_part_cut_off() -> None:
    noise = np.arange(65536, dtype=np.uint32)
    for value, up in ((1.0, 0), (1.0 + 2**-12, 16384), (-1.0 - 2**-11, 32768), (2**-25, 32768), (-(2**-16), 0),
                      (2**-14 - 2**-26, 49152), (65504.0, 0), (0.0, 0)):  # fmt: skip
        rounded = round_up_or_down(np.full(65536, value, np.float32), noise, np.dtype(np.float16)).astype(np.float64)
        assert rounded.mean() == pytest.approx(value, rel=1e-12)
        assert (rounded != rounded[0]).sum() == up
    special = np.array([np.inf, -np.inf, np.nan, 1e6, -1e6], np.float32)
    rounded = round_up_or_down(special, np.full(5, 65535, np.uint32), np.dtype(np.float16))
    np.testing.assert_array_equal(rounded, [np.inf, -np.inf, np.nan, np.inf, -np.inf])


def test_rounding_goes_up_with_the_probability_of_the_part_cut_off() -> None:
    noise = np.arange(65536, dtype=np.uint32)
    for value, up in ((1.0, 0), (1.0 + 2**-9, 16384), (-1.0 - 2**-8 + 2**-20, 32768 - 8), (3e-39, None)):
        rounded = round_up_or_down(np.full(65536, value, np.float32), noise)
        assert rounded.dtype == BFLOAT16
        assert rounded.astype(np.float64).mean() == pytest.approx(float(np.float32(value)), rel=1e-12)
        if up is not None:
            assert (rounded.astype(np.float64) != rounded[0].astype(np.float64)).sum() == up
    special = round_up_or_down(np.array([np.inf, -np.inf, np.nan], np.float32), np.full(3, 65535, np.uint32))
    assert special[0] == np.inf
    assert special[1] == -np.inf
    assert np.isnan(special[2])


@backends
@dtypes
def test_crossover_takes_each_parameter_from_either_parent(backend: str, dtype: str) -> None:
    brains = Brains(NET, 2002, backend=backend, dtype=dtype, init="zeros")
    brains.set(0, np.full(NET.count, 1.0))
    brains.set(1, np.full(NET.count, 2.0))
    children = np.arange(2, 2002)
    brains.cross(np.zeros(2000, int), np.ones(2000, int), children, tick=7)
    genes = brains[2:].flat().astype(np.float64)
    assert set(np.unique(genes)) == {1.0, 2.0}
    assert abs(genes.mean() - 1.5) < 5 * 0.5 / genes.size**0.5
    assert (abs(genes.mean(axis=0) - 1.5) < 6 * 0.5 / 2000**0.5).all()
    assert len(np.unique(genes, axis=0)) == 2000
    assert not brains.rows[:, gaps(brains)].any()


@backends
@dtypes
def test_units_cross_whole(backend: str, dtype: str) -> None:
    brains = Brains(NET, 502, backend=backend, dtype=dtype, init="zeros")
    brains.set(0, np.full(NET.count, 1.0))
    brains.set(1, np.full(NET.count, 2.0))
    brains.cross(np.zeros(500, int), np.ones(500, int), np.arange(2, 502), tick=7, units=True)
    units = []
    for k in range(2):
        weight, bias = brains.weight(k)[2:].astype(float), brains.bias(k)[2:].astype(float)
        assert (weight == bias[:, None, :]).all()
        units.append(bias)
    units = np.concatenate(units, axis=1)
    assert abs(units.mean() - 1.5) < 5 * 0.5 / units.size**0.5
    assert abs(np.corrcoef(units.T) - np.eye(12)).max() < 5 / 500**0.5


@backends
def test_crossed_children_can_be_mutated_and_may_replace_a_parent(backend: str) -> None:
    brains, other = pool(backend), pool(backend)
    brains.cross([0, 1], [2, 3], [0, 10], tick=1, mutation=Mutation(0.1))
    other.cross([0, 1], [2, 3], [0, 10], tick=1)
    assert brains.rows.tobytes() != other.rows.tobytes()
    other.mutate(Mutation(0.1), [0, 10], tick=1)
    assert brains.rows.tobytes() == other.rows.tobytes()


def test_bad_variation_says_the_remedy() -> None:
    for arguments, said in (
        ((-0.1,), "sigma -0.1"),
        ((float("nan"),), "sigma nan"),
        ((0.1, 1.5), "rate 1.5"),
        (("a",), "sigma 'a'"),
    ):
        with pytest.raises(SettingsError, match=said):
            Mutation(*arguments)
    brains = pool("reference")
    with pytest.raises(SettingsError, match="row 60 of 60"):
        brains.inherit([0], [60])
    with pytest.raises(SchemaError, match="2 rows to read for 1 rows to write"):
        brains.inherit([0, 1], [5])
    with pytest.raises(SchemaError, match="slots and generations must be one number or 1"):
        brains.inherit([0], [5], slots=[1, 2])
    with pytest.raises(SettingsError, match="row 5 is read and overwritten"):
        brains.inherit([0, 5], [5, 6])
    with pytest.raises(SettingsError, match="written twice"):
        brains.inherit([0, 1], [5, 5])
