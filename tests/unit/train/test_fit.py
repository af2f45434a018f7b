"""Training a population: it learns, and no network depends on its company, its thread or its wave."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains, fit
from swarm.train import Interrupted, evaluate, trainee
from swarm.train.trainee import Trainee

rng = np.random.default_rng(12)
X = rng.standard_normal((300, 6)).astype(np.float32)
Y = (X[:, :3] @ rng.standard_normal((3, 4))).argmax(axis=1)  # four classes, separable
LAYERS = MLP((6, 20, 4), "relu")


def pool(count: int = 6, mlp: MLP = LAYERS, **settings) -> Brains:
    return Brains(mlp, count, seed=5, **{"backend": "cpu", **settings})


def trained(brains: Brains, **settings) -> np.ndarray:
    fit(brains, X, Y, **{"optimizer": SGD(0.2), "epochs": 2, "batch_size": 32, "seed": 3, **settings})
    return brains.parameters.copy()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("sampling", ["own", "shared", "bootstrap"])
def test_populations_learn(backend, dtype, sampling):
    brains = pool(4, backend=backend, dtype=dtype)
    report = fit(
        brains, X, Y, optimizer=SGD(0.2), epochs=15, batch_size=32, sampling=sampling, validation=(X[:100], Y[:100])
    )
    assert report.training_curve.shape == (15, 4)
    assert (report.training_loss < 0.5 * report.training_curve[0]).all()
    assert (report.validation_accuracy > 0.85).all()
    np.testing.assert_array_equal(report.validation_accuracy, evaluate(brains, X[:100], Y[:100]).accuracy)


def test_adam_learns_mse_targets():
    brains = pool(3, MLP((6, 20, 2), "tanh"))
    targets = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
    report = fit(brains, X, targets, loss="mse", optimizer=Adam(0.01), epochs=40, batch_size=32)
    assert (report.training_loss < 0.1 * report.training_curve[0]).all()
    assert report.validation_accuracy is None


@pytest.mark.parametrize("sampling", ["own", "shared", "bootstrap"])
def test_a_brain_alone_equals_itself_in_company(sampling):
    together = trained(pool(), sampling=sampling)
    for k in range(6):
        alone = pool()
        row = trained(alone[k], keys=[k], sampling=sampling)  # a view: trained in place
        assert row.tobytes() == together[k].tobytes()
        others = np.arange(6) != k
        assert alone.parameters[others].tobytes() == pool().parameters[others].tobytes()


def test_waves_equal_the_whole():
    together = trained(pool(7))
    waves = pool(7)
    for start, stop in ((0, 3), (3, 5), (5, 7)):
        trained(waves[start:stop], keys=np.arange(start, stop))
    assert waves.parameters.tobytes() == together.tobytes()


def test_one_and_two_threads_give_equal_bits():
    assert trained(pool(threads=1)).tobytes() == trained(pool(threads=2)).tobytes()


def test_calls_of_any_length_give_equal_bits(monkeypatch):
    whole = trained(pool())
    monkeypatch.setattr(trainee, "_STEPS", 1)
    monkeypatch.setattr(trainee, "_WAY", 0)
    monkeypatch.setattr(trainee, "_FLOPS", 1)
    assert trained(pool()).tobytes() == whole.tobytes()


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    assert trained(pool()).tobytes() == trained(pool()).tobytes()
    assert trained(pool(), seed=4).tobytes() != trained(pool()).tobytes()


def test_every_network_ends_somewhere_else():
    assert len(np.unique(trained(pool(50)), axis=0)) == 50


def test_equal_starts_part_by_their_own_order_and_not_in_shared_batches():
    for sampling, different in (("own", 5), ("bootstrap", 5), ("shared", 1)):
        brains = pool(5)
        brains.set(np.arange(5), brains.flat([0]))
        assert len(np.unique(trained(brains, sampling=sampling), axis=0)) == different


def test_rates_belong_to_brains():
    rates = np.array([0.0, 0.1, 0.3, 0.0, 0.1, 0.2])
    mixed = trained(pool(), optimizer=SGD(rates))
    start = pool().parameters
    for k, rate in enumerate(rates):
        row = trained(pool()[k], optimizer=SGD(rate), keys=[k])
        assert row.tobytes() == mixed[k].tobytes()
        assert np.array_equal(row[0], start[k]) == (rate == 0)


def test_a_network_that_diverges_is_reported_and_alone():
    rates = np.full(6, 0.2)
    rates[2] = 1e30
    brains = pool()
    report = fit(brains, X, Y, optimizer=SGD(rates), epochs=2, batch_size=32, seed=3, validation=(X, Y))
    assert report.diverged.tolist() == [k == 2 for k in range(6)]
    others = np.arange(6) != 2
    assert brains.parameters[others].tobytes() == trained(pool())[others].tobytes()
    assert report.best()[-1] == 2
    assert np.isfinite(report.ensemble(X)).all()


def test_mixed_populations_train_like_their_parts():
    mlps = [MLP((6, 4, 4), "tanh"), LAYERS, MLP((6, 4), "tanh"), LAYERS, MLP((6, 9, 7, 4), "elu")]
    mixed = Brains(mlps, seed=5, backend="cpu")
    report = fit(mixed, X, Y, optimizer=SGD(0.2), epochs=2, batch_size=32, seed=3)
    assert report.training_loss.shape == (5,)
    for k, mlp in enumerate(mlps):
        alone = Brains(mlps, seed=5, backend="cpu")
        fit(alone[k], X, Y, optimizer=SGD(0.2), epochs=2, batch_size=32, seed=3, keys=[k])
        assert alone[k].flat().tobytes() == mixed[k].flat().tobytes()
        assert mlp == alone[k].mlp


def test_samples_in_their_order():
    brains = pool(2)
    brains.set([0, 1], brains.flat([0]))
    rows = trained(brains, shuffle=False)
    assert rows[0].tobytes() == rows[1].tobytes()


def test_bfloat16_trains_on_a_float32_copy():
    """Steps of a thousandth of a weight's last bit add up: a bfloat16 weight alone would swallow each."""
    brains = pool(4, dtype="bfloat16")
    wide = pool(4)
    wide.set(np.arange(4), brains.flat().astype(np.float32))
    rounded = trained(brains, optimizer=SGD(1e-3), epochs=20).astype(np.float32)
    exact = trained(wide, optimizer=SGD(1e-3), epochs=20)
    flat = wide.flat()
    np.testing.assert_array_equal(brains.flat(), flat.astype(brains.dtype))
    assert rounded.shape[0] == exact.shape[0]
    assert (brains.flat().astype(np.float32) != pool(4, dtype="bfloat16").flat().astype(np.float32)).mean() > 0.3


def test_ctrl_c_leaves_what_was_learned(monkeypatch):
    train, calls = Trainee.train, []

    def until(self, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train(self, *arguments)

    monkeypatch.setattr(Trainee, "train", until)
    brains = pool()
    with pytest.raises(Interrupted) as stop:
        fit(brains, X, Y, optimizer=SGD(0.2), epochs=9, batch_size=32, seed=3)
    report = stop.value.report
    monkeypatch.undo()
    assert report.interrupted
    assert report.epochs == 3
    assert report.samples == 3 * len(X) * 6
    assert brains.parameters.tobytes() == trained(pool(), epochs=3).tobytes()


def test_progress_is_told(capsys, monkeypatch):
    monkeypatch.setattr("swarm.train.progress._PAUSE", 0.0)
    fit(pool(2), X, Y, progress=True, batch_size=32)
    assert "2 networks, epoch 1/1" in capsys.readouterr().err
