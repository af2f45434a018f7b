"""Pictures of MGRIT runs: residuals against iterations. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from swarm.errors import DataError
from swarm.train import plots

if TYPE_CHECKING:
    from swarm.train.mgrit.report import Report

_COLOURS = (plots.MAIN, plots.ACCENT, "#3f8f6b", "#8a5aa3", plots.INK, "#b58a1c")


def residuals(runs: Mapping[str, Report], path: str | Path, size: tuple[float, float] = (6.4, 4.0)) -> None:
    """Draw the residual per square root of a step of each run, by its name, into a .png, .pdf or .svg file.

    The dotted line is the tolerance. Raises DataError without runs, and as `swarm.train.plots.plot`.
    """
    if not runs:
        raise DataError("plot: there is no run to draw.")
    with plots.picture(path, size) as figure:
        axes = plots.panel(figure)
        for number, (name, run) in enumerate(runs.items()):
            shown = np.where(run.residuals > 0, run.residuals, np.nan) / np.sqrt(run.steps)
            colour, style = _COLOURS[number % len(_COLOURS)], ("-", "--")[number // len(_COLOURS) % 2]
            axes.plot(np.arange(len(shown)), shown, style, color=colour, linewidth=1.6, label=name)
        axes.legend(frameon=False, fontsize=8, labelcolor=plots.INK, loc="upper right")
        last = next(iter(runs.values()))
        axes.axhline(last.tolerance / np.sqrt(last.steps), color=plots.QUIET, linewidth=1.2, linestyle=":")
        axes.set_yscale("log")
        axes.set(xlabel="iteration", ylabel="residual / sqrt(N)")
        plots.whole(axes.xaxis)
        plots.title(axes, "MGRIT: the fine residual")
