"""Descent step by step against PyTorch, where it is installed: each network beside its own nn.Sequential."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import SGD, Adam, fit

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
