"""PyTorch on networks with one hidden layer that all differ: one after the other, and all in one wide layer.

The wide form is the idea of ParallelMLPs: the hidden units of all networks stand side by side, sorted by activation, so
that the first layer is one product and an activation one call; what a unit hands on is summed over its network's units
(`index_add_`). One shared batch, the mean loss of each network, their sum differentiated by autograd.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.train.optimizers import SGD

from .peers import Peer
from .peers_torch import MODULES, OneByOne, wanted
from .train_oracle import Weights
from .train_problem import weights_of


def one_by_one(
    brains: Brains,
    sample: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    batch: int,
    threads: int,
    rate: float,
) -> Peer:
    """The networks of the sample, one after the other."""
    starts = [(brains[int(k)].mlp, weights_of(brains[int(k)])) for k in sample]
    form = OneByOne(starts, x, y, index[None], batch, SGD(rate), threads)
    return Peer("torch one by one", form.run, form.result, sample)


def wide(
    brains: Brains,
    sample: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    index: np.ndarray,
    batch: int,
    threads: int,
    rate: float,
) -> Peer:
    """The networks of the sample in one wide hidden layer."""
    ones = [(brains[int(k)].mlp, weights_of(brains[int(k)])) for k in sample]
    order = sorted(range(len(ones)), key=lambda k: ACTIVATIONS.index(ones[k][0].activation[0]))
    ones, sample = [ones[k] for k in order], sample[order]
    names = [mlp.activation[0] for mlp, _ in ones]
    units = np.array([mlp.hidden[0] for mlp, _ in ones])
    ends = np.cumsum(units)
    owner = torch.from_numpy(np.repeat(np.arange(len(ones)), units))
    spans = {}  # activation -> its units
    for name in dict.fromkeys(names):
        mine = [k for k, other in enumerate(names) if other == name]
        spans[name] = (int(ends[mine[0]] - units[mine[0]]), int(ends[mine[-1]]))
    stages = [(MODULES[name](), *span) for name, span in spans.items()]
    inputs, labels, at = torch.from_numpy(x), torch.from_numpy(wanted(y)), torch.from_numpy(index)
    tensors: list[torch.Tensor] = []

    def start() -> None:
        first = [(weight[0], bias[0]) for (weight, bias), _ in (weights for _, weights in ones)]
        last = [(weight[0], bias[0]) for _, (weight, bias) in (weights for _, weights in ones)]
        arrays = [
            np.concatenate([weight for weight, _ in first], axis=1),  # [f, U]
            np.concatenate([bias for _, bias in first]),  # [U]
            np.concatenate([weight for weight, _ in last]),  # [U, O]
            np.stack([bias for _, bias in last]),  # [N, O]
        ]
        tensors[:] = [torch.from_numpy(array).requires_grad_() for array in arrays]

    def loss(some: torch.Tensor) -> torch.Tensor:
        weight, bias, last, end = tensors
        sums = torch.addmm(bias, inputs[some], weight)
        hidden = torch.cat([stage(sums[:, begin:stop]) for stage, begin, stop in stages], 1)
        given = hidden[:, :, None] * last
        out = torch.zeros(len(some), len(ones), last.shape[1]).index_add_(1, owner, given) + end
        right = labels[some]
        if right.is_floating_point():
            return (out - right[:, None]).square().sum() / len(some)
        many = right[:, None].expand(-1, len(ones)).reshape(-1)
        return nn.functional.cross_entropy(out.flatten(0, 1), many, reduction="sum") / len(some)

    def run(steps: int) -> float:
        torch.set_num_threads(threads)
        start()
        begun = time.perf_counter()
        for step in range(steps):
            gradients = torch.autograd.grad(loss(at[step * batch : (step + 1) * batch]), tensors)
            with torch.no_grad():
                for tensor, gradient in zip(tensors, gradients, strict=True):
                    tensor.sub_(gradient, alpha=rate)
        return time.perf_counter() - begun

    def result() -> list[Weights]:
        weight, bias, last, end = (tensor.detach().numpy() for tensor in tensors)
        return [
            [(weight[None, :, b - u : b], bias[None, b - u : b]), (last[None, b - u : b], end[None, k])]
            for k, (b, u) in enumerate(zip(ends, units, strict=True))
        ]

    return Peer("torch, one wide layer", run, result, sample)
