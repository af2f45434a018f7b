"""Descent step by step against PyTorch, where it is installed: each network beside its own nn.Sequential."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import SGD, Adam, AdamW, CosineRate, RMSprop, StepRate, WarmupRate, fit

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

MODULES = {
    "identity": torch.nn.Identity, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU,
    "leakyrelu": torch.nn.LeakyReLU, "elu": torch.nn.ELU, "gelu": torch.nn.GELU, "selu": torch.nn.SELU,
    "hardshrink": torch.nn.Hardshrink, "mish": torch.nn.Mish,
}  # fmt: skip
STEPS, B, N = 100, 16, 4


def twin(brain: Brains) -> torch.nn.Sequential:
    parts = []
    for k, name in enumerate((*brain.mlp.activation, brain.mlp.output)):
        linear = torch.nn.Linear(*brain.weight(k).shape[1:])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(brain.weight(k)[0].T.copy()))
            linear.bias.copy_(torch.tensor(brain.bias(k)[0].copy()))
        parts += [linear, MODULES[name]()]
    return torch.nn.Sequential(*parts)


def distance(brain: Brains, module: torch.nn.Sequential) -> float:
    linears = [part for part in module if isinstance(part, torch.nn.Linear)]
    return max(
        float(abs(mine - theirs.detach().numpy()).max())
        for k, linear in enumerate(linears)
        for mine, theirs in ((brain.weight(k)[0].T, linear.weight), (brain.bias(k)[0], linear.bias))
    )


CASES = [(name, loss, "sgd") for name in MODULES for loss in ("cross_entropy", "mse")]
CASES += [("tanh", "cross_entropy", "adam"), ("gelu", "mse", "adam")]


@pytest.mark.parametrize(("name", "loss", "method"), CASES)
def test_every_step_follows_pytorch(name, loss, method):
    mlp = MLP((10, 24, 12, 5), name)
    brains = Brains(mlp, N, seed=6, backend="cpu")
    rng = np.random.default_rng(2)
    x = rng.standard_normal((STEPS * B, 10)).astype(np.float32)
    y = rng.integers(0, 5, len(x)) if loss == "cross_entropy" else rng.standard_normal((len(x), 5)).astype(np.float32)
    twins = [twin(brains[k]) for k in range(N)]
    rate = 0.1 if method == "sgd" else 3e-3
    kind = torch.optim.SGD if method == "sgd" else torch.optim.Adam
    optimizers = [kind(module.parameters(), lr=rate) for module in twins]
    criterion = torch.nn.CrossEntropyLoss() if loss == "cross_entropy" else torch.nn.MSELoss()
    ours = SGD(rate) if method == "sgd" else _OneAdam(rate)
    for start in range(0, len(x), B):
        part = slice(start, start + B)
        fit(brains, x[part], y[part], loss=loss, optimizer=ours, batch_size=B, shuffle=False)
        for k, (module, optimizer) in enumerate(zip(twins, optimizers, strict=True)):
            optimizer.zero_grad()
            criterion(module(torch.tensor(x[part])), torch.tensor(y[part])).backward()
            optimizer.step()
            assert distance(brains[k], module) < (1e-5 if method == "sgd" else 2e-4)


class _OneAdam(Adam):
    """Adam that keeps its moments over several calls of fit."""

    def state(self, rows):
        if "kept" not in self.__dict__:
            self.__dict__["kept"] = (*super().state(rows), [0])
        return self.__dict__["kept"]

    def update(self, rows, gradient, state, rates, step):
        state[2][0] += 1
        super().update(rows, gradient, state[:2], rates, state[2][0])


def test_one_mnist_like_epoch_ends_where_pytorch_ends():
    rng = np.random.default_rng(4)
    x = (rng.random((500, 784)) < 0.2) * rng.integers(1, 256, (500, 784))
    x, y = x.astype(np.uint8), rng.integers(0, 10, 500)
    brains = Brains(MLP((784, 32, 10), "relu"), 3, seed=9, backend="cpu")
    twins = [twin(brains[k]) for k in range(3)]
    fit(brains, x, y, optimizer=SGD(0.1), epochs=1, batch_size=64, shuffle=False)
    scaled, labels = torch.tensor(x.astype(np.float32) / 255), torch.tensor(y)
    for k, module in enumerate(twins):
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        for start in range(0, 500, 64):
            optimizer.zero_grad()
            logits = module(scaled[start : start + 64])
            torch.nn.functional.cross_entropy(logits, labels[start : start + 64]).backward()
            optimizer.step()
        assert distance(brains[k], module) < 1e-5


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
CRITERIA = {
    "cross_entropy": torch.nn.CrossEntropyLoss, "mse": torch.nn.MSELoss, "bce": torch.nn.BCEWithLogitsLoss,
    "huber": torch.nn.HuberLoss,
}  # fmt: skip


def both(brains, ours, theirs, criterion, x, y, schedule=(None, None), clip=None, **settings) -> float:
    """Train a population and its twins for an epoch in order; the largest difference of a parameter."""
    twins = [twin(brain) for brain in brains]
    report = fit(brains, x, y, optimizer=ours, batch_size=B, shuffle=False, schedule=schedule[0], **settings)
    found = 0.0
    for brain, module, learned in zip(brains, twins, report.training_loss, strict=True):
        optimizer, losses = theirs(module.parameters()), []
        scheduler = schedule[1](optimizer) if schedule[1] else None
        for start in range(0, len(x), B):
            optimizer.zero_grad()
            loss = criterion(module(torch.tensor(x[start : start + B])), torch.tensor(y[start : start + B]))
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
            losses.append(loss.item() * (B if criterion.reduction == "mean" else 1))
            if scheduler:
                scheduler.step()
        assert learned == pytest.approx(sum(losses) / len(x), rel=1e-5)
        found = max(found, distance(brain, module))
    return found


def material(loss: str, steps: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((steps * B, 10)).astype(np.float32)
    y = {"cross_entropy": rng.integers(0, 5, len(x)), "bce": rng.random((len(x), 5)).astype(np.float32)}
    return x, y.get(loss, 3 * rng.standard_normal((len(x), 5)).astype(np.float32))


@pytest.mark.parametrize("clip", [None, 0.3])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_and_schedule_follows_pytorch(name, schedule, clip):
    ours, kind, settings = OPTIMIZERS[name]
    mlps = [MLP((10, 24, 12, 5), "tanh"), MLP((10, 7, 5), "gelu"), MLP((10, 24, 12, 5), "tanh")]
    brains = Brains(mlps, seed=6, backend="cpu")
    x, y = material("cross_entropy")
    criterion = torch.nn.CrossEntropyLoss()
    far = both(
        brains, replace(ours, clip=clip), lambda p: kind(p, **settings), criterion, x, y, SCHEDULES[schedule], clip
    )  # fmt: skip
    assert far < 1e-5


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("loss", CRITERIA)
def test_every_loss_follows_pytorch(loss, backend, reduction):
    brains = Brains([MLP((10, 24, 5), "elu"), MLP((10, 8, 18, 5), "mish")], seed=6, backend=backend)
    x, y = material(loss)
    rate = 0.05 if reduction == "mean" else 0.05 / B
    criterion = CRITERIA[loss](reduction=reduction)
    if reduction == "sum" and loss != "cross_entropy":  # ours: summed over the batch, the mean over outputs
        whole, criterion = criterion, lambda z, t: whole(z, t) / 5
        criterion.reduction = "sum"  # type: ignore[attr-defined]
    far = both(
        brains, SGD(rate), lambda p: torch.optim.SGD(p, lr=rate), criterion, x, y, loss=loss, reduction=reduction
    )
    assert far < 1e-5
