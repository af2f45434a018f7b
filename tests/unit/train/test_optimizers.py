"""Optimizers in a population: no network depends on its company, and bad values are named with their brain."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, AdamW, Brains, CosineRate, RMSprop, WarmupRate, fit
from swarm.errors import SettingsError
from swarm.train import optimizers, trainee
from swarm.train.field import Field
from swarm.train.samples import check

rng = np.random.default_rng(3)
X = rng.standard_normal((200, 6)).astype(np.float32)
Y = (X[:, :3] @ rng.standard_normal((3, 4))).argmax(axis=1)
LAYERS = MLP((6, 20, 4), "relu")
N = 5

SOME = {  # values of one per brain: in some brains an extra is off
    "sgd": SGD(
        [0.1, 0.2, 0.3, 0.1, 0.2], [0, 0.9, 0, 0.5, 0.9], [0, 1, 0, 0, 0], [0, 0, 0.1, 0, 0], [np.inf, 1, 2, 1, 3]
    ),
    "rmsprop": RMSprop(0.01, [0.9, 0.99, 0.9, 0.8, 0.7], 1e-7, [0, 0, 0.9, 0, 0.5], [0, 0.1, 0, 0, 0]),
    "adam": Adam([0.01, 0.02, 0.03, 0.01, 0.02], 0.8, [0.9, 0.99, 0.999, 0.9, 0.9], clip=[np.inf, 1, 0.1, 2, 3]),
    "adamw": AdamW(0.01, weight_decay=[0, 0.1, 0.5, 0, 1]),
}


def pool(count: int = N, mlp: MLP = LAYERS, **settings) -> Brains:
    return Brains(mlp, count, seed=5, **{"backend": "cpu", **settings})


def trained(brains: Brains, optimizer, **settings) -> np.ndarray:
    fit(brains, X, Y, optimizer=optimizer, **{"epochs": 2, "batch_size": 32, "seed": 3, **settings})
    return brains.flat()


@pytest.mark.parametrize("name", SOME)
def test_a_brain_alone_equals_itself_in_company(name):
    schedule = WarmupRate([1, 2, 3, 4, 5]) * CosineRate(final=0.1)
    freeze = {0: np.random.default_rng(1).random((N, 6, 20)) < 0.2}
    together = trained(pool(), SOME[name], schedule=schedule, freeze=freeze)
    for k in range(N):
        alone = pool()
        own = optimizers.part(SOME[name], np.array([k]))
        one = WarmupRate([k + 1]) * CosineRate(final=0.1)
        row = trained(alone[k], own, keys=[k], schedule=one, freeze={0: freeze[0][k : k + 1]})
        assert row.tobytes() == together[k].tobytes()


def test_extras_of_others_change_no_bit_of_plain_descent():
    """Brains 0 and 3 have neither momentum nor decay nor clipping, nor a mask or a factor: their bits are SGD's."""
    extras = SGD(0.1, [0, 0.9, 0.5, 0, 0], weight_decay=[0, 0, 0, 0, 0.1], clip=[np.inf, 0.1, 1, np.inf, 1])
    mask = np.zeros((N, 6, 20))
    mask[1] = 1
    factors = WarmupRate(5, start=[1, 0, 0, 1, 0])
    found = trained(pool(), extras, freeze={0: mask}, schedule=factors)
    plain = trained(pool(), SGD(0.1))
    for k in (0, 3):
        assert found[k].tobytes() == plain[k].tobytes()
    assert trained(pool(), SGD(0.1), schedule=WarmupRate(5, start=1)).tobytes() == plain.tobytes()


@pytest.mark.parametrize("name", SOME)
def test_threads_and_lengths_of_calls_change_nothing(name, monkeypatch):
    whole = trained(pool(threads=2), SOME[name])
    assert trained(pool(threads=1), SOME[name]).tobytes() == whole.tobytes()
    monkeypatch.setattr(trainee, "_STEPS", 1)
    monkeypatch.setattr(trainee, "_WAY", 0)
    monkeypatch.setattr(trainee, "_FLOPS", 1)
    assert trained(pool(), SOME[name]).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", SOME)
def test_mixed_populations_train_like_their_parts(name):
    mlps = [MLP((6, 4, 4), "tanh"), LAYERS, MLP((6, 4), "tanh"), LAYERS, MLP((6, 9, 7, 4), "elu")]
    mixed = Brains(mlps, seed=5, backend="cpu")
    fit(mixed, X, Y, optimizer=SOME[name], schedule=WarmupRate([1, 2, 3, 4, 5]), freeze=[-1], seed=3)
    for k in range(N):
        alone = Brains(mlps, seed=5, backend="cpu")
        start = alone[k].flat()
        own = optimizers.part(SOME[name], np.array([k]))
        fit(alone[k], X, Y, optimizer=own, schedule=WarmupRate(k + 1), freeze=[-1], seed=3, keys=[k])
        assert alone[k].flat().tobytes() == mixed[k].flat().tobytes()
        assert (alone[k].flat() == start).all() == (len(mlps[k].widths) == 2)  # one layer only: it is frozen


