"""How the learning rate changes during a run: factors by which it is multiplied, step by step.

Steps count from 0, one per batch; `steps` of the whole run is epochs * batches per epoch. Every value is one number or
one per brain [N]. Schedules are multiplied, or put one behind the other:

    WarmupRate(100) * CosineRate()           both run from step 0
    WarmupRate(100).then(CosineRate())       the cosine begins at step 100, where the warm-up ends

The factors are those of PyTorch's `StepLR`, `CosineAnnealingLR`, `LinearLR` and `SequentialLR`; the cosine's source is
Loshchilov and Hutter, ICLR 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from swarm.errors import SettingsError
from swarm.train.optimizers import shaped


class Schedule:
    """The base: `factors(t, steps)`, `*` and `then`."""

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        """Factors of the steps t [T], whole numbers, of a run of `steps`: [1, T] or [N, T], float64."""
        raise NotImplementedError

    def __mul__(self, other: Schedule) -> Schedule:
        return Product(self, other) if isinstance(other, Schedule) else NotImplemented

    def check(self, count: int) -> None:
        """Raises SettingsError for values that do not fit `count` brains, naming the brain."""
        for field in fields(self):  # type: ignore[arg-type]  # all schedules are dataclasses
            value = getattr(self, field.name)
            if isinstance(value, Schedule):
                value.check(count)
            elif value is not None:
                name = f"{type(self).__name__}.{field.name}"
                array, whole = shaped(value, count, name), field.name in ("every", "steps")
                wrong = ~(np.isfinite(array) & (array >= (1 if whole else 0)))
                if wrong.any():
                    at = int(np.argmax(wrong))
                    words = "a number of 1 or more steps" if whole else "a number of 0 or more"
                    raise SettingsError(f"fit: {name} {array[at]:g} (brain {at}) is not {words}.")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The learning rate times `factor`, all the time."""

    factor: Any = 1.0

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        return np.broadcast_to(_column(self.factor), (len(_column(self.factor)), len(t)))


@dataclass(frozen=True)
class StepRate(Schedule):
    """Times `factor` after every `every` steps: factor ** (t // every)."""

    every: Any
    factor: Any = 0.1

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        return _column(self.factor) ** (t // _column(self.every))


@dataclass(frozen=True)
class CosineRate(Schedule):
    """From 1 along half a cosine to `final` after `steps` (None: the whole run), and `final` from there on."""

    steps: Any = None
    final: Any = 0.0

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        way = np.minimum(t / np.maximum(_column(steps if self.steps is None else self.steps), 1), 1)
        final = _column(self.final)
        return final + (1 - final) * (1 + np.cos(np.pi * way)) / 2


@dataclass(frozen=True)
class WarmupRate(Schedule):
    """From `start` in a straight line to 1 after `steps`, and 1 from there on."""

    steps: Any
    start: Any = 0.01

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        start = _column(self.start)
        return start + (1 - start) * np.minimum(t / _column(self.steps), 1)

    def then(self, after: Schedule) -> Schedule:
        """`after`, with its own step 0 where this warm-up ends."""
        return Sequence(self, after)


@dataclass(frozen=True)
class Product(Schedule):
    """Both at once."""

    first: Schedule
    second: Schedule

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        return self.first.factors(t, steps) * self.second.factors(t, steps)


@dataclass(frozen=True)
class Sequence(Schedule):
    """A warm-up, and then another schedule that takes the rest of the run."""

    first: WarmupRate
    second: Schedule

    def factors(self, t: np.ndarray, steps: int) -> np.ndarray:
        ends = _column(self.first.steps)
        parts = [self.second.factors(np.maximum(t - end, 0), int(steps - end)) for (end,) in ends]
        if len(ends) > 1:  # brain k's own row; a schedule of one row serves all
            parts = [part[min(k, len(part) - 1)][None] for k, part in enumerate(parts)]
        return np.where(t < ends, self.first.factors(t, steps), np.concatenate(parts))


SCHEDULES = {"constant": ConstantRate, "step": StepRate, "cosine": CosineRate, "warmup": WarmupRate}


def check(schedule: Any, count: int) -> None:
    """Raises SettingsError for what is no schedule, or one whose values do not fit `count` brains."""
    if schedule is None:
        return
    if not isinstance(schedule, Schedule):
        raise SettingsError(f"fit: {schedule!r} is no schedule. Give None, or one such as schedule=swarm.CosineRate().")
    schedule.check(count)


def factors(schedule: Schedule | None, first: int, stop: int, steps: int, positions: np.ndarray) -> np.ndarray:
    """Factors [N | 1, T] float64 of the steps first .. stop - 1 of a run, for the brains at `positions`."""
    t = np.arange(first, stop)
    if schedule is None:
        return np.ones((1, len(t)))
    found = schedule.factors(t, steps)
    return np.ascontiguousarray(found if len(found) == 1 else found[positions], np.float64)


def _column(value: Any) -> np.ndarray:
    return np.asarray(value, np.float64).reshape(-1, 1)
