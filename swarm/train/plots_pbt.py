"""The picture of a population-based training: scores and hyper-parameters, round by round. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from swarm.errors import DataError
from swarm.train import plots
from swarm.train.plots import ACCENT, MAIN, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from swarm.train.history import History

_SHOWN = 200  # networks whose hyper-parameters are drawn


def plot(
    history: History, path: str | Path, best: int, *, accuracy: bool = True, size: tuple[float, float] = (4.6, 3.4)
) -> None:
    """Draw scores and the hyper-parameters in use against the rounds; network `best` and its ancestors stand out.

    accuracy: whether scores are accuracies, else negative losses. size in inches of a panel. Raises DataError before
    the first round, and as `plots.plot`.
    """
    if not history.rounds:
        raise DataError("plot: no round is over, so there is nothing to draw. Train first.")
    rounds, line = np.arange(1, history.rounds + 1), history.lineage(best)
    with plots.picture(path, (size[0] * (1 + len(history.used)), size[1] + 0.3)) as figure:
        axes = plots.panel(figure, 1, 1 + len(history.used), 1)
        scores = np.array(history.scores) * (1 if accuracy else -1)
        label = "validation accuracy" if accuracy else "validation loss"
        _scores(axes, rounds, np.where(np.isfinite(scores), scores, np.nan), line)
        axes.set(xlabel="round", ylabel=label)
        plots.percent(axes.yaxis, label)
        plots.whole(axes.xaxis)
        for number, (name, rows) in enumerate(history.used.items()):
            axes = plots.panel(figure, 1, 1 + len(history.used), number + 2)
            _values(axes, rounds, np.array(rows)[: len(rounds)], line)
            axes.set(xlabel="round", ylabel=name.replace("_", " "))
            plots.whole(axes.xaxis)
        count = len(history.scores[0])
        words = f"{count:,} networks, {history.copies:,} copies; orange: network {best} and its ancestors"
        figure.suptitle(words, x=0.01, ha="left", fontsize=9, color=QUIET)


def _scores(axes: Axes, rounds: np.ndarray, scores: np.ndarray, line: np.ndarray) -> None:
    low, middle, high = np.nanpercentile(scores, (5, 50, 95), axis=1)
    axes.fill_between(rounds, low, high, color=MAIN, alpha=0.16, linewidth=0)
    axes.plot(rounds, middle, color=MAIN, linewidth=1.8)
    axes.plot(rounds, scores[np.arange(len(rounds)), line], color=ACCENT, linewidth=1.6)
    plots.title(axes, "median, 5-95%")


def _values(axes: Axes, rounds: np.ndarray, values: np.ndarray, line: np.ndarray) -> None:
    axes.plot(rounds, values[:, :_SHOWN], color=MAIN, linewidth=0.6, alpha=0.3)
    axes.plot(rounds, values[np.arange(len(rounds)), line], color=ACCENT, linewidth=1.8)
    if plots.logarithmic(values[np.isfinite(values)]):
        axes.set_yscale("log")
