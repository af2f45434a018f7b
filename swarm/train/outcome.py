"""What one trained population has to tell: figures and curves by name, apart from its brains; kept in a file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from swarm.brain.files import atomic
from swarm.errors import SaveError
from swarm.train.history import History
from swarm.train.report import Report

_CURVES = ("training_curve", "validation_loss_curve", "validation_accuracy_curve")
_KEYS = ("figure.", "curve.")


@dataclass
class Outcome:
    """Of n networks: figures [n] and curves [E, n] by name; seconds and samples of their training."""

    figures: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]
    seconds: float
    preparing: float
    samples: int
    history: History | None = None  # of a population-based training

    @classmethod
    def of(cls, report: Report, history: History | None = None, **more: np.ndarray | None) -> Outcome:
        """From a report; more: further figures [n], such as test_accuracy."""
        figures = {
            "training_loss": report.training_loss,
            "validation_loss": report.validation_loss,
            "validation_accuracy": report.validation_accuracy,
            "diverged": report.diverged,
            **more,
        }
        curves = {name: curve for name in _CURVES if (curve := getattr(report, name)) is not None and len(curve)}
        if np.any(report.stopped_epoch):
            figures["stopped_epoch"] = report.stopped_epoch
        if history is not None:
            figures["founder"] = history.founders
            figures |= {f"last_{name}": values for name, values in history.values.items()}
        known = {name: values for name, values in figures.items() if values is not None}
        return cls(known, curves, report.seconds, report.preparing, report.samples, history)

    def save(self, path: str | Path) -> None:
        """Write a file of NumPy's, whole or not at all. Raises SaveError."""
        arrays = {f"figure.{name}": values for name, values in self.figures.items()}
        arrays |= {f"curve.{name}": values for name, values in self.curves.items()}
        arrays |= {} if self.history is None else self.history.pack("history.")
        arrays |= {"counts": np.array([self.seconds, self.preparing]), "samples": np.array(self.samples)}
        with atomic(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # names are our own

    @classmethod
    def load(cls, path: str | Path) -> Outcome:
        """What `save` wrote. Raises SaveError for a file that is not whole."""
        try:
            with np.load(path) as file:
                parts = {key: {k.partition(".")[2]: file[k] for k in file.files if k.startswith(key)} for key in _KEYS}
                seconds, preparing = file["counts"].tolist()
                history = History.unpack(file, "history.")
                return cls(parts["figure."], parts["curve."], seconds, preparing, int(file["samples"]), history)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise SaveError(f"Cannot read '{path}': {error}. Remove it; its population is trained again.") from None