def test_adam_takes_three_times_the_parameters():
    brains = pool(100)
    for optimizer, slots in (
        (SGD(), 0),
        (SGD(momentum=0.9), 1),
        (RMSprop(), 1),
        (RMSprop(momentum=0.5), 2),
        (Adam(), 2),
    ):
        assert optimizer.state(brains.rows).nbytes == slots * brains.rows.nbytes


@pytest.mark.parametrize("optimizer", [SGD(1e-3, 0.9), Adam(1e-3), RMSprop(1e-3, momentum=0.9)])
def test_momenta_of_an_input_that_is_never_on_again_do_not_become_denormal(optimizer):
    brains = pool(2, MLP((6, 4), bias=False))
    x = np.zeros((1200, 6), np.float32)
    x[:, 0], x[0, 1:] = 1, 1
    samples, state = check(x, np.arange(1200) % 4, "cross_entropy", 6, 4, x.dtype), optimizer.state(brains.rows)
    field = Field(brains.layout, brains.rows, state, None, np.arange(2))
    index, lengths, factors = np.arange(1200, dtype=np.int32)[None], np.full(1, 1200), np.ones((1, 1200))
    brains.backend.twin("swarm.train.descend").descend(
        [field],
        samples,
        index,
        lengths,
        None,
        1,
        optimizer,
        factors,
        np.zeros(2, np.int64),
        np.ones(2, bool),
        np.zeros(2),
    )
    sizes = abs(state[0 if isinstance(optimizer, (SGD, Adam)) else 1][:, 4:24])
    assert (sizes == 0).all()
    assert (abs(state[0][:, :4]) > 1e-6).any()


def test_rates_in_a_schedule_do_not_touch_the_report():
    report = fit(pool(), X, Y, optimizer=SGD(0.25), schedule=CosineRate())
    np.testing.assert_array_equal(report.learning_rate, np.full(N, 0.25, np.float32))


class Signs:
    """An optimizer of the user's: steps of one size."""

    learning_rate = 0.01

    def state(self, rows):
        return []

    def update(self, rows, gradient, state, rates, step):
        state.append(step)
        rows -= rates[:, None] * np.sign(gradient)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_an_optimizer_of_ones_own(backend):
    brains = pool(backend=backend)
    report = fit(
        brains, X, Y, optimizer=Signs(), epochs=10, batch_size=50, schedule=CosineRate(), freeze={0: (None, True)}
    )
    assert (report.training_loss < 0.8 * report.training_curve[0]).all()
    np.testing.assert_array_equal(brains.bias(0), 0)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (SGD(momentum=[0.1, 0.2]), r"momentum has the shape \(2,\).*each of the 5 brains"),
        (SGD(momentum=1), "momentum 1 .brain 0. is not in 0 <= momentum < 1"),
        (SGD(nesterov=True), "nesterov needs a momentum"),
        (SGD(nesterov=[0, 0, 1, 0, 0], momentum=[0.5, 0, 0, 0, 0]), "brain 2 has 0"),
        (SGD(nesterov=0.5, momentum=0.1), "nesterov 0.5 .brain 0. is not True or False"),
        (SGD(weight_decay=[0, 0, 0, -1, 0]), "weight_decay -1 .brain 3."),
        (SGD(clip=[1, 1, 0, 1, 1]), "clip 0 .brain 2.*None, or inf"),
        (SGD(clip=np.nan), "clip nan"),
        (Adam(beta1=1.5), "beta1 1.5"),
        (Adam(beta2=[0.9, 0.9, 0.9, 0.9, 1.0]), "beta2 1 .brain 4."),
        (Adam(epsilon=-1), "epsilon -1"),
        (Adam("fast"), "learning_rate 'fast' is not a number"),
        (RMSprop(decay=-0.1), "decay -0.1"),
        (AdamW(weight_decay=np.inf), "weight_decay inf"),
        (Adam, "is no optimizer"),
        ("adam", "is no optimizer.*Adam"),
    ],
)
def test_bad_values_are_named_with_their_brain(optimizer, words):
    brains = pool()
    before = brains.flat()
    with pytest.raises(SettingsError, match=words):
        fit(brains, X, Y, optimizer=optimizer)
    np.testing.assert_array_equal(brains.flat(), before)
