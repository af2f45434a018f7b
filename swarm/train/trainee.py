"""An equal pool while it is trained: its parameters, its order of samples, its optimizer's memory.

Three ways, the first that applies: plain descent (`step`: SGD and nothing else, the update fused into the gradient);
our optimizers with schedules and masks (`descend`); and, for losses and optimizers of the user's, gradients batch by
batch. A brain's bits do not depend on which of the first two its company asks for.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import Layout
from swarm.errors import BackendError
from swarm.train import backward, descend, optimizers, sampling, schedules, step
from swarm.train.optimizers import SGD
from swarm.train.samples import Samples

_FLOPS = 2e10  # of one call: about a tenth to a second, so that Ctrl-C and the progress bar answer
_INDICES = 1 << 24  # of one call: 64 MB
_STEPS = 8  # at least, so that a network's way into the cache is spread over several steps


def compute(brains: Brains) -> np.dtype:
    """What the pool computes in: float64 for float64 parameters, else float32.

    Raises `BackendError` for brains on CUDA, which has no training kernels.
    """
    if brains.backend.device is not None:
        raise BackendError(
            "train: training and scoring run on the CPU, these brains are on CUDA. "
            'Take a copy: brains.to("cpu"); and back: brains.to("cuda").'
        )
    return brains.groups[0].layout.compute


def kernels(brains: Brains, stem: str) -> ModuleType:
    """The functions of `swarm.train.<stem>` for this pool: the backend's; float64 always computes by the reference."""
    if brains.layout.compute == np.float64:
        return {"backward": backward, "descend": descend, "step": step, "sampling": sampling}[stem]
    return brains.backend.twin(f"swarm.train.{stem}")


def master(brains: Brains) -> tuple[np.ndarray, Layout]:
    """Rows [N, stride] to train on, and their layout: the pool's own, or a float32 copy of bfloat16 parameters."""
    rows, layout = brains.rows[: len(brains)], brains.layout
    if layout.dtype == layout.compute:
        return rows, layout
    wide = brains.mlp.layout(layout.compute)
    copy = np.zeros((len(rows), wide.stride), wide.dtype)
    for to, at in zip(wide.blocks, layout.blocks, strict=True):
        copy[:, to.start : to.start + to.length] = rows[:, at.start : at.start + at.length]
    return copy, wide


def judge(brains: Brains, samples: Samples) -> ModuleType:
    """`backward` for this pool and loss: a function of the user's is called by the reference."""
    return kernels(brains, "backward") if isinstance(samples.loss, str) else backward


class Trainee:
    """Trains the brains of one pool in place, a run of batches at a time.

    optimizer: for this pool's brains (`optimizers.part`). keys [N] name them in the orders. steps: of the whole run.
    frozen, pruned: bool [N | 1, stride] or None (`masks`). After `give_back` a bfloat16 pool holds the rounded
    parameters.
    """

    def __init__(
        self,
        brains: Brains,
        samples: Samples,
        optimizer: Any,
        rates: np.ndarray,
        order: sampling.Order,
        batch: int,
        schedule: schedules.Schedule | None = None,
        steps: int = 0,
        trains: np.ndarray | None = None,
        pruned: np.ndarray | None = None,
    ) -> None:
        self.brains, self.samples, self.optimizer = brains, samples, optimizer
        self.rates, self.order, self.batch = rates, order, min(batch, len(samples))
        self.rows, self.layout = master(brains)
        self.schedule, self.steps, self.trains = schedule, steps, trains
        if pruned is not None:
            np.copyto(self.rows, 0, where=pruned)
        named, ours = isinstance(samples.loss, str), type(optimizer) in optimizers.OPTIMIZERS.values()
        self.plain = named and schedule is None and trains is None and _is_plain(optimizer)
        self.fused = named and ours and not self.plain
        self.state: Any = None if self.plain else optimizer.state(self.rows)
        self.step = 0
        self._epoch, self._rounds = -1, (np.empty(0), np.empty(0))

    def prepare(self) -> None:
        """Compile or load the kernels, so that the first step takes no longer than the others."""
        none = np.empty((0, sampling.ROUNDS), np.uint32)
        rows, rates, total = self.rows[:0], self.rates[:0], np.empty(0)
        with self.brains.backend.running():
            index = np.empty((self.order.rows, 0), np.int32)
            kernels(self.brains, "sampling").indices(len(self.samples), none, none, 0, index)
            index = np.zeros((1, self.batch), np.int32)
            if self.plain:
                kernels(self.brains, "step").sgd(rows, self.layout, self.samples, index, self.batch, rates, total)
            elif self.fused:
                nobody = optimizers.part(self.optimizer, np.empty(0, np.int64))
                trains = None if self.trains is None else self.trains[:1]
                state = np.empty((len(self.state), 0, self.layout.stride), rows.dtype)
                kernels(self.brains, "descend").descend(
                    rows, self.layout, self.samples, index, self.batch, nobody, np.ones((1, 1)), state, trains, 0, total
                )
            else:
                judge(self.brains, self.samples).gradients(rows, self.layout, self.samples, index, rows, total)

    @property
    def run(self) -> int:
        """How many samples one call should take: whole batches."""
        each = step.cost(self.layout, self.batch).flops * max(1, len(self.rows))
        steps = max(_STEPS, int(_FLOPS / each))
        most = max(1, _INDICES // (self.order.rows * self.batch))
        return self.batch * min(steps, most)

    def train(self, epoch: int, start: int, stop: int, total: np.ndarray) -> None:
        """The batches at positions start .. stop - 1 of an epoch; total [N] += the sums of the samples' losses."""
        if epoch != self._epoch:
            self._epoch, self._rounds = epoch, self.order.rounds(epoch)
        with self.brains.backend.running():
            index = np.empty((self.order.rows, stop - start), np.int32)
            kernels(self.brains, "sampling").indices(len(self.samples), *self._rounds, start, index)
            if self.plain:
                sgd = kernels(self.brains, "step").sgd
                sgd(self.rows, self.layout, self.samples, index, self.batch, self.rates, total)
            else:
                self._descend(index, total)

    def _descend(self, index: np.ndarray, total: np.ndarray) -> None:
        stop = self.step - -index.shape[1] // self.batch
        factors = schedules.factors(self.schedule, self.step, stop, self.steps, self.brains.positions)
        common = (self.rows, self.layout, self.samples, index, self.batch, self.optimizer, factors, self.state)
        if self.fused:
            kernels(self.brains, "descend").descend(*common, self.trains, self.step, total)
        else:
            gradients = judge(self.brains, self.samples).gradients
            descend.descend(*common, self.trains, self.step, total, gradients, self.rates)
        self.step = stop

    def give_back(self) -> None:
        """Round the float32 copy into a bfloat16 pool; nothing to do for the others."""
        if self.layout is self.brains.layout:
            return
        rows = self.brains.rows[: len(self.brains)]
        for to, at in zip(self.brains.layout.blocks, self.layout.blocks, strict=True):
            rows[:, to.start : to.start + to.length] = self.rows[:, at.start : at.start + at.length]


def _is_plain(optimizer: Any) -> bool:
    """Whether it is SGD without anything else, for every brain."""
    if type(optimizer) is not SGD:
        return False
    clip = optimizer.clip
    extras = np.any(optimizer.momentum) or np.any(optimizer.weight_decay)
    return not extras and (clip is None or bool(np.all(np.isinf(clip))))
