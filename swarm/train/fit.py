"""`swarm.fit`: train every brain of a population at once, each on its own order of the samples."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from swarm.backend import rng
from swarm.brain.brains import Brains
from swarm.errors import DataError, SettingsError
from swarm.train import losses, masks, optimizers, schedules
from swarm.train.evaluate import score
from swarm.train.losses import Loss
from swarm.train.optimizers import SGD
from swarm.train.progress import bar
from swarm.train.report import Report
from swarm.train.samples import Samples, check
from swarm.train.sampling import Order
from swarm.train.schedules import Schedule
from swarm.train.trainee import Trainee, compute


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `fit`. The brains hold what they had learned until then; `report` says how far that was."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def fit(
    brains: Brains,
    x: Any,
    y: Any,
    *,
    loss: Loss = "cross_entropy",
    reduction: str = "mean",
    optimizer: Any = SGD(),  # noqa: B008  (frozen)
    schedule: Schedule | None = None,
    epochs: int = 1,
    batch_size: int = 64,
    sampling: str = "own",
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    shuffle: bool = True,
    keys: Any = None,
    freeze: Any = None,
    prune: Any = None,
    progress: bool = False,
) -> Report:
    """Train `brains` in place on x [M, I] (uint8, scaled to 0..1, or float) and y ([M] labels or [M, O] targets).

    loss: 'cross_entropy' (logits and labels), 'mse', 'bce' (logits and targets in 0..1), 'huber', or a function of
    (outputs [N, B, O], targets [N | 1, B, ...]) -> (value [N, B], gradient [N, B, O]), slower, with y [M, ...] of any
    shape. reduction: 'mean' or 'sum' of the samples' losses in a batch. optimizer: `SGD`, `RMSprop`, `Adam` or `AdamW`,
    every value one number or one per brain [N]. schedule: how the learning rate changes with the steps, such as
    `WarmupRate(100).then(CosineRate())`. freeze, prune: parameters that do not train, and such that are set to 0 and
    stay 0: layers [0, 1], masks by layer {0: mask}, or [P] or [N, P] as `parameters` (see `masks`).

    sampling: 'own' order per brain, 'shared' batches, 'bootstrap' draws per brain. shuffle=False takes the samples in
    their order. Each epoch meets all M samples (draws); its last batch may be short. validation (xv, yv) is scored
    after every epoch. keys [N] name the brains in the random orders (default: their positions): a brain with the same
    key, seed and start has the same parameters afterwards, to the bit, whether it trains alone or in any company.

    A bfloat16 pool trains on a float32 copy and is rounded at the end. Raises DataError for samples that do not fit
    (which one), SettingsError for settings (which brain), `Interrupted` on Ctrl-C.
    """
    count = _checked(brains, epochs, batch_size, seed)
    dtype, loss, reduction = compute(brains), losses.check(loss), losses.check_reduction(reduction)
    samples = check(x, y, loss, brains.inputs, brains.outputs, dtype, reduction=reduction)
    held = _held(brains, validation, loss)
    optimizers.check(optimizer, count)
    schedules.check(schedule, count)
    rates, names = optimizers.rates(optimizer.learning_rate, count, dtype), _keys(keys, count)
    frozen, pruned = masks.chosen(brains, freeze, "freeze"), masks.chosen(brains, prune, "prune")
    steps = epochs * -(-len(samples) // min(batch_size, len(samples)))
    report = Report(brains, rates)
    pools = []
    for g, group in enumerate(brains.groups):
        at = group.positions
        order = Order(len(samples), names[at], sampling, bool(shuffle), seed)
        pool = Trainee(
            group, samples, optimizers.part(optimizer, at), rates[at], order, batch_size, schedule, steps,
            masks.trains(frozen[g], pruned[g]), pruned[g],
        )  # fmt: skip
        pools.append((at, pool))
    try:
        with bar(progress, count, epochs, epochs * len(samples) * count) as advance:
            begin = time.perf_counter()
            for _, pool in pools:
                pool.prepare()
            report.preparing = time.perf_counter() - begin
            for epoch in range(epochs):
                begin = time.perf_counter()
                total = np.zeros(count)
                run = min(pool.run for _, pool in pools)
                for start in range(0, len(samples), run):
                    stop = min(start + run, len(samples))
                    for positions, pool in pools:
                        part = total[positions]
                        pool.train(epoch, start, stop, part)
                        total[positions] = part
                        report.samples += len(part) * (stop - start)
                        advance(epoch, len(part) * (stop - start))
                report.seconds += time.perf_counter() - begin
                report.training_curve = _append(report.training_curve, total / len(samples))
                _validate(report, held, pools)
                report.epochs += 1
    except KeyboardInterrupt:
        report.interrupted = True
        raise Interrupted(report) from None
    finally:
        for _, pool in pools:
            pool.give_back()
    return report


def _validate(report: Report, held: Samples | None, pools: list) -> None:
    if held is None:
        return
    for _, pool in pools:
        pool.give_back()
    scores = score(report.brains, held)
    report.validation_loss_curve = _append(report.validation_loss_curve, scores.loss)
    if scores.accuracy is not None:
        report.validation_accuracy_curve = _append(report.validation_accuracy_curve, scores.accuracy)


def _append(curve: np.ndarray | None, row: np.ndarray) -> np.ndarray:
    return row[None] if curve is None or not len(curve) else np.vstack([curve, row])


def _checked(brains: Brains, epochs: int, batch_size: int, seed: int) -> int:
    if not isinstance(brains, Brains):
        raise SettingsError(f"fit: {type(brains).__name__} is not a pool of brains. Give swarm.Brains(...).")
    if len(brains) == 0:
        raise SettingsError("fit: the pool has no brains. Build it with count=1 or more.")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise SettingsError(f"fit: {name} {value!r} must be a whole number of 1 or more.")
    rng.key(seed)
    return len(brains)


def _held(brains: Brains, validation: tuple[Any, Any] | None, loss: Loss) -> Samples | None:
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise SettingsError("fit: validation is a pair of samples and labels: validation=(xv, yv).")
    if len(validation[0]) == 0:
        raise DataError("fit: the validation set is empty. Give samples, or leave validation out.")
    return check(*validation, loss, brains.inputs, brains.outputs, compute(brains), "fit: validation")


def _keys(keys: Any, count: int) -> np.ndarray:
    if keys is None:
        return np.arange(count, dtype=np.uint32)
    names = np.asarray(keys)
    if names.shape != (count,) or names.dtype.kind not in "iu" or names.min() < 0 or names.max() >= 1 << 32:
        raise SettingsError(f"fit: keys must be {count} whole numbers below 2^32, one per brain.")
    return names.astype(np.uint32)
