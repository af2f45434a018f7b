"""Pictures of sweeps: how good the networks are against every setting that varies, a panel each. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.backend import rng
from swarm.errors import DataError
from swarm.train import plots, settings, space
from swarm.train.plots import ACCENT, MAIN, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from swarm.train.results import Results

_ACROSS = 3  # panels side by side
_FEW = 12  # values of a setting that are shown one by one
_BINS = 9  # of a running median
_SPREAD = 0.18  # half the width over which the dots of one value are scattered


def plot(results: Results, path: str | Path, *, values: Any, name: str, size: tuple[float, float] = (4.2, 3.2)) -> None:
    """Draw values [N], named `name`, against the settings that vary; size in inches of one panel.

    Raises DataError when nothing varies or nothing is finite, and as `plots.plot`.
    """
    varied = space.varied(list(results.plan.candidates))
    figures = np.asarray(values, np.float64)
    if not varied:
        raise DataError("plot: all candidates have the same settings. Draw the 'distribution'.")
    if not np.isfinite(figures).any():
        raise DataError(f"plot: none of the values ({name}) is a finite number: every network has diverged.")
    across = min(len(varied), _ACROSS)
    down = -(-len(varied) // across)
    best = int(results.best(1)[0])
    with plots.picture(path, (size[0] * across, size[1] * down + 0.4)) as figure:
        for number, setting in enumerate(varied):
            axes = plots.panel(figure, down, across, number + 1)
            _panel(axes, results.plan.values(setting), figures, best, setting)
            plots.percent(axes.yaxis, name)
            axes.set(xlabel=setting.replace("_", " "), ylabel=name if number % across == 0 else "")
        words = [
            f"{len(results):,} networks{plots.lost(figures)}, each a dot",
            f"line: median; ring: the best (network {best})",
        ]
        figure.suptitle(("\n" if across == 1 else "; ").join(words), x=0.01, ha="left", fontsize=9, color=QUIET)


def _panel(axes: Axes, given: list[Any], figures: np.ndarray, best: int, setting: str) -> None:
    numeric = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in given)
    distinct = sorted(set(given), key=lambda one: (one is not None, one)) if numeric else _in_order(given)
    few = len(distinct) <= _FEW
    x = np.array(given, np.float64) if numeric and not few else _places(given, distinct)
    at = x + (_jitter(len(x)) if few else 0)
    alive = np.isfinite(figures)
    size = plots.dot(int(alive.sum()))
    axes.scatter(at[alive], figures[alive], s=size, color=MAIN, alpha=0.35, linewidths=0, rasterized=True)
    if few:
        axes.set_xticks(range(len(distinct)), [settings.text("auto" if one is None else one) for one in distinct])
        axes.set_xlim(-0.5, len(distinct) - 0.5)
        axes.grid(axis="x", visible=False)
        for place in range(len(distinct)):
            if (here := alive & (x == place)).any():
                middle = float(np.median(figures[here]))
                axes.plot([place - 0.28, place + 0.28], [middle, middle], color=ACCENT, linewidth=1.8)
    else:
        if plots.logarithmic(x):
            axes.set_xscale("log")
        axes.plot(*_running(x[alive], figures[alive]), color=ACCENT, linewidth=1.6)
    if np.isfinite(figures[best]):
        axes.scatter(at[[best]], figures[[best]], s=60, facecolors="none", edgecolors=ACCENT, linewidths=1.4)


def _in_order(given: list[Any]) -> list[Any]:
    return list(dict.fromkeys(given))


def _places(given: list[Any], distinct: list[Any]) -> np.ndarray:
    where = {one: place for place, one in enumerate(distinct)}
    return np.array([where[one] for one in given], np.float64)


def _jitter(count: int) -> np.ndarray:
    return _SPREAD * (2 * rng.uniform(0, np.arange(count), 0, 0, rng.stream("jitter of dots"), 1)[:, 0] - 1)


def _running(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of equally many neighbours along x."""
    order = np.argsort(x, kind="stable")
    parts = [part for part in np.array_split(order, min(_BINS, max(2, len(x) // 4))) if len(part)]
    return np.array([np.median(x[part]) for part in parts]), np.array([np.median(y[part]) for part in parts])
