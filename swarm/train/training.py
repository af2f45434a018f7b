"""A training that can be stopped, saved, changed and continued; `swarm.fit` is one that runs to its end.

    training = swarm.Training(brains, x, y, optimizer=swarm.Adam(1e-3), epochs=50)
    training.run(10)                           # ten epochs
    training.copy([3, 7], [0, 1])              # exploit: brains 0 and 1 become what 3 and 7 are
    training.optimizer = swarm.Adam(rates)     # explore
    training.save("half.safetensors")          # and swarm.Training.resume("half.safetensors", x, y)
    report = training.run()                    # the rest

The loop is `run` -> `_call` (one launch for all brains of a wave) -> `_close_epoch` (validation, early stopping) ->
`_close_wave`. Between two calls the whole state is in a few arrays, which is what a checkpoint holds.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.rows import check_apart, rows_of
from swarm.errors import SettingsError
from swarm.train import checkpoint as files
from swarm.train import losses, masks, optimizers, schedules, seeds
from swarm.train.held import Held
from swarm.train.interrupt import Interrupted, listening
from swarm.train.losses import Loss
from swarm.train.optimizers import SGD
from swarm.train.parts import parts_of
from swarm.train.progress import bar
from swarm.train.report import Report
from swarm.train.samples import check
from swarm.train.sampling import Order
from swarm.train.schedules import Schedule
from swarm.train.stopping import Stopping
from swarm.train.trainee import Standing, Trainee, compute, waves


class Training:
    """Trains `brains` in place on x [M, I] (uint8, scaled to 0..1, or float) and y ([M] labels or [M, O] targets).

    The keywords are those of `swarm.fit`, which explains them. Nothing is trained before `run`. Raises DataError for
    samples that do not fit (which one), SettingsError for settings (which brain).
    """

    def __init__(
        self,
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
        samples: Any = None,
        weights: Any = None,
        validation: Any = None,
        patience: Any = None,
        min_delta: Any = 0.0,
        monitor: str = "loss",
        restore_best: bool = False,
        dropout: Any = 0.0,
        noise: Any = 0.0,
        seed: Any = 0,
        order_seed: Any = None,
        bootstrap_seed: Any = None,
        dropout_seed: Any = None,
        noise_seed: Any = None,
        keys: Any = None,
        shuffle: bool = True,
        freeze: Any = None,
        prune: Any = None,
        wave: int | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_epochs: int | None = None,
        checkpoint_seconds: float = 60.0,
        progress: bool = False,
    ) -> None:
        given = dict(locals())  # every keyword with its value: what a checkpoint keeps
        count = _checked(brains, epochs, batch_size, wave, checkpoint_epochs)
        dtype, loss, reduction = compute(brains), losses.check(loss), losses.check_reduction(reduction)
        self.brains, self.epochs, self.progress = brains, int(epochs), progress
        self.checkpoint, self.checkpoint_epochs, self.checkpoint_seconds = (
            checkpoint, checkpoint_epochs, checkpoint_seconds,
        )  # fmt: skip
        self.settings = {k: v for k, v in given.items() if k not in ("self", "brains", "x", "y", *files.FREE)}
        self.samples = check(x, y, loss, brains.inputs, brains.outputs, dtype, reduction=reduction)
        optimizers.check(optimizer, count)
        schedules.check(schedule, count)
        self._optimizer, self.schedule = optimizer, schedule

        names = np.arange(count, dtype=np.uint32) if keys is None else seeds.numbers(keys, count, "keys")
        named = {}
        for name, own in (
            ("order_seed", order_seed), ("bootstrap_seed", bootstrap_seed),
            ("dropout_seed", dropout_seed), ("noise_seed", noise_seed),
        ):  # fmt: skip
            named[name] = seeds.keyed(seed, names, "seed") if own is None else seeds.keyed(own, names, name)
        parts = parts_of(samples, weights, len(self.samples), count)
        (first, order_keys), (second, draw_keys) = named["order_seed"], named["bootstrap_seed"]
        self.order = Order(parts, order_keys, sampling, bool(shuffle), first, draw_keys, second)
        self.jitter = seeds.jitter_of(dropout, noise, named["dropout_seed"], named["noise_seed"])
        self.batch = min(int(batch_size), int(parts.sizes.max()))
        self.steps = np.broadcast_to(self.epochs * -(-parts.sizes // self.batch), (count,))
        if not optimizers.ours(optimizer) and len(np.unique(parts.sizes)) > 1:
            raise SettingsError(
                f"fit: {type(optimizer).__name__} is an optimizer of your own, and those need as many samples for every"
                " brain: `samples` gives them different numbers."
            )

        self.held = Held.of(validation, brains, self.samples, parts)
        self.stopping = Stopping.of(patience, min_delta, monitor, count)
        self.restore_best = bool(restore_best)
        if self.held is None and (patience is not None or restore_best):
            word = "patience" if patience is not None else "restore_best"
            raise SettingsError(f"fit: {word} needs validation=(xv, yv) to judge by.")
        if monitor == "accuracy" and loss != "cross_entropy":
            raise SettingsError(f"fit: monitor='accuracy' needs labels, and the loss {loss!r} has targets.")
        if checkpoint is not None and not optimizers.ours(optimizer):
            raise SettingsError("fit: the memory of an optimizer of your own cannot be saved. Leave `checkpoint` out.")
        frozen, pruned = masks.chosen(brains, freeze, "freeze"), masks.chosen(brains, prune, "prune")
        self.masks = [(masks.trains(f, p), p) for f, p in zip(frozen, pruned, strict=True)]

        self.waves = waves(brains, wave)
        self.standing = Standing.of(count)
        self.report = Report(brains, optimizers.rates(optimizer.learning_rate, count, dtype))
        if self.held is not None:
            self.report.best_epoch = self.stopping.best_epoch
        self.wave = self.epoch = self.start = 0  # where the training is: whose turn, and how far they are
        self.trainee: Trainee | None = None
        self.best: list[np.ndarray] = []  # for each pool of the wave, the rows of the best epoch
        self._broken = False  # a call was cut off: some brains have learned its batches and others have not

    # --- running ----------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.wave == len(self.waves)

    def run(self, epochs: int | None = None) -> Report:
        """Train to the end, or so many epochs more; returns the report, which is also at `report`.

        Raises `Interrupted` on Ctrl-C, after the running call: what was learned is kept, saved where there is a
        checkpoint, and `run` continues from there. A second Ctrl-C ends the call itself.
        """
        until = self._until(epochs)
        self.report.interrupted = False
        todo = self._left(until)
        try:
            with bar(self.progress, len(self.brains), self.epochs, todo) as advance, listening() as asked:
                begin = time.perf_counter()
                if not self.finished:
                    self.trained().prepare()
                self.report.preparing += time.perf_counter() - begin
                saved = time.monotonic()
                while not self.finished and self.epoch < until and not asked():
                    epoch = self.epoch
                    self._call(advance)
                    if self.checkpoint is not None and self._due(epoch, saved):
                        self.save(self.checkpoint)
                        saved = time.monotonic()
        except KeyboardInterrupt:
            self._leave()
            self.report.interrupted = True
            raise Interrupted(self.report, self) from None
        self._leave()
        stopped = not self.finished and self.epoch < until
        if self.checkpoint is not None:
            self.save(self.checkpoint)
        if stopped:
            self.report.interrupted = True
            raise Interrupted(self.report, self)
        return self.report

    def _until(self, epochs: int | None) -> int:
        self._refuse_broken()
        if epochs is None:
            return self.epochs
        _whole("epochs", epochs)
        if len(self.waves) > 1 and not self.finished:
            raise SettingsError(
                "Training: brains that train in waves run to their end one wave after the other. Leave `epochs` out, or"
                " take wave=None."
            )
        return min(self.epochs, self.epoch + epochs)

    def _left(self, until: int) -> int:
        """Samples still to be trained on, all brains together, if nobody stops."""
        sizes = np.broadcast_to(self.order.parts.sizes, (len(self.brains),))
        waiting = sum(int(sizes[wave.members].sum()) * self.epochs for wave in self.waves[self.wave + 1 :])
        if self.finished:
            return 0
        now = sizes[self.waves[self.wave].members]
        return waiting + int(now.sum()) * (until - self.epoch) - int(np.minimum(now, self.start).sum())

    def trained(self) -> Trainee:
        """The wave whose turn it is."""
        if self.trainee is None:
            self.trainee = Trainee(
                self.brains, self.waves[self.wave], self.samples, self._optimizer, self.order, self.batch,
                self.schedule, self.steps, self.masks, self.jitter,
            )  # fmt: skip
            self.best = [pool.rows.copy() for pool in self.trainee.pools] if self.restore_best else []
        return self.trainee

    def _call(self, advance: Any) -> None:
        """One launch: all brains of the wave, a run of batches."""
        begin = time.perf_counter()
        trainee, standing = self.trained(), self.standing
        before = standing.active[trainee.members]
        length = trainee.order.longest(before)
        stop = min(self.start + trainee.run, length)
        if self.start < stop:
            self._broken = True
            done = trainee.train(self.epoch, self.start, stop, standing)
            self._broken = False
            self.report.samples += done
            advance(self.epoch, done)
        self._freeze(trainee, trainee.members[before & ~standing.active[trainee.members]])
        self.start = stop
        self.report.seconds += time.perf_counter() - begin
        if stop >= length:
            self._close_epoch(trainee)

    def _due(self, epoch: int, saved: float) -> bool:
        """Whether a checkpoint is to be written, after a call in `epoch` and the last one at time `saved`."""
        each = self.checkpoint_epochs
        passed = each is not None and self.epoch > epoch and self.epoch % each == 0
        return not self.finished and (passed or time.monotonic() - saved >= self.checkpoint_seconds)

    def _close_epoch(self, trainee: Trainee) -> None:
        self._freeze(trainee, trainee.broken(self.standing.active))
        standing, members = self.standing, trainee.members
        alive = members[standing.active[members]]
        means = standing.total[alive] / np.maximum(standing.mass[alive], np.finfo(float).tiny)
        self.report.note("training_curve", self.epoch, alive, means)
        standing.total[members], standing.mass[members] = 0, 0
        self.epoch, self.start = self.epoch + 1, 0
        if self.held is not None and len(alive):
            trainee.give_back()
            self._validate(trainee, alive)
        if self.wave == len(self.waves) - 1:
            self.report.epochs = self.epoch
        if self.epoch == self.epochs or not standing.active[members].any():
            self._close_wave(trainee)

    def _validate(self, trainee: Trainee, alive: np.ndarray) -> None:
        """Score the brains that still train, note it, and let those stop that have waited long enough."""
        assert self.held is not None
        asked = np.zeros(len(self.brains), bool)
        asked[alive] = True
        scores = self.held.scores(self.brains, asked)
        figures = {"loss": scores.loss, "accuracy": scores.accuracy}
        for name, values in figures.items():
            if values is not None:
                known = np.where(np.isnan(values[alive]), np.inf, values[alive])  # NaN is for those who did not train
                self.report.note(f"validation_{name}_curve", self.epoch - 1, alive, known)
        figure = figures[self.stopping.monitor]
        assert figure is not None
        figure = figure[alive] if self.stopping.monitor == "loss" else -figure[alive]
        better, stops = self.stopping.look(alive, np.where(np.isnan(figure), np.inf, figure), self.epoch)
        if self.restore_best:
            chosen = np.isin(trainee.members, alive[better])
            for pool, field, best in zip(trainee.pools, trainee.fields, self.best, strict=True):
                mine = chosen[field.positions]
                best[mine] = pool.rows[mine]
        if self.epoch < self.epochs:
            self.standing.active[alive[stops]] = False
            self.report.stopped_epoch[alive[stops]] = self.epoch

    def _close_wave(self, trainee: Trainee) -> None:
        trainee.give_back()
        if self.restore_best:
            back = self.stopping.best_epoch[trainee.members] > 0
            for pool, field, best in zip(trainee.pools, trainee.fields, self.best, strict=True):
                mine = back[field.positions]
                pool.rows[mine] = best[mine]
            self.report.restored[trainee.members[back]] = True
        self.trainee, self.best = None, []
        self.wave, self.epoch = self.wave + 1, 0

    def _leave(self) -> None:
        """Make the pool hold what was learned, finite."""
        if self.trainee is not None:
            self._freeze(self.trainee, self.trainee.broken(self.standing.active))
            self.trainee.give_back()

    def _freeze(self, trainee: Trainee, who: np.ndarray) -> None:
        """Brains that have diverged stop and are reported; what is not finite becomes 0, so that files of them can be
        loaded."""
        if len(who):
            self.standing.active[who] = False
            self.report.diverged_step[who] = self.standing.step[who]
            trainee.mend(who)

    # --- changes between runs ---------------------------------------------------------------------------------------

    @property
    def optimizer(self) -> Any:
        """Set it to give the brains other hyper-parameters from their next step on; its memory is kept."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        if type(optimizer) is not type(self._optimizer):
            known = type(self._optimizer).__name__
            raise SettingsError(
                f"Training: {optimizer!r} cannot go on with the memory of {known}. Give another {known}, or begin a new"
                " training."
            )
        optimizers.check(optimizer, len(self.brains))
        self._optimizer = optimizer
        self.report.learning_rate = optimizers.rates(optimizer.learning_rate, len(self.brains), compute(self.brains))
        if self.trainee is not None:
            self.trainee.optimizer = optimizer

    def copy(self, sources: Any, targets: Any) -> None:
        """Brains `targets` become copies of brains `sources` [K]: parameters, optimizer's memory, steps, best epoch.

        Their orders of samples and hyper-parameters stay their own. One of equal architecture for each; a brain that
        had stopped or diverged trains on when its source does. Raises SettingsError.
        """
        source, target = (rows_of(rows, len(self.brains)) for rows in (sources, targets))
        check_apart(source, target)
        if self.finished or len(self.waves) > 1 or not optimizers.ours(self._optimizer):
            reason = "the training is finished" if self.finished else "brains that train in waves are not there at once"
            reason = reason if self.finished or len(self.waves) > 1 else "the memory of your own optimizer is unknown"
            raise SettingsError(f"Training.copy: {reason}.")
        if self.report.diverged[source].any():
            k = int(source[self.report.diverged[source]][0])
            raise SettingsError(f"Training.copy: brain {k} has diverged. Copy one that trains.")
        self.trained().copy(source, target, self.best)
        self.stopping.copy(source, target)
        for array in (*vars(self.standing).values(), self.report.diverged_step, self.report.stopped_epoch):
            array[target] = array[source]

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write all that `resume` needs into one file, which `Brains.load` reads as well; whole or not at all.

        Raises SaveError, as when the disk is full; a file that was there, and the training, are then as before.
        """
        self._refuse_broken()
        files.save(self, path)

    @classmethod
    def resume(
        cls, path: str | Path, x: Any, y: Any, brains: Brains | None = None, *, backend: Any = None, **settings: Any
    ) -> Training:
        """The training in a file of `save`, to go on to the same bits as if it had not been interrupted.

        Give the samples again, and `validation` where there was one. brains: a pool of the same architectures to train
        in; by default a new one on `backend` (by default the one it was on). Settings come from the file; checkpoint...
        and progress are free, others may be given and must then be equal (a loss function of one's own must be).
        Raises SaveError, SchemaError for other architectures, SettingsError and DataError saying what differs.
        """
        return files.resume(cls, path, x, y, brains, backend, settings)

    def _refuse_broken(self) -> None:
        if self._broken:
            raise SettingsError(
                "Training: a call was cut off in its middle, and some brains have learned more than others. Go on from"
                " a checkpoint: Training.resume(path, x, y)."
            )


def _checked(brains: Brains, epochs: int, batch_size: int, wave: Any, checkpoint_epochs: Any) -> int:
    if not isinstance(brains, Brains):
        raise SettingsError(f"fit: {type(brains).__name__} is not a pool of brains. Give swarm.Brains(...).")
    if len(brains) == 0:
        raise SettingsError("fit: the pool has no brains. Build it with count=1 or more.")
    _whole("epochs", epochs)
    _whole("batch_size", batch_size)
    for name, value in (("wave", wave), ("checkpoint_epochs", checkpoint_epochs)):
        if value is not None:
            _whole(name, value)
    return len(brains)


def _whole(name: str, value: Any) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"fit: {name} {value!r} must be a whole number of 1 or more.")
