"""Pictures of a training run: how good the networks are, what width buys, how they got there. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.files import atomic
from swarm.config import suggest
from swarm.errors import DataError, ExtraError, SaveError, SettingsError
from swarm.train.report import last

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from swarm.train.report import Report
    from swarm.train.results import Results

INK, QUIET, LINE, MAIN, ACCENT = "#20252e", "#6d7480", "#dcdad4", "#3a6ea5", "#a4520a"
_SUFFIXES = (".png", ".pdf", ".svg")
_FEW = 30  # networks whose curves are drawn one by one


def plot(
    report: Report | Results,
    path: str | Path,
    kind: str = "distribution",
    *,
    values: Any = None,
    name: str | None = None,
    size: tuple[float, float] = (6.4, 4.0),
) -> None:
    """Draw a run into `path` (.png, .pdf or .svg), whole or not at all.

    kind: 'distribution' of the networks' accuracies (or losses), 'width': the same against the number of hidden units,
    or 'curves' over the epochs. values [N], named `name`, replace the validation figure in the first two, such as the
    accuracy on a test split; values [E, N] in 'curves'. size in inches.
    Raises SettingsError, DataError when there is nothing finite to draw, ExtraError without matplotlib, SaveError.
    """
    if kind not in KINDS:
        raise SettingsError(f"plot: kind={kind!r} is unknown.{suggest(str(kind), KINDS)}")
    with picture(path, size) as figure:
        figures, label = figures_of(report, kind, values, name)
        KINDS[kind](panel(figure), report, figures, label)


def overview(
    report: Report | Results, path: str | Path, *, values: Any, name: str, size: tuple[float, float] = (5.6, 3.8)
) -> None:
    """The distribution of values [N], named `name`, and what else there is to see, side by side: them against the
    width where widths differ, and the curves where there are several epochs. size in inches of one panel."""
    kinds = ["distribution", *(["width"] if len(np.unique(units_of(report))) > 1 else [])]
    kinds += ["curves"] if len(report.training_curve) > 1 else []  # type: ignore[arg-type]
    with picture(path, (size[0] * len(kinds), size[1])) as figure:
        for at, kind in enumerate(kinds):
            shown = (None, None) if kind == "curves" else (values, name)
            figures, label = figures_of(report, kind, *shown)
            KINDS[kind](panel(figure, 1, len(kinds), at + 1), report, figures, label)


def check(path: str | Path) -> None:
    """Raises SettingsError for a name that no picture can have, ExtraError without matplotlib."""
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"plot: '{path}' is no picture that can be written. End its name with .png, .pdf or .svg.")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ExtraError("plot: matplotlib is not installed. Remedy: pip install 'swarm-engine[plot]'") from None


@contextmanager
def picture(path: str | Path, size: tuple[float, float]) -> Iterator[Figure]:
    """An empty figure of `size` inches that is written to `path` when the block ends, whole or not at all."""
    check(path)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.size": 10, "svg.hashsalt": "swarm"}):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)  # no window, no global state
        yield figure
        with atomic(path) as temporary:
            try:
                figure.savefig(temporary, format=Path(path).suffix[1:].lower(), dpi=150)
            except ValueError as error:
                raise SaveError(f"Cannot draw '{path}': {error}.") from None


def panel(figure: Figure, down: int = 1, across: int = 1, number: int = 1) -> Axes:
    """The axes of one panel: thin grey lines, no box, so that the data are the darkest thing in the picture."""
    axes = figure.add_subplot(down, across, number)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=QUIET, labelcolor=INK, length=3)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    return axes


def figures_of(
    report: Report | Results, kind: str, values: Any = None, name: str | None = None
) -> tuple[np.ndarray, str]:
    """What is drawn, [N] or for curves [E, N], and its name: as given, or the best that the run knows."""
    if values is None:
        for figure, curve in (
            ("validation_accuracy", report.validation_accuracy_curve),
            ("validation_loss", report.validation_loss_curve),
            ("training_loss", report.training_curve),
        ):
            if curve is not None and len(curve):
                values = curve if kind == "curves" else getattr(report, figure)  # of brains that stopped as well
                name = figure.replace("_", " ") if name is None else name
                break
        else:
            raise DataError("plot: no epoch is finished, so there is nothing to draw. Train first.")
    figures = np.asarray(values, np.float64)
    wanted = 2 if kind == "curves" else 1
    if figures.ndim != wanted or figures.shape[-1] != len(report):
        shape = f"[epochs, {len(report)}]" if wanted == 2 else f"[{len(report)}]"
        raise SettingsError(f"plot: values have the shape {list(figures.shape)}, {kind!r} takes {shape}.")
    if not np.isfinite(figures).any():
        raise DataError(f"plot: none of the values ({name or 'values'}) is a finite number: every brain has diverged.")
    return figures, name or "values"


def _distribution(axes: Axes, report: Report | Results, figures: np.ndarray, label: str) -> None:
    alive = figures[np.isfinite(figures)]
    bins = np.linspace(*_span(alive), int(np.clip(2 * len(alive) ** 0.5, 5, 60)) + 1).tolist()
    axes.hist(alive, bins=bins, color=MAIN, alpha=0.85, edgecolor="white", linewidth=0.6)
    middle = float(np.median(alive))
    axes.axvline(middle, color=ACCENT, linewidth=1.4)
    best = alive.max() if "accuracy" in label else alive.min()
    low, high = (number(float(v), label) for v in np.percentile(alive, (5, 95)))
    words = f"line: median {number(middle, label)}, best {number(float(best), label)}, 5-95% {low} to {high}"
    title(axes, f"{len(alive):,} networks{lost(figures)}; {words}")
    axes.set(xlabel=label, ylabel="networks")
    percent(axes.xaxis, label)
    whole(axes.yaxis)
    axes.grid(axis="x", visible=False)


def _width(axes: Axes, report: Report | Results, figures: np.ndarray, label: str) -> None:
    units = units_of(report)
    alive = np.isfinite(figures)
    axes.scatter(
        units[alive], figures[alive], s=dot(alive.sum()), color=MAIN, alpha=0.35, linewidths=0, rasterized=True
    )
    widths = np.unique(units[alive])
    middle = [np.median(figures[alive & (units == w)]) for w in widths]
    axes.plot(widths, middle, color=ACCENT, linewidth=1.6, marker="o" if len(widths) < 12 else None, markersize=3.5)
    if widths[0] > 0 and widths[-1] >= 30 * widths[0]:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    title(axes, f"{int(alive.sum()):,} networks{lost(figures)}, each a dot; line: median of a width")
    axes.set(xlabel="hidden units", ylabel=label)
    percent(axes.yaxis, label)


def units_of(report: Report | Results) -> np.ndarray:
    """How many hidden units each network has, int64 [N]."""
    if (known := getattr(report, "units", None)) is not None:
        return known
    units = np.zeros(len(report), np.int64)
    for group in report.brains.groups:  # type: ignore[union-attr]
        units[group.positions] = sum(group.mlp.hidden)
    return units


def _curves(axes: Axes, report: Report | Results, figures: np.ndarray, label: str) -> None:
    epochs = np.arange(1, len(figures) + 1)
    mask = np.where(np.isfinite(figures), figures, np.nan)
    shown = np.isfinite(figures).any(axis=1)
    low, middle, high = np.full((3, len(epochs)), np.nan)
    low[shown], middle[shown], high[shown] = np.nanpercentile(mask[shown], (5, 50, 95), axis=1)
    if figures.shape[1] <= _FEW:
        axes.plot(epochs, mask, color=MAIN, linewidth=0.7, alpha=0.35)
    axes.fill_between(epochs, low, high, color=MAIN, alpha=0.16, linewidth=0, label="5-95%")
    single = {"marker": "o", "markersize": 4} if len(epochs) == 1 else {}
    axes.plot(epochs, middle, color=MAIN, linewidth=1.8, label="median", **single)
    ends = np.where(report.diverged, np.nan, last(mask, figures.shape[1]))  # a brain that stopped has its last figure
    if np.isfinite(ends).any():
        ranked = ends[report.best()] * (1 if "accuracy" in label else -1)
        best = int(report.best()[np.nanargmax(ranked)])  # of equal ones the first in the run's own ranking
        axes.plot(epochs, mask[:, best], color=ACCENT, linewidth=1.4, label=f"best (network {best})", **single)
    title(axes, f"{figures.shape[1]:,} networks{lost(ends)}")
    axes.set(xlabel="epoch", ylabel=label)
    whole(axes.xaxis)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    percent(axes.yaxis, label)


KINDS: dict[str, Callable[[Axes, Report | Results, np.ndarray, str], None]] = {
    "distribution": _distribution,
    "width": _width,
    "curves": _curves,
}


def title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=9, color=QUIET, pad=8)


def lost(figures: np.ndarray) -> str:
    count = int((~np.isfinite(figures)).sum())
    return f" ({count:,} diverged)" if count else ""


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = abs(low) * 0.01 or 0.01
    return (low, high) if high > low else (low - room, high + room)


def dot(count: int) -> float:
    return float(np.clip(4000 / max(1, count), 3, 22))


def logarithmic(values: np.ndarray) -> bool:
    """Whether values lie along several powers of ten rather than evenly: then half of them are far below the middle."""
    if not len(values) or values.min() <= 0 or values.max() < 30 * values.min():
        return False
    return float(np.median(values)) < (values.min() + values.max()) / 5


def number(value: float, label: str) -> str:
    return f"{value:.1%}" if "accuracy" in label else f"{value:.3g}"


def percent(axis: Any, label: str) -> None:
    if "accuracy" in label:
        from matplotlib.ticker import PercentFormatter

        axis.set_major_formatter(PercentFormatter(1.0))


def whole(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))
