"""Descent step by step against PyTorch, where it is installed: each network beside its own nn.Sequential."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, AdamW, Brains, CosineRate, RMSprop, StepRate, WarmupRate, fit
from swarm.brain.torch_files import to_torch
from swarm.train.samples import Samples
from tests.parity.descents import Descent, material

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

MODULES = {
    "identity": torch.nn.Identity, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU,
    "leakyrelu": torch.nn.LeakyReLU, "elu": torch.nn.ELU, "gelu": torch.nn.GELU, "selu": torch.nn.SELU,
    "hardshrink": torch.nn.Hardshrink, "mish": torch.nn.Mish,
}  # fmt: skip
CRITERIA = {
    "cross_entropy": torch.nn.CrossEntropyLoss, "mse": torch.nn.MSELoss, "bce": torch.nn.BCEWithLogitsLoss,
    "huber": torch.nn.HuberLoss,
}  # fmt: skip
BOUND = 1e-5
INPUTS, OUTPUTS, B = 10, 5, 16
EQUAL = [MLP((INPUTS, 24, 12, OUTPUTS), "tanh")] * 3
MIXED = [
    MLP((INPUTS, 24, 12, OUTPUTS), "tanh"), MLP((INPUTS, 7, OUTPUTS), "gelu", bias=False), MLP((INPUTS, OUTPUTS)),
    MLP((INPUTS, 8, 18, 4, 6, OUTPUTS), "mish"), MLP((INPUTS, 24, 12, OUTPUTS), "tanh"),
]  # fmt: skip


def twin(brain: Brains) -> Any:
    """The brain as PyTorch's own layers, with its parameters."""
    (pool,) = brain.groups
    mlp, parts = pool.mlp, []
    for k, name in enumerate((*mlp.activation, mlp.output)):
        parts += [torch.nn.Linear(*mlp.widths[k : k + 2], bias=mlp.bias), MODULES[name]()]
    module = torch.nn.Sequential(*parts)
    module.load_state_dict({name: torch.tensor(array) for name, array in to_torch(pool).items()})
    return module


def distance(brain: Brains, module: Any) -> float:
    """The largest difference of a parameter."""
    theirs = module.state_dict()
    mine = to_torch(brain.groups[0])
    assert set(mine) == set(theirs)
    return max(float(abs(array - theirs[name].numpy()).max()) for name, array in mine.items())


def follow(
    mlps: list[MLP], samples: Samples, ours: Any, theirs: Callable[..., Any], steps: int, backend: str = "cpu",
    weights: Any = None, criterion: Callable[..., Any] | None = None,
) -> None:  # fmt: skip
    """Train a population on own batches and each network's twin beside it; all are compared after every step."""
    brains = Brains(mlps, seed=6, backend=backend)
    descent, twins = Descent(brains, samples, ours, B), [twin(brain) for brain in brains]
    movers = [theirs(module.parameters()) for module in twins]
    criterion = CRITERIA[samples.loss](reduction=samples.reduction) if criterion is None else criterion
    index = np.random.default_rng(0).integers(0, len(samples), (len(mlps), steps * B))
    x, y = torch.tensor(samples.x), torch.tensor(samples.wanted(np.arange(len(samples))))
    y = y.long() if samples.loss == "cross_entropy" else y
    for t in range(steps):
        span = slice(t * B, t * B + B)
        before = descent.total.copy()
        descent(index[:, span], weights=None if weights is None else weights[:, span])
        for k, (module, mover, brain) in enumerate(zip(twins, movers, brains, strict=True)):
            at = torch.tensor(index[k, span])
            mover.zero_grad()
            each = () if weights is None else (torch.tensor(weights[k, span]),)
            loss = criterion(module(x[at]), y[at], *each)
            loss.backward()
            mover.step()
            learned = (descent.total[k] - before[k]) / (B if samples.reduction == "mean" else 1)
            assert learned == pytest.approx(loss.item(), rel=2e-5, abs=1e-6)
            assert distance(brain, module) < BOUND, (t, brain)


