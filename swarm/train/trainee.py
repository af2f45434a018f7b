"""A wave of brains while it trains: their storage as fields, their order of samples, their optimizer's memory.

One call of `descend` trains all brains of the wave, whatever their architectures, for a number of batches. The kernels
have float32, our optimizers and the losses that have names; all else goes through the reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import Layout
from swarm.errors import BackendError, SettingsError
from swarm.train import backward, descend, optimizers, sampling, schedules
from swarm.train.field import Field
from swarm.train.samples import Samples
from swarm.train.waves import Wave

if TYPE_CHECKING:
    from swarm.train.plan import Plan

_FLOPS = 2e10  # of one call: about a tenth of a second to one, so that Ctrl-C and the progress bar answer
_INDICES = 1 << 24  # of one call: 64 MB
_LOOKED_AT = 1 << 22  # parameters looked at together
_STEPS = 8  # at least
_WAY, _RULE = 120, 7  # flops in the time of a byte's way, thirty times over; flops of a rule per moment and parameter


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
    if compute(brains) == np.float64:
        return {"backward": backward, "descend": descend, "sampling": sampling}[stem]
    return brains.backend.twin(f"swarm.train.{stem}")


def master(brains: Brains) -> tuple[np.ndarray, Layout]:
    """Rows [N, stride] to train on, and their layout: the pool's own, or a float32 copy of 2-byte parameters."""
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


@dataclass
class Standing:
    """Where each of N brains is in its training; all of it goes into a checkpoint.

    step int64: batches learned. active bool: who trains on. total, mass float64: the losses and the weights of the
    samples of this epoch so far.
    """

    step: np.ndarray
    active: np.ndarray
    total: np.ndarray
    mass: np.ndarray

    @classmethod
    def of(cls, count: int) -> Standing:
        return cls(np.zeros(count, np.int64), np.ones(count, bool), np.zeros(count), np.zeros(count))


