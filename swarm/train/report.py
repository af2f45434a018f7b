"""What a training run has to tell: a figure per brain for every metric, each named after its split."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.errors import SaveError
from swarm.train.ensemble import combine, members_of

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Report:
    """The result of `fit` for N brains. Curves have one row per epoch, [E, N]; the rest is the state at the end, [N].

    training_loss is the mean over the epoch while the parameters changed, as is usual. Validation figures are None
    without validation; accuracies are None without labels. `interrupted` says that Ctrl-C ended the run.
    """

    brains: Brains
    learning_rate: np.ndarray
    epochs: int = 0  # finished ones
    seconds: float = 0.0  # of training; kernels were compiled and loaded before, validation is not counted
    preparing: float = 0.0  # seconds of compiling and loading kernels
    samples: int = 0  # trained on, all brains together
    interrupted: bool = False
    training_curve: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    validation_loss_curve: np.ndarray | None = None
    validation_accuracy_curve: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.brains)

    @property
    def training_loss(self) -> np.ndarray:
        """[N], mean loss in the last epoch; NaN before the first."""
        return _last(self.training_curve, len(self))

    @property
    def validation_loss(self) -> np.ndarray | None:
        """[N] after the last epoch."""
        return None if self.validation_loss_curve is None else _last(self.validation_loss_curve, len(self))

    @property
    def validation_accuracy(self) -> np.ndarray | None:
        """[N], 0..1, after the last epoch."""
        return None if self.validation_accuracy_curve is None else _last(self.validation_accuracy_curve, len(self))

    @property
    def diverged(self) -> np.ndarray:
        """[N] bool: brains whose loss is not a finite number. The others are not touched by them."""
        return ~np.isfinite(self.training_loss) if len(self.training_curve) else np.zeros(len(self), bool)

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

    def table(self, n: int = 5, **more: Any) -> Table:
        """The n best brains as a rich table."""
        from rich.table import Table

        columns = self.columns(**more)
        table = Table(title=f"the {min(n, len(self))} best of {len(self):,} brains")
        for name in columns:
            table.add_column(name.replace("_", " "), justify="left" if name == "architecture" else "right")
        for k in self.best(n):
            table.add_row(*(_text(values[k]) for values in columns.values()))
        return table

    def __str__(self) -> str:
        words = [f"{len(self):,} brains, {self.epochs} epochs in {self.seconds:.1f} s"]
        words.append(f"training loss {np.nanmean(self.training_loss):.4f}" if self.epochs else "no epoch finished")
        if self.validation_accuracy is not None and self.epochs:
            accuracy = self.validation_accuracy
            words.append(f"validation accuracy {accuracy.mean():.2%} (best {accuracy.max():.2%})")
        if self.diverged.any():
            words.append(f"{int(self.diverged.sum())} diverged")
        return ", ".join(words)


def _last(curve: np.ndarray, count: int) -> np.ndarray:
    return curve[-1] if len(curve) else np.full(count, np.nan)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