def test_eighteen_different_networks_train_as_each_would_alone():
    """Depths, widths and activations of all kinds, a hundred steps at rate 0.1 on own batches."""
    hidden = [
        (), (1,), (3,), (32,), (100,), (5, 5), (16, 16), (17, 33), (40, 2), (64, 8), (4, 4, 4), (9, 20, 7), (30, 1, 30),
        (8, 8, 8, 8), (12, 11, 10, 9), (2,), (48, 24), (15,),
    ]  # fmt: skip
    names = [name for name in MODULES if name != "hardshrink"]  # it jumps: a sum on the edge falls to either side
    mlps = [MLP((INPUTS, *h, OUTPUTS), names[k % len(names)] if h else ()) for k, h in enumerate(hidden)]
    assert len(set(mlps)) == 18
    follow(mlps, material("cross_entropy", 300, INPUTS, OUTPUTS), SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1), 100)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("outputs", [5, 18])
def test_every_activation_follows(outputs, loss):
    mlps = [MLP((INPUTS, 24, 12, outputs), name) for name in MODULES]
    samples = material(loss, 300, INPUTS, outputs)
    follow(mlps, samples, SGD(0.05), lambda p: torch.optim.SGD(p, lr=0.05), 30)


@pytest.mark.parametrize("population", [EQUAL, MIXED], ids=["equal", "mixed"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("loss", CRITERIA)
def test_every_loss_follows(loss, backend, reduction, population):
    criterion = CRITERIA[loss](reduction=reduction)
    if reduction == "sum" and loss != "cross_entropy":  # ours: summed over the batch, the mean over outputs
        whole, criterion = criterion, lambda z, t: whole(z, t) / OUTPUTS
    rate = 0.05 if reduction == "mean" else 0.05 / B
    follow(
        population, material(loss, 300, INPUTS, OUTPUTS, reduction=reduction), SGD(rate),
        lambda p: torch.optim.SGD(p, lr=rate), 12, backend, criterion=criterion,
    )  # fmt: skip


@pytest.mark.parametrize("loss", CRITERIA)
def test_weights_of_samples_follow(loss):
    each = CRITERIA[loss](reduction="none")

    def criterion(z, t, weights):
        value = each(z, t)
        return ((value if loss == "cross_entropy" else value.mean(dim=1)) * weights).mean()

    weights = np.random.default_rng(3).random((len(MIXED), 20 * B), np.float32)
    follow(
        MIXED, material(loss, 300, INPUTS, OUTPUTS), SGD(0.05), lambda p: torch.optim.SGD(p, lr=0.05), 20,
        weights=np.where(weights < 0.2, np.float32(0), weights), criterion=criterion,
    )  # fmt: skip


OPTIMIZERS = {
    "momentum": (SGD(0.02, momentum=0.9), torch.optim.SGD, {"lr": 0.02, "momentum": 0.9}),
    "nesterov": (
        SGD(0.02, momentum=0.8, nesterov=True, weight_decay=0.1), torch.optim.SGD,
        {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop": (RMSprop(2e-3, epsilon=1e-3), torch.optim.RMSprop, {"lr": 2e-3, "eps": 1e-3}),
    "rmsprop momentum": (
        RMSprop(1e-3, 0.9, 1e-3, 0.5, 0.1), torch.optim.RMSprop,
        {"lr": 1e-3, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1},
    ),
    "adam": (Adam(3e-3, epsilon=1e-4), torch.optim.Adam, {"lr": 3e-3, "eps": 1e-4}),
    "adam decay": (
        Adam(3e-3, 0.8, 0.99, 1e-4, 0.1), torch.optim.Adam,
        {"lr": 3e-3, "betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.1},
    ),
    "adamw": (AdamW(3e-3, epsilon=1e-4), torch.optim.AdamW, {"lr": 3e-3, "eps": 1e-4}),
    "adamw decay": (
        AdamW(3e-3, epsilon=1e-4, weight_decay=0.5), torch.optim.AdamW,
        {"lr": 3e-3, "eps": 1e-4, "weight_decay": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("population", [EQUAL, MIXED], ids=["equal", "mixed"])
@pytest.mark.parametrize("loss", ["cross_entropy", "huber"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_follows(name, loss, population):
    ours, kind, settings = OPTIMIZERS[name]
    follow(population, material(loss, 300, INPUTS, OUTPUTS), ours, lambda p: kind(p, **settings), 20)


def test_every_brain_has_hyper_parameters_of_its_own():
    rates, decays, betas = [1e-3, 3e-3, 5e-3, 2e-3, 4e-3], [0, 0.1, 0.5, 0, 1], [0.9, 0.8, 0.5, 0.9, 0.0]
    made = iter(range(len(MIXED)))

    def theirs(parameters):
        k = next(made)
        return torch.optim.AdamW(parameters, rates[k], (betas[k], 0.99), 1e-4, decays[k])

    ours = AdamW(rates, beta1=betas, beta2=0.99, epsilon=1e-4, weight_decay=decays)
    follow(MIXED, material("mse", 300, INPUTS, OUTPUTS), ours, theirs, 30)


SCHEDULES = {
    "none": (None, None),
    "step": (StepRate(7, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5)),
    "warm-up, cosine": (
        WarmupRate(5, 0.1).then(CosineRate(25)),
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o, [torch.optim.lr_scheduler.LinearLR(o, 0.1, 1, 5), torch.optim.lr_scheduler.CosineAnnealingLR(o, 25)], [5]
        ),
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # of PyTorch's own SequentialLR
@pytest.mark.parametrize("clip", [None, 0.3])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["nesterov", "rmsprop momentum", "adam decay", "adamw decay"])
def test_schedules_and_clipping_follow_through_fit(name, schedule, clip):
    ours, kind, settings = OPTIMIZERS[name]
    ours_schedule, theirs = SCHEDULES[schedule]
    brains = Brains(MIXED, seed=6, backend="cpu")
    twins = [twin(brain) for brain in brains]
    samples = material("cross_entropy", 30 * B, INPUTS, OUTPUTS)
    report = fit(
        brains, samples.x, samples.labels, optimizer=replace(ours, clip=clip), batch_size=B, shuffle=False,
        schedule=ours_schedule,
    )  # fmt: skip
    x, y = torch.tensor(samples.x), torch.tensor(samples.labels).long()
    for brain, module, learned in zip(brains, twins, report.training_loss, strict=True):
        optimizer, losses = kind(module.parameters(), **settings), []
        scheduler = theirs(optimizer) if theirs else None
        for start in range(0, len(x), B):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x[start : start + B]), y[start : start + B])
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
            losses.append(loss.item())
            if scheduler:
                scheduler.step()
        assert learned == pytest.approx(np.mean(losses), rel=1e-5)
        assert distance(brain, module) < BOUND


def test_one_mnist_like_epoch_ends_where_pytorch_ends():
    rng = np.random.default_rng(4)
    x = (rng.random((500, 784)) < 0.2) * rng.integers(1, 256, (500, 784))
    x, y = x.astype(np.uint8), rng.integers(0, 10, 500)
    brains = Brains(MLP((784, 32, 10), "relu"), 3, seed=9, backend="cpu")
    twins = [twin(brain) for brain in brains]
    fit(brains, x, y, optimizer=SGD(0.1), epochs=1, batch_size=64, shuffle=False)
    scaled, labels = torch.tensor(x.astype(np.float32) / 255), torch.tensor(y)
    for brain, module in zip(brains, twins, strict=True):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        for start in range(0, 500, 64):
            optimizer.zero_grad()
            logits = module(scaled[start : start + 64])
            torch.nn.functional.cross_entropy(logits, labels[start : start + 64]).backward()
            optimizer.step()
        assert distance(brain, module) < BOUND
