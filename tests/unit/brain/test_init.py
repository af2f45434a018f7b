"""First weights: their scale, and that every brain is its own."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.init import SCHEMES, scales
from swarm.brain.mlp import DTYPES, MLP
from swarm.errors import SettingsError

backends = pytest.mark.parametrize("backend", ["reference", "cpu"])


@backends
@pytest.mark.parametrize(
    ("scheme", "variance"), [("he", 2 / 24), ("glorot", 2 / (24 + 30)), ("lecun", 1 / 24), ("uniform", 1 / 24 / 3)]
)
def test_weights_have_the_variance_of_their_scheme(backend: str, scheme: str, variance: float) -> None:
    count, values = 400, 400 * 24 * 30
    brains = Brains(MLP((24, 30, 2)), count, seed=5, backend=backend, init=scheme)
    weight = brains.weight(0).astype(np.float64)
    assert abs(weight.mean()) < 5 * (variance / values) ** 0.5
    assert abs(weight.var() / variance - 1) < 5 * (2 / values) ** 0.5
    if scheme == "uniform":
        assert abs(weight).max() <= 24**-0.5
        assert abs(weight).max() > 24**-0.5 * 0.9999
        assert abs(brains.bias(0).var() * 3 * 24 - 1) < 5 * (2 / (count * 30)) ** 0.5
        assert abs(brains.bias(1)).max() <= 30**-0.5
    else:
        fourth = ((weight - weight.mean()) ** 4).mean() / weight.var() ** 2
        assert abs(fourth - 3) < 5 * (24 / values) ** 0.5  # a normal's kurtosis
        assert not brains.bias(0).any()


@backends
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_brain_of_a_hundred_thousand_differs(backend: str, dtype: str) -> None:
    brains = Brains(MLP((3, 3, 2)), 100_000, seed=0, backend=backend, dtype=dtype)
    assert len(np.unique(brains.rows.view(np.uint8).view(f"V{brains.row_bytes}"))) == 100_000
    first = brains.weight(0).astype(np.float64).reshape(100_000, 9)
    neighbours = np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / len(first.ravel()) ** 0.5


@backends
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_brain_is_the_same_in_any_population(backend: str, dtype: str) -> None:
    def make(count: int, **more) -> Brains:
        return Brains(MLP((5, 9, 3)), count, backend=backend, dtype=dtype, **{"seed": 2, **more})

    large = make(300)
    assert make(40).rows.tobytes() == large[:40].rows.tobytes()
    assert make(300, threads=1).rows.tobytes() == large.rows.tobytes()
    assert make(300, seed=3).rows.tobytes() != large.rows.tobytes()
    other = make(300, seed=7, init="zeros")
    other.initialise(np.arange(10, 20), slots=np.arange(200, 210), seed=2)
    assert other[10:20].rows.tobytes() == large[200:210].rows.tobytes()
    assert not other[20:].rows.view(np.uint8).any()
    for key in ({"tick": 1}, {"generations": 1}, {"slots": 11}):
        other.initialise(0, **{"slots": 10, "seed": 2, **key})
        assert other[0].rows.tobytes() != large[10].rows.tobytes()


@backends
def test_dtypes_hold_the_same_draws(backend: str) -> None:
    f32, f64, b16 = (
        Brains(MLP((5, 9, 3)), 20, seed=2, backend=backend, dtype=d) for d in ("float32", "float64", "bfloat16")
    )
    np.testing.assert_allclose(f64.flat(), f32.flat(), rtol=1e-6)
    np.testing.assert_array_equal(b16.flat(), f32.astype("bfloat16").flat())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", DTYPES)
@backends
def test_gaps_stay_zero(backend: str, dtype: str, scheme: str) -> None:
    brains = Brains(MLP((3, 5, 1)), 20, backend=backend, dtype=dtype, init=scheme)
    gaps = np.ones(brains.layout.stride, bool)
    for block in brains.layout.blocks:
        gaps[block.start : block.start + block.length] = False
    assert gaps.any()
    assert not brains.rows[:, gaps].any()


def test_auto_suits_the_activation() -> None:
    layout = MLP((8, 8, 8, 8), ("relu", "selu"), "tanh").layout()
    he, lecun, glorot = (scales(layout, s) for s in ("he", "lecun", "glorot"))
    assert scales(layout, "auto") == (he[0], 0.0, lecun[2], 0.0, glorot[4], 0.0)


@pytest.mark.parametrize("mixed", [False, True])
def test_a_seed_of_its_own_names_a_brains_first_weights(mixed):
    def made(seed) -> list[bytes]:
        mlps = [MLP((5, 4 + k % 2 * mixed, 3)) for k in range(4)]
        pool = Brains(mlps, seed=seed, backend="cpu") if mixed else Brains(mlps[0], 4, seed=seed, backend="cpu")
        return [brain.flat().tobytes() for brain in (pool[k] for k in range(4))]

    assert made(0) == made([0, 1, 2, 3])
    assert made([2, 1, 0, 3]) == [made(0)[k] for k in (2, 1, 0, 3)]
    twins = made([7, 7, 7, 7])
    assert twins[0] == twins[2]


@pytest.mark.parametrize("seed", [[1, 2], [0, 1, -1], [0, 1, 1 << 32], [0.0, 1.0, 2.0], 1.5, True])
def test_seeds_that_name_nobody(seed):
    with pytest.raises(SettingsError, match="3 below 2\\^32"):
        Brains(MLP((3, 2)), 3, seed=seed, backend="reference")
