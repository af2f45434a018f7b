"""What a training is asked for, checked once: nothing of it changes while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.errors import SettingsError
from swarm.train import losses, masks, optimizers, schedules
from swarm.train.field import Jitter
from swarm.train.held import Held
from swarm.train.parts import parts_of
from swarm.train.samples import Samples, check
from swarm.train.sampling import Order
from swarm.train.schedules import Schedule
from swarm.train.seeds import jitter_of, keyed, numbers
from swarm.train.trainee import compute
from swarm.train.waves import Wave, waves


@dataclass(frozen=True)
class Plan:
    """For N brains: the samples and their order, what disturbs and what judges them, how long, and in which waves.

    batch: samples in a batch. steps [N] int64: batches of the whole run, for the schedule. masks: for each group
    (trains uint8, pruned bool), [n | 1, stride] or None.
    """

    epochs: int
    batch: int
    steps: np.ndarray
    samples: Samples
    order: Order
    jitter: Jitter | None
    schedule: Schedule | None
    masks: list[tuple[np.ndarray | None, np.ndarray | None]]
    held: Held | None
    restore_best: bool
    waves: list[Wave]

    @classmethod
    def of(cls, brains: Brains, x: Any, y: Any, asked: Any) -> Plan:
        """From the arguments of `fit`, the keywords as attributes of `asked`. Raises SettingsError and DataError."""
        count = _brains(brains)
        for name in ("epochs", "batch_size", "wave", "checkpoint_epochs"):
            if getattr(asked, name) is not None or name in ("epochs", "batch_size"):
                whole(name, getattr(asked, name))
        dtype, loss, reduction = compute(brains), losses.check(asked.loss), losses.check_reduction(asked.reduction)
        samples = check(x, y, loss, brains.inputs, brains.outputs, dtype, reduction=reduction)
        optimizers.check(asked.optimizer, count)
        schedules.check(asked.schedule, count)

        keys = np.arange(count, dtype=np.uint32) if asked.keys is None else numbers(asked.keys, count, "keys")
        drawn = {}  # what is random -> (seed, keys)
        for what in ("order", "bootstrap", "dropout", "noise"):
            name = f"{what}_seed" if getattr(asked, f"{what}_seed") is not None else "seed"
            drawn[what] = keyed(getattr(asked, name), keys, name)
        parts = parts_of(asked.samples, asked.weights, len(samples), count)
        (seed, names), (draw_seed, draw_names) = drawn["order"], drawn["bootstrap"]
        order = Order(parts, names, asked.sampling, bool(asked.shuffle), seed, draw_names, draw_seed)
        batch = min(int(asked.batch_size), int(parts.sizes.max()))
        frozen, pruned = (masks.chosen(brains, getattr(asked, name), name) for name in ("freeze", "prune"))
        plan = cls(
            epochs=int(asked.epochs),
            batch=batch,
            steps=np.broadcast_to(asked.epochs * -(-parts.sizes // batch), (count,)),
            samples=samples,
            order=order,
            jitter=jitter_of(asked.dropout, asked.noise, drawn["dropout"], drawn["noise"]),
            schedule=asked.schedule,
            masks=[(masks.trains(f, p), p) for f, p in zip(frozen, pruned, strict=True)],
            held=Held.of(asked.validation, brains, samples, parts),
            restore_best=bool(asked.restore_best),
            waves=waves(brains, asked.wave),
        )
        _fits(plan, asked)
        return plan


def whole(name: str, value: Any) -> None:
    """Raises SettingsError for what is not a whole number of 1 or more."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"fit: {name} {value!r} must be a whole number of 1 or more.")


def _brains(brains: Any) -> int:
    if not isinstance(brains, Brains):
        raise SettingsError(f"fit: {type(brains).__name__} is not a pool of brains. Give swarm.Brains(...).")
    if len(brains) == 0:
        raise SettingsError("fit: the pool has no brains. Build it with count=1 or more.")
    return len(brains)


def _fits(plan: Plan, asked: Any) -> None:
    """Raises SettingsError for settings that are fine alone and not together."""
    for name, missing in (("patience", asked.patience is not None), ("restore_best", plan.restore_best)):
        if plan.held is None and missing:
            raise SettingsError(f"fit: {name} needs validation=(xv, yv) to judge by.")
    if asked.monitor == "accuracy" and plan.samples.loss != "cross_entropy":
        raise SettingsError(f"fit: monitor='accuracy' needs labels, and the loss {asked.loss!r} has targets.")
    if optimizers.ours(asked.optimizer):
        return
    own = f"{type(asked.optimizer).__name__} is an optimizer of your own"
    if len(np.unique(plan.order.parts.sizes)) > 1:
        raise SettingsError(f"fit: {own}; those need as many samples for every brain, and `samples` differ in number.")
    if asked.checkpoint is not None:
        raise SettingsError(f"fit: {own}, whose memory cannot be saved. Leave `checkpoint` out.")
