"""PyTorch training many small networks: each form by its name, eager, all threads, nothing computed that is not needed.

    torch bmm          stacked [N, I, O] weights; products, derivative and update written by hand, the update of descent
                       fused into the product (`baddbmm_`); own batches are gathered into one array made once
    torch bmm, laid    the same, but all batches lie ready as [N, B, I] before the clock starts
    torch one GEMM     shared batches only: the first layer of all networks is one product [N H, I] [I, B] (this way
                       round it was the faster)
    torch.func vmap    `vmap(grad(loss))` over `functional_call`, as the ensembling tutorial has it
    torch one by one   an nn.Sequential and an optimizer per network, one network after the other

Adam is torch's own in all of them, over the stacked parameters in the stacked forms, fused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from swarm.brain.mlp import MLP
from swarm.train.optimizers import SGD, Adam

from .peers import Peer
from .train_oracle import Weights
from .train_problem import Problem, split

_LAID_BYTES = 1 << 30  # the batches that may lie ready

MODULES: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leakyrelu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "selu": nn.SELU,
    "hardshrink": nn.Hardshrink,
    "mish": nn.Mish,
}


def forms(problem: Problem, threads: int, some: int | None = None) -> Iterator[Peer]:
    """The forms that apply. some: networks of 'one by one'. Raises ImportError without torch."""
    ways: dict[str, Callable[[Stack, int], None]] = {"torch bmm": Stack.by_hand}
    if problem.shared:
        ways["torch one GEMM"] = Stack.one_gemm
    elif problem.count * problem.steps * problem.batch * problem.mlp.inputs * 4 <= _LAID_BYTES:
        ways["torch bmm, laid"] = Stack.by_hand
    ways["torch.func vmap"] = Stack.mapped
    stack = Stack(problem, threads)
    for name, way in ways.items():
        yield stack.peer(name, way, laid=name.endswith("laid"))
    yield one_by_one(problem, threads, some)


class Stack:
    """The problem as tensors: stacked parameters, which every form trains from the same start."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.problem, self.threads = problem, threads
        self.x = torch.from_numpy(problem.inputs())
        self.y = torch.from_numpy(problem.y.astype(np.int64))
        self.index = torch.from_numpy(np.ascontiguousarray(problem.index))
        self.weights: list[torch.Tensor] = []
        self.biases: list[torch.Tensor] = []
        self.adam: Any = None
        self.batches: torch.Tensor | None = None  # [S, N, B, I]
        self.wide: torch.Tensor | None = None  # [N H, I]
        rows = 1 if problem.shared else problem.count
        self.space = torch.empty(rows * problem.batch, problem.mlp.inputs)

    def peer(self, name: str, way: Callable[[Stack, int], None], laid: bool) -> Peer:
        def run(steps: int) -> float:
            torch.set_num_threads(self.threads)
            self.reset(way is Stack.one_gemm)
            if laid:
                self.batches = torch.stack([self.gathered(step).clone() for step in range(steps)])
            begun = time.perf_counter()
            with torch.set_grad_enabled(way is Stack.mapped):
                for step in range(steps):
                    way(self, step)
            return time.perf_counter() - begun

        return Peer(name, run, self.result, np.arange(self.problem.count))

    def reset(self, wide: bool) -> None:
        """The start again. wide: with the first layer's weights as [N H, I]."""
        self.batches, self.wide = None, None
        self.weights = [torch.from_numpy(weight.copy()) for weight, _ in self.problem.weights]
        self.biases = [torch.from_numpy(bias.copy()) for _, bias in self.problem.weights]
        if wide:
            self.wide = self.weights[0].mT.reshape(-1, self.problem.mlp.inputs).contiguous()
        first = self.weights[0] if self.wide is None else self.wide
        optimizer = self.problem.optimizer
        own = [first, *self.weights[1:], *self.biases]
        self.adam = adam(own, optimizer) if isinstance(optimizer, Adam) else None

    def result(self) -> list[Weights]:
        if self.wide is not None:
            self.weights[0] = self.wide.view(self.problem.count, -1, self.problem.mlp.inputs).mT
        return split([(w.numpy(), b.numpy()) for w, b in zip(self.weights, self.biases, strict=True)])

    def gathered(self, step: int) -> torch.Tensor:
        """The inputs [N | 1, B, I] of a step."""
        at = self.at(step)
        torch.index_select(self.x, 0, at.reshape(-1), out=self.space)
        return self.space.view(*at.shape, -1)

    def at(self, step: int) -> torch.Tensor:
        """The samples [N | 1, B] of a step."""
        batch = self.problem.batch
        return self.index[:, step * batch : (step + 1) * batch]

    # --- the forms ---------------------------------------------------------------------------------------------------

    def by_hand(self, step: int) -> None:
        """Products over [N, ...], forward and back."""
        inputs = self.gathered(step) if self.batches is None else self.batches[step]
        outs = [inputs.expand(self.problem.count, -1, -1)]
        self._through(outs, 0)
        back = self._error(outs.pop(), step)
        self._back(outs, back, 0)
        self._adam()

    def one_gemm(self, step: int) -> None:
        """The first layer as one product over all networks; the others as `by_hand`."""
        count, inputs = self.problem.count, self.gathered(step)[0]
        assert self.wide is not None
        summed = torch.addmm(self.biases[0].view(-1, 1), self.wide, inputs.T)
        hidden = summed.view(count, -1, len(inputs)).mT
        if len(self.weights) == 1:
            back = self._error(hidden, step)
        else:
            outs = [hidden.relu_()]
            self._through(outs, 1)
            back = self._back(outs, self._error(outs.pop(), step), 1)
        flat = back.mT.reshape(-1, len(inputs))
        if self.adam is None:
            self.wide.addmm_(flat, inputs, alpha=-self.problem.optimizer.learning_rate)
            self.biases[0].sub_(back.sum(1), alpha=self.problem.optimizer.learning_rate)
        else:
            self.wide.grad = flat @ inputs
            self.biases[0].grad = back.sum(1)
        self._adam()

    def mapped(self, step: int) -> None:
        """vmap(grad) over one network's loss."""
        gradients = self._mapping()
        at = self.at(step)
        inputs, labels = self.gathered(step), self.y[at]
        if self.problem.shared:
            inputs, labels = inputs[0], labels[0]
        parameters = [*self.weights, *self.biases]
        found = gradients(parameters, inputs, labels)
        with torch.no_grad():
            for tensor, gradient in zip(parameters, found, strict=True):
                if self.adam is None:
                    tensor.sub_(gradient, alpha=self.problem.optimizer.learning_rate)
                else:
                    tensor.grad = gradient
            self._adam()

    # --- their parts -------------------------------------------------------------------------------------------------

    def _through(self, outs: list[torch.Tensor], first: int) -> None:
        last = len(self.weights) - 1
        for k in range(first, last + 1):
            out = torch.baddbmm(self.biases[k][:, None], outs[-1], self.weights[k])
            outs.append(out if k == last else out.relu_())

    def _error(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        error = logits.softmax(2)
        at = self.y[self.at(step)].expand(error.shape[:2])[:, :, None]
        error.scatter_add_(2, at, torch.full((1, 1, 1), -1.0).expand(at.shape))
        return error.div_(self.problem.batch)

    def _back(self, outs: list[torch.Tensor], back: torch.Tensor, first: int) -> torch.Tensor:
        """Update layers down to `first`; what goes back into that layer's inputs, where they are a layer's outputs."""
        rate = self.problem.optimizer.learning_rate
        for k in reversed(range(first, len(self.weights))):
            below, inputs = None, outs[k - first]
            if k:
                below = torch.bmm(back, self.weights[k].mT).mul_(inputs > 0)
            if self.adam is None:
                self.weights[k].baddbmm_(inputs.mT, back, alpha=-rate)
                self.biases[k].sub_(back.sum(1), alpha=rate)
            else:
                self.weights[k].grad = torch.bmm(inputs.mT, back)
                self.biases[k].grad = back.sum(1)
            back = back if below is None else below
        return back

    def _adam(self) -> None:
        if self.adam is not None:
            self.adam.step()

    def _mapping(self) -> Callable[..., Any]:
        """vmap(grad(loss)) over the lists of stacked tensors; made once."""
        if not hasattr(self, "_mapped"):
            net = network(self.problem.mlp)
            names = [name for kind in ("weight", "bias") for name, _ in net.named_parameters() if name.endswith(kind)]

            def loss(parameters: list[torch.Tensor], inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
                turned = [tensor.mT if tensor.ndim == 2 else tensor for tensor in parameters]  # nn.Linear keeps [O, I]
                answers = torch.func.functional_call(net, dict(zip(names, turned, strict=True)), (inputs,))
                return nn.functional.cross_entropy(answers, labels)

            ways = (0, None, None) if self.problem.shared else (0, 0, 0)
            self._mapped = torch.func.vmap(torch.func.grad(loss), in_dims=ways)
        return self._mapped


def network(mlp: MLP) -> nn.Sequential:
    """One network as PyTorch writes it."""
    stages: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(zip(mlp.widths, mlp.widths[1:], strict=False)):
        stages.append(nn.Linear(inputs, outputs))
        if k < len(mlp.activation):
            stages.append(MODULES[mlp.activation[k]]())
    return nn.Sequential(*stages)


def adam(parameters: Iterable[torch.Tensor], optimizer: Adam) -> Any:
    """Torch's Adam with our values, fused."""
    betas = (optimizer.beta1, optimizer.beta2)
    return torch.optim.Adam(parameters, optimizer.learning_rate, betas, optimizer.epsilon, fused=True)


class OneByOne:
    """nn.Sequential and torch.optim, one network after the other; with one thread or all, as the first run likes.

    starts: an architecture and its weights [1, ...] for each network; x [M, I] float32; y [M] labels or, for the
    squared error of one output, floats; index [N | 1, S batch].
    """

    def __init__(
        self,
        starts: Sequence[tuple[MLP, Weights]],
        x: np.ndarray,
        y: np.ndarray,
        index: np.ndarray,
        batch: int,
        optimizer: SGD | Adam,
        threads: int,
    ) -> None:
        self.starts, self.batch, self.optimizer, self.threads = starts, batch, optimizer, threads
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(wanted(y))
        self.index = torch.from_numpy(np.ascontiguousarray(index)).expand(len(starts), -1)
        self.loss = nn.CrossEntropyLoss() if y.dtype.kind in "iu" else nn.MSELoss()
        self.best = 0
        self.nets: list[nn.Sequential] = []

    def run(self, steps: int) -> float:
        """Seconds of the training loops."""
        if not self.best:
            self.best = min(sorted({1, self.threads}), key=lambda threads: self.timed(threads, steps))
        return self.timed(self.best, steps)

    def timed(self, threads: int, steps: int) -> float:
        torch.set_num_threads(threads)
        self.nets = [network(mlp) for mlp, _ in self.starts]
        seconds = 0.0
        for net, (_, weights), at in zip(self.nets, self.starts, self.index, strict=True):
            _put(net, weights)
            own, rate = list(net.parameters()), self.optimizer.learning_rate
            if isinstance(self.optimizer, Adam):
                mover = adam(own, self.optimizer)
            else:
                mover = torch.optim.SGD(own, rate, fused=True)
            begun = time.perf_counter()
            for some in at[: steps * self.batch].split(self.batch):
                mover.zero_grad()
                self.loss(net(self.x[some]), self.y[some]).backward()
                mover.step()
            seconds += time.perf_counter() - begun
        return seconds

    def result(self) -> list[Weights]:
        return [
            [(s.weight.detach().numpy().T[None], s.bias.detach().numpy()[None]) for s in _linear(net)]
            for net in self.nets
        ]


def one_by_one(problem: Problem, threads: int, some: int | None = None) -> Peer:
    """The first `some` networks of a problem, one after the other."""
    count = min(some or problem.count, problem.count)
    starts = [(problem.mlp, one) for one in split(problem.weights)[:count]]
    index = problem.index if problem.shared else problem.index[:count]
    form = OneByOne(starts, problem.inputs(), problem.y, index, problem.batch, problem.optimizer, threads)
    return Peer("torch one by one", form.run, form.result, np.arange(count))


def wanted(y: np.ndarray) -> np.ndarray:
    """Labels as int64; targets as [M, 1]."""
    return y.astype(np.int64) if y.dtype.kind in "iu" else y[:, None]


def _linear(net: nn.Sequential) -> list[nn.Linear]:
    return [stage for stage in net if isinstance(stage, nn.Linear)]


def _put(net: nn.Sequential, weights: Weights) -> None:
    """The weights [1, I, O] and biases [1, O] of one network into its module."""
    with torch.no_grad():
        for stage, (weight, bias) in zip(_linear(net), weights, strict=True):
            stage.weight.copy_(torch.from_numpy(weight[0].T.copy()))
            stage.bias.copy_(torch.from_numpy(bias[0].copy()))
