"""What a training run has to tell: a figure per brain for every metric, each named after its split."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.files import atomic
from swarm.errors import SaveError
from swarm.train.ensemble import combine, members_of

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Report:
    """The result of `fit` for N brains. Curves have one row per epoch, [E, N]; the rest is the state at the end, [N].

    A curve is NaN where a brain did not train: after it stopped or diverged, or before its wave began. training_loss is
    the mean over the epoch while the parameters changed, as is usual. Validation figures are None without validation;
    accuracies are None without labels. `interrupted` says that Ctrl-C ended the run.
    """

    brains: Brains
    learning_rate: np.ndarray
    epochs: int = 0  # finished by all brains that did not stop before
    seconds: float = 0.0  # of training; kernels were compiled and loaded before, validation is not counted
    preparing: float = 0.0  # seconds of compiling and loading kernels
    samples: int = 0  # trained on, all brains together
    interrupted: bool = False
    training_curve: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    validation_loss_curve: np.ndarray | None = None
    validation_accuracy_curve: np.ndarray | None = None
    diverged_step: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    stopped_epoch: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    best_epoch: np.ndarray | None = None
    restored: np.ndarray = field(default_factory=lambda: np.empty(0, bool))

    def __post_init__(self) -> None:
        """diverged_step [N] int64: the steps a brain had done when its loss or a parameter was not finite, -1: never.
        stopped_epoch [N]: the epochs it had trained when early stopping ended it, 0: it did not. best_epoch [N]: the
        number of epochs after which its validation was best, None without validation. restored [N]: whether it has the
        parameters of that epoch again."""
        if not len(self.diverged_step):
            count = len(self)
            self.diverged_step, self.stopped_epoch = np.full(count, -1), np.zeros(count, np.int64)
            self.restored = np.zeros(count, bool)

    def note(self, name: str, epoch: int, at: np.ndarray, values: np.ndarray) -> None:
        """Write `values` of brains `at` into row `epoch` of the curve `name`."""
        curve = getattr(self, name)
        missing = epoch + 1 - (0 if curve is None else len(curve))
        if missing > 0:
            rows = np.full((missing, len(self)), np.nan)
            curve = rows if curve is None or not len(curve) else np.vstack([curve, rows])
            setattr(self, name, curve)
        assert curve is not None
        curve[epoch, at] = values

    def __len__(self) -> int:
        return len(self.brains)

    @property
    def training_loss(self) -> np.ndarray:
        """[N], mean loss in the last epoch; NaN before the first, and of brains that diverged."""
        return np.where(self.diverged, np.nan, last(self.training_curve, len(self)))

    @property
    def validation_loss(self) -> np.ndarray | None:
        """[N], of the brains as they are: after their last epoch, or after the best where that was restored."""
        return self._standing(self.validation_loss_curve)

    @property
    def validation_accuracy(self) -> np.ndarray | None:
        """[N], 0..1, of the brains as they are."""
        return self._standing(self.validation_accuracy_curve)

    def _standing(self, curve: np.ndarray | None) -> np.ndarray | None:
        if curve is None:
            return None
        found = last(curve, len(self))
        back = np.flatnonzero(self.restored)
        if self.best_epoch is not None and len(back):
            found[back] = curve[self.best_epoch[back] - 1, back]
        return found

    @property
    def diverged(self) -> np.ndarray:
        """[N] bool: brains that stopped because their loss or a parameter was not a finite number. They do not touch
        the others."""
        return self.diverged_step >= 0

    @property
    def status(self) -> np.ndarray:
        """[N] of text: 'trained', 'stopped at epoch 7', 'diverged at step 123', or 'not trained'."""
        words = np.full(len(self), "trained", object)
        if not len(self.training_curve):
            words[:] = "not trained"
        else:
            words[np.isnan(self.training_curve).all(axis=0)] = "not trained"
        for k in np.flatnonzero(self.stopped_epoch):
            words[k] = f"stopped at epoch {self.stopped_epoch[k]}"
        for k in np.flatnonzero(self.diverged):
            words[k] = f"diverged at step {self.diverged_step[k]}"
        return words

    @property
    def samples_per_second(self) -> float:
        """Samples trained on per second, all brains together."""
        return self.samples / self.seconds if self.seconds > 0 else 0.0

    def best(self, n: int | None = None) -> np.ndarray:
        """Row numbers of the n best brains (all by default), best first.

        By validation accuracy, then validation loss; without validation by training loss. Never by test data.
        """
        losses = self.validation_loss if self.validation_loss is not None else self.training_loss
        rank = [np.arange(len(self)), np.where(np.isfinite(losses), losses, np.inf)]
        if self.validation_accuracy is not None:
            rank.append(np.where(self.diverged, 1.0, -self.validation_accuracy))
        return np.lexsort(rank)[:n]

    def ensemble(self, x: Any, n: int | None = None, how: str = "mean") -> np.ndarray:
        """What the n best brains (all by default) answer together to x [M, I]: [M, O] float64; see `combine`.

        how: 'mean' outputs, mean 'probability' or 'vote' shares. Chosen by validation; diverged brains never take part.
        """
        return combine(self.brains, x, members_of(self, n), how)

    def plot(self, path: str | Path, kind: str = "distribution", **more: Any) -> None:
        """Draw this run into a PNG, PDF or SVG file: 'distribution', 'width' or 'curves'; see `swarm.train.plots`."""
        from swarm.train import plots

        plots.plot(self, path, kind, **more)

    def columns(self, **more: Any) -> dict[str, np.ndarray]:
        """Everything that is known of each brain, by name; `more` columns [N] are appended."""
        names = np.empty(len(self), object)
        for group in self.brains.groups:
            names[group.positions] = str(group.mlp)
        found = {"brain": np.arange(len(self)), "architecture": names, "learning_rate": self.learning_rate}
        found["training_loss"] = self.training_loss
        for name in ("validation_loss", "validation_accuracy"):
            if (values := getattr(self, name)) is not None:
                found[name] = values
        if self.best_epoch is not None:
            found["best_epoch"] = self.best_epoch
        found["status"] = self.status
        return {**found, **{name: np.asarray(values) for name, values in more.items() if values is not None}}

    def to_csv(self, path: str | Path, **more: Any) -> None:
        """One line per brain, in row order. Raises SaveError."""
        columns = self.columns(**more)
        try:
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
        except OSError as error:
            raise SaveError(f"Cannot write '{path}': {error.strerror}. Choose another folder.") from None

    def to_json(self, path: str | Path, **more: Any) -> None:
        """The figures of the run, `columns(**more)` as lists, and the curves; NaN and infinite are null. Raises
        SaveError; a file that was there then stays."""
        curves = ("training_curve", "validation_loss_curve", "validation_accuracy_curve")
        told = {
            "brains": len(self),
            **{name: getattr(self, name) for name in ("epochs", "seconds", "preparing", "samples", "interrupted")},
            "samples_per_second": self.samples_per_second,
            "columns": {name: _plain(column) for name, column in self.columns(**more).items()},
            "curves": {name.removesuffix("_curve"): _plain(getattr(self, name)) for name in curves},
        }
        with atomic(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            json.dump(told, file, allow_nan=False)

    def table(self, n: int = 5, **more: Any) -> Table:
        """The n best brains as a rich table."""
        from rich.table import Table

        columns = self.columns(**more)
        table = Table(title=f"the {min(n, len(self))} best of {len(self):,} brains")
        for name in columns:
            table.add_column(name.replace("_", " "), justify="left" if name in ("architecture", "status") else "right")
        for k in self.best(n):
            table.add_row(*(_text(values[k]) for values in columns.values()))
        return table

    def __str__(self) -> str:
        words = [f"{len(self):,} brains, {self.epochs} epochs in {self.seconds:.1f} s"]
        words.append(f"training loss {np.nanmean(self.training_loss):.4f}" if self.epochs else "no epoch finished")
        if self.validation_accuracy is not None and self.epochs:
            accuracy = self.validation_accuracy
            words.append(f"validation accuracy {np.nanmean(accuracy):.2%} (best {np.nanmax(accuracy):.2%})")
        for name, count in (("stopped early", (self.stopped_epoch > 0).sum()), ("diverged", self.diverged.sum())):
            if count:
                words.append(f"{count:,} {name}")
        return ", ".join(words)


def last(curve: np.ndarray, count: int) -> np.ndarray:
    """The last figure of each of `count` brains in a curve [E, N]; NaN where there is none."""
    if not len(curve):
        return np.full(count, np.nan)
    row = len(curve) - 1 - np.argmax(~np.isnan(curve[::-1]), axis=0)
    return curve[row, np.arange(count)]


def _plain(values: np.ndarray | None) -> Any:
    """Lists for JSON, which has no NaN: null."""
    if values is None or values.dtype.kind != "f":
        return None if values is None else values.tolist()
    return np.where(np.isfinite(values), values.astype(object), None).tolist()  # type: ignore[arg-type]


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
