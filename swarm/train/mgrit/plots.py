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


def residuals(runs: Mapping[str, Report], path: str | Path, size: tuple[float, float] = (6.4, 4.0)) -> None:
    """Draw the residual per square root of a step of each run, by its name, into a .png, .pdf or .svg file.

    The dotted line is the tolerance. Raises DataError without runs, and as `swarm.train.plots.plot`.
    """
    if not runs:
        raise DataError("plot: there is no run to draw.")
    with plots.picture(path, size) as figure:
        axes = plots.panel(figure)
        shades = np.linspace(0.35, 1, len(runs))
        for shade, (name, run) in zip(shades, runs.items(), strict=True):
            shown = np.where(run.residuals > 0, run.residuals, np.nan) / np.sqrt(run.steps)
            axes.plot(np.arange(len(shown)), shown, color=plots.MAIN, alpha=float(shade), linewidth=1.5)
            ends = np.flatnonzero(np.isfinite(shown))
            if len(ends):
                axes.annotate(
                    name, (float(ends[-1]), float(shown[ends[-1]])), xytext=(4, 2), textcoords="offset points",
                    fontsize=7, color=plots.INK,
                )  # fmt: skip
        last = next(iter(runs.values()))
        axes.axhline(last.tolerance / np.sqrt(last.steps), color=plots.ACCENT, linewidth=1.2, linestyle=":")
        axes.set_yscale("log")
        axes.set(xlabel="iteration", ylabel="residual / sqrt(N)")
        plots.whole(axes.xaxis)
        plots.title(axes, "MGRIT: the fine residual")