class Trainee:
    """Trains the brains of one wave in place, a run of batches at a time.

    optimizer: of the whole population. After `give_back` a 2-byte pool holds the rounded parameters.
    """

    def __init__(self, brains: Brains, wave: Wave, plan: Plan, optimizer: Any) -> None:
        self.brains, self.samples, self.batch, self.schedule = brains, plan.samples, plan.batch, plan.schedule
        self.members, self.order, self.steps = wave.members, plan.order.part(wave.members), plan.steps[wave.members]
        self.jitter = None if plan.jitter is None else plan.jitter.part(wave.members)
        self.pools = [brains.groups[g][start:stop] for g, start, stop in wave.runs]
        self.fields: list[Field] = []
        self.pruned: list[np.ndarray | None] = []
        for pool, (g, start, stop) in zip(self.pools, wave.runs, strict=True):
            rows, layout = master(pool)
            trains, pruned = (m if m is None or len(m) == 1 else m[start:stop] for m in plan.masks[g])
            if pruned is not None:
                np.copyto(rows, 0, where=pruned)
            first = sum(len(field.rows) for field in self.fields)
            at = np.arange(first, first + len(rows))
            self.pruned.append(pruned)
            self.fields.append(Field(layout, rows, optimizer.state(rows), trains, at))
        self.optimizer = optimizer

    @property
    def optimizer(self) -> Any:
        """Of this wave's brains."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        self._optimizer = optimizers.part(optimizer, self.members)
        if optimizers.ours(optimizer):
            for field in self.fields:
                field.state = _fitted(field.state, optimizer.slots, field.rows)

    @property
    def fused(self) -> bool:
        """Whether the kernels have it all."""
        return isinstance(self.samples.loss, str) and optimizers.ours(self._optimizer)

    @property
    def run(self) -> int:
        """How many samples one call should take: whole batches."""
        each = sum(descend.cost(f.layout, self.batch).flops * max(1, len(f.rows)) for f in self.fields)
        steps = max(_STEPS, int(_FLOPS / each), *(self._visit(f) for f in self.fields))
        most = max(1, _INDICES // (self.order.rows * self.batch))
        return self.batch * min(steps, most)

    def _visit(self, field: Field) -> int:
        """Steps of a network that make its way into the cache and back small beside them."""
        slots = len(field.state) if self.fused else 0
        moved = 2 * (1 + slots) * field.layout.row_bytes
        return int(_WAY * moved / (descend.cost(field.layout, self.batch).flops + _RULE * slots * field.layout.count))

    def prepare(self) -> None:
        """Compile or load the kernels, so that the first step takes no longer than the others."""
        nobody = np.empty(0, np.int64)
        fields = [
            replace(
                f, rows=f.rows[:0], positions=nobody,
                state=f.state[:, :0] if self.fused else None,
                trains=None if f.trains is None else f.trains[:1],
            )
            for f in self.fields
        ]  # fmt: skip
        index, lengths, keys = np.zeros((1, self.batch), np.int32), np.full(1, self.batch), np.empty((0, 12), np.uint32)
        weights = None if self.order.parts.weights is None else np.ones((1, self.batch), np.float32)
        with self.brains.backend.running():
            sampling = kernels(self.brains, "sampling")
            sampling.indices(self.order.parts.segments[:1], nobody, keys, keys, 0, index[:0])
            sampling.words(0, nobody, 0, 0, 0, keys.shape[1])
            if self.fused:
                kernels(self.brains, "descend").descend(
                    fields, self.samples, index, lengths, weights, self.batch, optimizers.part(self._optimizer, nobody),
                    np.ones((1, 1)), nobody.copy(), np.empty(0, bool), np.empty(0),
                    None if self.jitter is None else self.jitter.part(nobody),
                )  # fmt: skip
            else:
                for f in fields:
                    gradients = judge(self.brains, self.samples).gradients
                    gradients(f.rows, f.layout, self.samples, index, f.rows, np.empty(0))

    def train(self, epoch: int, start: int, stop: int, standing: Standing) -> int:
        """The batches at positions start .. stop - 1 of an epoch; returns how many samples all brains together took.

        standing: of the whole population, changed for this wave's brains.
        """
        m = self.members
        step, active, total = standing.step[m], standing.active[m], standing.total[m]
        with self.brains.backend.running():
            index, lengths, weights = self.order.indices(epoch, start, stop, active, kernels(self.brains, "sampling"))
        taken = np.where(active, lengths, 0)
        standing.mass[m] += taken if weights is None else np.where(active, weights.sum(axis=1, dtype=np.float64), 0)
        common = (self.fields, self.samples, index, lengths, weights, self.batch, self._optimizer)
        common += (self._factors(step, active, -(-(stop - start) // self.batch)), step, active, total, self.jitter)
        with self.brains.backend.running():
            if self.fused:
                kernels(self.brains, "descend").descend(*common)
            else:
                descend.descend(*common, judge(self.brains, self.samples).gradients)
        standing.step[m], standing.active[m], standing.total[m] = step, active, total
        return int(taken.sum())

    def _factors(self, step: np.ndarray, active: np.ndarray, T: int) -> np.ndarray:
        """Of the learning rates in the next T steps, [N | 1, T] float64."""
        if self.schedule is None:
            return np.ones((1, T))
        kinds = np.unique(np.stack([step, self.steps], axis=1)[active], axis=0)
        if len(kinds) == 1:
            first, steps = map(int, kinds[0])
            return schedules.factors(self.schedule, first, first + T, steps, self.members)
        found = np.ones((len(step), T))
        for first, steps in kinds.tolist():
            mine = (step == first) & (self.steps == steps)
            found[mine] = schedules.factors(self.schedule, first, first + T, steps, self.members[mine])
        return found

    def broken(self, active: np.ndarray) -> np.ndarray:
        """Those of the active brains [N] bool that have a parameter which is not finite: numbers in the whole."""
        found = [np.empty(0, np.int64)]
        for field in self.fields:
            who = self.members[field.positions]
            step = max(1, _LOOKED_AT // field.rows.shape[1])
            for start in range(0, len(who), step):
                part = slice(start, start + step)
                bad = ~np.isfinite(field.rows[part]).all(axis=1)
                found.append(who[part][bad & active[who[part]]])
        return np.concatenate(found)

    def mend(self, who: np.ndarray) -> None:
        """What is not finite in the parameters of these brains becomes 0."""
        for field in self.fields:
            for k in np.flatnonzero(np.isin(self.members[field.positions], who)):
                np.copyto(field.rows[k], 0, where=~np.isfinite(field.rows[k]))

    def copy(self, source: np.ndarray, target: np.ndarray, more: list[np.ndarray]) -> None:
        """Brains `target` get the parameters and the memory of brains `source`, both numbers of the whole population.

        more: further rows for each pool, treated alike. Raises SettingsError for other architectures.
        """
        place = np.empty(len(self.members), np.int64)
        place[self.members] = np.arange(len(self.members))
        ends = np.cumsum([len(field.rows) for field in self.fields])
        to, at = place[target], place[source]
        kinds, others = (np.searchsorted(ends, where, "right") for where in (to, at))
        if (kinds != others).any():
            k = int(np.argmax(kinds != others))
            one, other = self.pools[others[k]].mlp, self.pools[kinds[k]].mlp
            raise SettingsError(f"Training.copy: brain {source[k]} is {one}, brain {target[k]} is {other}.")
        for f, (pool, field) in enumerate(zip(self.pools, self.fields, strict=True)):
            mine = kinds == f
            new, old = to[mine] - field.positions[:1], at[mine] - field.positions[:1]
            for rows in (field.rows, pool.rows, *more[f : f + 1]):
                rows[new] = rows[old]
            field.state[:, new] = field.state[:, old]
            if (pruned := self.pruned[f]) is not None:
                np.copyto(field.rows, 0, where=pruned)

    def give_back(self) -> None:
        """Round the float32 copy into a 2-byte pool; nothing to do for the others."""
        for pool, field in zip(self.pools, self.fields, strict=True):
            if field.layout is pool.layout:
                continue
            for to, at in zip(pool.layout.blocks, field.layout.blocks, strict=True):
                pool.rows[:, to.start : to.start + to.length] = field.rows[:, at.start : at.start + at.length]


def _fitted(state: np.ndarray, slots: int, rows: np.ndarray) -> np.ndarray:
    """The optimizer's memory with as many slots as it needs now; new ones begin at 0."""
    if len(state) >= slots:
        return state[:slots]
    return np.concatenate([state, np.zeros((slots - len(state), *rows.shape), rows.dtype)])
