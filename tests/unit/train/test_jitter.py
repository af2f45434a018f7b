"""Dropout, input noise and the seeds of all that is random: what is drawn, and that every brain draws its own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swarm import MLP, SGD, Brains, fit
from swarm.backend import rng as random
from swarm.errors import SettingsError
from swarm.train import backward
from swarm.train.field import Jitter
from swarm.train.samples import check

rng = np.random.default_rng(2)
X = rng.standard_normal((50, 3)).astype(np.float32)
Y = rng.integers(0, 4, 50)
LAYERS = MLP((3, 18, 5, 4))


def pool(count: int = 5) -> Brains:
    """Brains with equal first weights."""
    brains = Brains(LAYERS, count, seed=1, backend="reference")
    brains.set(np.arange(count), brains.flat([0]))
    return brains


def trained(**settings) -> np.ndarray:
    brains = pool()
    fit(brains, X, Y, **{"optimizer": SGD(0.1), "batch_size": 10, "sampling": "shared", **settings})
    return brains.flat()


def kinds(rows: np.ndarray) -> list[int]:
    """For each brain, the first one with the same bits."""
    return [next(j for j in range(len(rows)) if rows[j].tobytes() == rows[k].tobytes()) for k in range(len(rows))]


# ---------------------------------------------------------------------- what is drawn


def jitter(dropout, noise, count: int = 3) -> Jitter:
    keys = np.arange(count, dtype=np.uint32) + 7
    each = [np.broadcast_to(np.asarray(value, float), (count,)) for value in (dropout, noise)]
    return Jitter(each[0], keys, 5, each[1], keys * 2, 6)


def test_gates_follow_the_words():
    layout = LAYERS.layout()
    at = np.array([2, 0])
    gates = jitter([0.25, 0.9, 0.5], 0).gates(at, 11, 4, layout)
    assert [gate.shape for gate in gates] == [(2, 4, 18), (2, 4, 5)]
    for row, (k, p) in enumerate(zip(at, (0.5, 0.25))):
        for layer, up in ((0, 32), (1, 16)):
            words = random.words(5, [7 + k], layer, 11, random.stream("dropout"), 4 * up)[0]
            for b in range(4):
                for j in range(gates[layer].shape[2]):
                    kept = words[b * up + j] >= p * 2**32
                    assert gates[layer][row, b, j] == (np.float32(1 / (1 - p)) if kept else 0)
    assert jitter(0, 0.1).gates(at, 0, 4, layout) is None


def test_noise_follows_the_normals():
    layout = LAYERS.layout()
    noise = jitter(0, [0.1, 0.2, 0.3]).noises(np.array([1, 2]), 3, 5, layout)
    for row, k in enumerate((1, 2)):
        normal = random.normal(6, [2 * (7 + k)], 0, 3, random.stream("noise"), 5 * 16)[0]
        for b in range(5):
            np.testing.assert_array_equal(noise[row, b], np.float32(0.1 * (k + 1)) * normal[16 * b : 16 * b + 3])
    assert jitter(0.1, 0).noises(np.array([0]), 0, 5, layout) is None


def test_shares_and_means():
    """Dropped units: p of them, within five standard errors; the mean of the gates is 1, of the noise 0."""
    n, wide = 40_000, MLP((100, 100, 2)).layout()
    for p in (0.1, 0.5, 0.9):
        (gate,) = jitter(p, 0, 1).gates(np.array([0]), 0, n // 100, wide)
        assert abs((gate == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)
        assert abs(gate.mean() - 1) < 5 * math.sqrt(p / (1 - p) / n)
    noise = jitter(0, 2, 1).noises(np.array([0]), 0, n // 100, wide)
    assert abs(noise.mean()) < 5 * 2 / math.sqrt(n)
    assert noise.std() == pytest.approx(2, rel=0.02)


def test_gradients_go_through_the_gates():
    """Against differences of the loss with the same gates, weights and noise."""
    brains = Brains(LAYERS, 2, seed=3, dtype="float64", backend="reference")
    samples = check(X, Y, "cross_entropy", 3, 4, np.dtype(np.float64))
    index, weights = rng.integers(0, 50, (2, 6)), rng.random((2, 6)).astype(np.float32)
    both = jitter(0.4, 0.3, 2)
    noise, gates = (f(np.arange(2), 3, 6, brains.layout) for f in (both.noises, both.gates))

    def run(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out, total = np.empty_like(rows), np.zeros(2)
        backward.gradients(rows, brains.layout, samples, index, out, total, weights, noise, gates)
        return out, total / 6

    gradient, _ = run(brains.rows)
    for block in brains.layout.blocks:
        for p in range(block.start, block.start + block.length, 3):
            up, down = brains.rows.copy(), brains.rows.copy()
            up[:, p] += 1e-6
            down[:, p] -= 1e-6
            np.testing.assert_allclose(gradient[:, p], (run(up)[1] - run(down)[1]) / 2e-6, rtol=1e-5, atol=1e-8)


def test_none_of_it_in_validation():
    report = fit(pool(), X, Y, optimizer=SGD(0.0), dropout=0.5, noise=3.0, validation=(X, Y))
    plain = fit(pool(), X, Y, optimizer=SGD(0.0), validation=(X, Y))
    np.testing.assert_array_equal(report.validation_loss, plain.validation_loss)
    assert (report.training_loss != plain.training_loss).all()


# ---------------------------------------------------------------------- whose draws


def test_equal_starts_part_by_dropout_and_by_noise():
    assert kinds(trained()) == [0, 0, 0, 0, 0]
    assert kinds(trained(dropout=0.3)) == [0, 1, 2, 3, 4]
    assert kinds(trained(noise=0.1)) == [0, 1, 2, 3, 4]
    assert kinds(trained(dropout=[0, 0.3, 0, 0.3, 0])) == [0, 1, 0, 3, 0]
    assert kinds(trained(noise=[0.1, 0, 0, 0, 0.1])) == [0, 1, 1, 1, 4]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("order_seed", {"sampling": "own"}),
        ("bootstrap_seed", {"sampling": "bootstrap", "shuffle": False}),
        ("dropout_seed", {"dropout": 0.3, "shuffle": False}),
        ("noise_seed", {"noise": 0.1, "shuffle": False}),
    ],
)
def test_a_seed_per_brain_takes_the_keys_place(name, words):
    seeds = [4, 9, 4, 2, 9]
    rows = trained(**words, **{name: seeds})
    assert kinds(rows) == [0, 1, 0, 3, 1]
    np.testing.assert_array_equal(trained(**words, **{name: seeds}, keys=[8, 7, 6, 5, 4]), rows)  # whatever the keys
    np.testing.assert_array_equal(trained(**words, **{name: seeds}, seed=99), rows)  # and the other seed
    np.testing.assert_array_equal(trained(**words, seed=seeds), rows)  # it is the default of all
    np.testing.assert_array_equal(trained(**words, **{name: range(5)}), trained(**words, seed=0))
    one, other = trained(**words, **{name: 1}), trained(**words, **{name: 2})
    assert kinds(one) == [0, 1, 2, 3, 4]
    assert all(a.tobytes() != b.tobytes() for a, b in zip(one, other))
    alone = pool(1)
    fit(alone, X, Y, optimizer=SGD(0.1), batch_size=10, **{"sampling": "shared", **words}, **{name: [2]})
    np.testing.assert_array_equal(alone.flat()[0], rows[3])


def test_every_network_of_a_population_differs():
    brains = Brains(LAYERS, 200, seed=1, backend="reference")
    fit(brains, X, Y, dropout=0.1, noise=0.1, batch_size=25, sampling="bootstrap")
    assert len(np.unique(brains.flat(), axis=0)) == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dropout": 1.0}, r"dropout 1 \(brain 0\) is not in 0 <= dropout < 1"),
        ({"dropout": [0, 0, -0.1, 0, 0]}, r"dropout -0.1 \(brain 2\)"),
        ({"noise": [0, 0, 0, np.nan, 0]}, r"noise nan \(brain 3\)"),
        ({"noise": [0.1, 0.1]}, "noise has the shape"),
        ({"dropout_seed": [1, 2]}, "dropout_seed must be 5 whole numbers"),
        ({"order_seed": 0.5}, "order_seed 0.5 must be a whole number"),
        ({"bootstrap_seed": [0, 1, 2, 3, 1 << 32]}, "bootstrap_seed must be 5 whole numbers below"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(SettingsError, match=words):
        fit(pool(), X, Y, **settings)
