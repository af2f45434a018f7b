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
from types import SimpleNamespace
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.rows import check_apart, rows_of
from swarm.errors import SettingsError
from swarm.train import checkpoint as files
from swarm.train import optimizers
from swarm.train.interrupt import Interrupted, listening
from swarm.train.losses import Loss
from swarm.train.optimizers import SGD
from swarm.train.plan import Plan, whole
from swarm.train.progress import bar
from swarm.train.report import Report
from swarm.train.schedules import Schedule
from swarm.train.stopping import Stopping
from swarm.train.trainee import Standing, Trainee, compute


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
        progress: bool | str = False,
    ) -> None:
        given = dict(locals())  # every keyword with its value: what a checkpoint keeps
        self.settings = {k: v for k, v in given.items() if k not in ("self", "brains", "x", "y", *files.FREE)}
        self.plan = Plan.of(brains, x, y, SimpleNamespace(**given))
        self.brains, self.progress, count = brains, progress, len(brains)
        self.checkpoint, self.every = checkpoint, (checkpoint_epochs, checkpoint_seconds)
        self.stopping = Stopping.of(patience, min_delta, monitor, count)
        self._optimizer = optimizer
        self.standing = Standing.of(count)
        self.report = Report(brains, optimizers.rates(optimizer.learning_rate, count, compute(brains)))
        if self.plan.held is not None:
            self.report.best_epoch = self.stopping.best_epoch
        self.wave = self.epoch = self.start = 0  # where the training is: whose turn, and how far they are
        self.trainee: Trainee | None = None
        self.best: list[np.ndarray] = []  # for each pool of the wave, the rows of the best epoch
        self._broken = False  # a call was cut off: some brains have learned its batches and others have not

    # --- running ----------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.wave == len(self.plan.waves)

    def run(self, epochs: int | None = None) -> Report:
        """Train to the end, or so many epochs more; returns the report, which is also at `report`.

        Raises `Interrupted` on Ctrl-C, after the running call: what was learned is kept, saved where there is a
        checkpoint, and `run` continues from there. A second Ctrl-C ends the call itself.
        """
        until = self._until(epochs)
        self.report.interrupted = False
        todo = self._left(until)
        try:
            with bar(self.progress, len(self.brains), self.plan.epochs, todo) as advance, listening() as asked:
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
                stopped = bool(asked())
        except KeyboardInterrupt:
            self._leave()
            self.report.interrupted = True
            raise Interrupted(self.report, self) from None
        self._leave()
        if self.checkpoint is not None:
            self.save(self.checkpoint)
        if stopped:
            self.report.interrupted = True
            raise Interrupted(self.report, self)
        return self.report

    def _until(self, epochs: int | None) -> int:
        self._refuse_broken()
        if epochs is None:
            return self.plan.epochs
        whole("epochs", epochs)
        if len(self.plan.waves) > 1 and not self.finished:
            raise SettingsError(
                "Training: brains that train in waves run to their end one wave after the other. Leave `epochs` out, or"
                " take wave=None."
            )
        return min(self.plan.epochs, self.epoch + epochs)

    def _left(self, until: int) -> int:
        """Samples still to be trained on, all brains together, if nobody stops."""
        sizes = np.broadcast_to(self.plan.order.parts.sizes, (len(self.brains),))
        waiting = sum(int(sizes[wave.members].sum()) * self.plan.epochs for wave in self.plan.waves[self.wave + 1 :])
        if self.finished:
            return 0
        now = sizes[self.plan.waves[self.wave].members]
        return waiting + int(now.sum()) * (until - self.epoch) - int(np.minimum(now, self.start).sum())

    def trained(self) -> Trainee:
        """The wave whose turn it is."""
        if self.trainee is None:
            self.trainee = Trainee(self.brains, self.plan.waves[self.wave], self.plan, self._optimizer)
            self.best = [pool.rows.copy() for pool in self.trainee.pools] if self.plan.restore_best else []
        return self.trainee

    def _call(self, advance: Any) -> None:
        """One launch: all brains of the wave, a run of batches."""
        begin, self._broken = time.perf_counter(), True
        trainee, standing = self.trained(), self.standing
        before = standing.active[trainee.members]
        length = trainee.order.longest(before)
        stop = min(self.start + trainee.run, length)
        if self.start < stop:
            done = trainee.train(self.epoch, self.start, stop, standing)
            self.report.samples += done
            advance(self.epoch, done)
        self._freeze(trainee, trainee.members[before & ~standing.active[trainee.members]])
        self.start = stop
        self.report.seconds += time.perf_counter() - begin
        if stop >= length:
            self._close_epoch(trainee)
        self._broken = False

    def _due(self, epoch: int, saved: float) -> bool:
        """Whether a checkpoint is to be written, after a call in `epoch` and the last one at time `saved`."""
        each, seconds = self.every
        passed = each is not None and self.epoch > epoch and self.epoch % each == 0
        return not self.finished and (passed or time.monotonic() - saved >= seconds)

    def _close_epoch(self, trainee: Trainee) -> None:
        self._freeze(trainee, trainee.broken(self.standing.active))
        standing, members = self.standing, trainee.members
        alive = members[standing.active[members]]
        means = standing.total[alive] / np.maximum(standing.mass[alive], np.finfo(float).tiny)
        self.report.note("training_curve", self.epoch, alive, means)
        standing.total[members], standing.mass[members] = 0, 0
        self.epoch, self.start = self.epoch + 1, 0
        if self.plan.held is not None and len(alive):
            trainee.give_back()
            self._validate(trainee, alive)
        if self.wave == len(self.plan.waves) - 1:
            self.report.epochs = self.epoch
        if self.epoch == self.plan.epochs or not standing.active[members].any():
            self._close_wave(trainee)

    def _validate(self, trainee: Trainee, alive: np.ndarray) -> None:
        """Score the brains that still train, note it, and let those stop that have waited long enough."""
        assert self.plan.held is not None
        asked = np.zeros(len(self.brains), bool)
        asked[alive] = True
        scores = self.plan.held.scores(self.brains, asked)
        figures = {"loss": scores.loss, "accuracy": scores.accuracy}
        for name, values in figures.items():
            if values is not None:
                known = np.where(np.isnan(values[alive]), np.inf, values[alive])  # NaN is for those who did not train
                self.report.note(f"validation_{name}_curve", self.epoch - 1, alive, known)
        figure = figures[self.stopping.monitor]
        assert figure is not None
        figure = figure[alive] if self.stopping.monitor == "loss" else -figure[alive]
        better, stops = self.stopping.look(alive, np.where(np.isnan(figure), np.inf, figure), self.epoch)
        if self.plan.restore_best:
            chosen = np.isin(trainee.members, alive[better])
            for pool, field, best in zip(trainee.pools, trainee.fields, self.best, strict=True):
                mine = chosen[field.positions]
                np.copyto(best, pool.rows, where=mine[:, None])
        if self.epoch < self.plan.epochs:
            self.standing.active[alive[stops]] = False
            self.report.stopped_epoch[alive[stops]] = self.epoch

    def _close_wave(self, trainee: Trainee) -> None:
        trainee.give_back()
        if self.plan.restore_best:
            back = self.stopping.best_epoch[trainee.members] > 0
            for pool, field, best in zip(trainee.pools, trainee.fields, self.best, strict=True):
                mine = back[field.positions]
                np.copyto(pool.rows, best, where=mine[:, None])
            self.report.restored[trainee.members[back]] = True
        self.trainee, self.best = None, []
        self.wave, self.epoch = self.wave + 1, 0

    def _leave(self) -> None:
        """Make the pool hold what was learned, finite."""
        if self.trainee is not None:
            if self.checkpoint is None:  # in the middle of an epoch; what is saved goes on as if nobody had looked
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
        for wrong, why in (
            (self.finished, "the training is finished"),
            (len(self.plan.waves) > 1, "brains that train in waves are not there at the same time; take wave=None"),
            (not optimizers.ours(self._optimizer), "the memory of an optimizer of your own is unknown"),
        ):
            if wrong:
                raise SettingsError(f"Training.copy: {why}.")
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
