"""`swarm.fit`: train every brain of a population at once, each on its own order of the samples."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec

from swarm.train.report import Report
from swarm.train.training import Training

Given = ParamSpec("Given")


def _takes(make: Callable[Given, Any]) -> Callable[[Callable[..., Report]], Callable[Given, Report]]:
    """A function that takes what `make` takes, for type checkers, editors and `help` alike."""

    def dress(function: Callable[..., Report]) -> Callable[Given, Report]:
        signature = inspect.signature(make).replace(return_annotation="Report")
        function.__signature__ = signature  # type: ignore[attr-defined]
        return function

    return dress


@_takes(Training)
def fit(*arguments: Any, **settings: Any) -> Report:
    """Train `brains` in place on x [M, I] (uint8, scaled to 0..1, or float) and y ([M] labels or [M, O] targets).

    Whatever belongs to brains is one number for all or one per brain [N].

    loss: 'cross_entropy' (logits and labels), 'mse', 'bce' (logits and targets in 0..1), 'huber', or a function of
    (outputs [N, B, O], targets [N | 1, B, ...]) -> (value [N, B], gradient [N, B, O]), slower, with y [M, ...] of any
    shape. reduction: 'mean' or 'sum' of the samples' losses in a batch. optimizer: `SGD`, `RMSprop`, `Adam` or `AdamW`,
    every value per brain if you like. schedule: how the learning rate changes with the steps, such as
    `WarmupRate(100).then(CosineRate())`. freeze, prune: parameters that do not train, and such that are set to 0 and
    stay 0: layers [0, 1], masks by layer {0: mask}, or [P] or [N, P] as `parameters` (see `masks`).

    sampling: 'own' order per brain, 'shared' batches, 'bootstrap' draws per brain; shuffle=False takes the samples in
    their order. samples: which of the M each brain trains on, `Folds(5)`, ranges or lists of rows, and weights of them
    (see `parts`); by default all. An epoch meets each of a brain's samples (draws) once; its last batch may be short.
    dropout: probability that a hidden unit is left out in a step; noise: standard deviation of what is added to inputs.

    validation: (xv, yv), scored after every epoch, or 'held': each brain on the samples it does not train on. A brain
    stops when its validation loss (monitor='accuracy': its accuracy) was not better by more than min_delta for
    `patience` epochs, and costs no more time; restore_best=True gives each the parameters of its best epoch at the end.
    A brain whose loss or parameters are no longer finite numbers is frozen and reported (`report.status`).

    seed: of all that is random, and order_seed, bootstrap_seed, dropout_seed, noise_seed in its place; one number, with
    which each brain draws by its key, or one per brain: equal seeds draw equally (see `seeds`). keys [N]: names of the
    brains, by default their positions. A brain with the same key, seed and start has the same parameters afterwards, to
    the bit, whether it trains alone or in any company. wave: how many brains train at a time, with the same result;
    then an optimizer's memory and the copy for `restore_best` exist for one wave only.

    checkpoint: a file that `Training.resume` continues from, written every checkpoint_epochs epochs or
    checkpoint_seconds seconds, on Ctrl-C, and at the end. progress: draw a bar.

    A 2-byte pool trains on a float32 copy and is rounded at the end. Raises DataError for samples that do not fit
    (which one), SettingsError for settings (which brain), SaveError, `Interrupted` on Ctrl-C.
    """
    return Training(*arguments, **settings).run()
