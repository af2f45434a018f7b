"""What a sweep has to tell: a table of its networks, a table of its candidates, who is best, and their brains.

Ranks go by validation (without it by training loss), never by test data. A candidate's figures are the mean and the
standard deviation over its repetitions that did not diverge; candidates in which one diverged rank behind the others.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.files import atomic
from swarm.errors import SettingsError
from swarm.train import ensemble, settings
from swarm.train.candidates import Part, Plan
from swarm.train.history import History
from swarm.train.outcome import Outcome
from swarm.train.space import varied

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Results:
    """The figures of N networks of C candidates. Curves are [E, N], NaN behind a network's last epoch."""

    plan: Plan
    figures: dict[str, np.ndarray] = field(default_factory=dict)  # name -> [N]
    training_curve: np.ndarray | None = None
    validation_loss_curve: np.ndarray | None = None
    validation_accuracy_curve: np.ndarray | None = None
    parts: list[tuple[Part, Brains | Path]] = field(default_factory=list)  # who was trained, and where the brains are
    where: dict[str, Any] = field(default_factory=dict)  # backend and threads of brains that are loaded from files
    history: History | None = None  # of a population-based training
    seconds: float = 0.0  # of training
    preparing: float = 0.0  # seconds of compiling and loading kernels
    samples: int = 0  # trained on, all networks together

    def add(self, part: Part, outcome: Outcome, brains: Brains | Path) -> None:
        """Take in a population that was trained, and where its brains are."""
        self.parts.append((part, brains))
        for name, values in outcome.figures.items():
            empty = np.full(len(self), np.nan) if values.dtype.kind == "f" else np.zeros(len(self), values.dtype)
            self.figures.setdefault(name, empty)[part.rows] = values
        for name, curve in outcome.curves.items():
            setattr(self, name, _wider(getattr(self, name), len(curve), len(self)))
            getattr(self, name)[: len(curve), part.rows] = curve
        self.history = outcome.history or self.history
        self.seconds += outcome.seconds
        self.preparing += outcome.preparing
        self.samples += outcome.samples

    def __len__(self) -> int:
        """N, how many networks."""
        return len(self.plan)

    @property
    def diverged(self) -> np.ndarray:
        """bool [N]: networks whose loss is not a finite number."""
        return self.figures["diverged"]

    @property
    def units(self) -> np.ndarray:
        """int64 [N], hidden units of each network."""
        return np.array([sum(c["hidden"]) for c in self.plan.candidates], np.int64)[self.plan.member]

    @property
    def judged_by(self) -> str:
        """The figure that ranks: validation_accuracy, else validation_loss, else training_loss."""
        names = ("validation_accuracy", "validation_loss")
        return next((name for name in names if name in self.figures), "training_loss")

    # --- who is best ------------------------------------------------------------------------------------------------

    def best(self, n: int | None = None) -> np.ndarray:
        """Numbers of the n best networks (all by default), best first; equal accuracies by the loss."""
        return np.lexsort(self._keys(self.figures, self.diverged, len(self)))[:n]

    def best_candidates(self, n: int | None = None) -> np.ndarray:
        """Numbers of the n best candidates (all by default), best first."""
        columns = self.candidates()
        figures = {name[5:]: values for name, values in columns.items() if name.startswith("mean_")}
        return np.lexsort(self._keys(figures, columns["diverged"] > 0, len(columns["candidate"])))[:n]

    @property
    def best_settings(self) -> dict[str, Any]:
        """The best candidate's settings."""
        return self.plan.candidates[int(self.best_candidates(1)[0])]

    def _keys(self, figures: dict[str, np.ndarray], lost: np.ndarray, count: int) -> list[np.ndarray]:
        loss = figures["validation_loss" if "validation_loss" in figures else "training_loss"]
        keys = [np.arange(count), np.where(np.isfinite(loss), loss, np.inf)]
        if "validation_accuracy" in figures:
            keys.append(-figures["validation_accuracy"])
        return [*keys, lost]

    def members(self, n: int | None = None) -> np.ndarray:
        """The n best networks that did not diverge. Raises SettingsError when nobody is left."""
        ranked = self.best()
        found = ranked[~self.diverged[ranked]][:n]
        if len(found) == 0:
            raise SettingsError("ensemble: every network has diverged. Train with a smaller learning_rate.")
        return found

    def brains(self, rows: Any) -> Brains:
        """Copies of the networks `rows` as a pool, in that order; from their files where they are in files."""
        rows = np.atleast_1d(np.arange(len(self))[rows])
        mlps = self.plan.mlps(rows)
        same, pool = len(set(mlps)) == 1, None
        for part, held in self.parts:
            here = np.flatnonzero(np.isin(rows, part.rows))
            if len(here):
                brains = self.pool(held)
                if pool is None:
                    how = {"backend": brains.backend, "dtype": brains.dtype.name, "seed": brains.seed}
                    pool = Brains(mlps[0] if same else mlps, len(mlps) if same else None, init="zeros", **how)
                copies = brains.clone(np.searchsorted(part.rows, rows[here]))
                pool.set(here, copies.groups[0] if same else copies)
        assert pool is not None, "every network belongs to a part"
        return pool

    def pool(self, held: Brains | Path) -> Brains:
        """A population of `parts`, loaded where it is in a file."""
        return Brains.load(held, **self.where) if isinstance(held, Path) else held

    def ensemble(self, x: Any, n: int | None = 10, how: str = "mean") -> np.ndarray:
        """What the n best networks (None: all) answer together to x [M, I]: [M, O] float64; see `ensemble.combine`."""
        return ensemble.combine(self.brains(self.members(n)), x, None, how)

    # --- tables -----------------------------------------------------------------------------------------------------

    def networks(self) -> dict[str, np.ndarray]:
        """The table of networks: number, candidate, repetition, architecture, settings that vary, figures; each [N]."""
        member = self.plan.member
        nth = np.zeros(len(self), np.int64)  # which repetition of its candidate a network is
        order = np.argsort(member, kind="stable")
        first = np.searchsorted(member[order], member[order])
        nth[order] = np.arange(len(self)) - first
        names = np.array([str(mlp) for mlp in self.plan.mlps()], object)
        found = {"brain": np.arange(len(self)), "candidate": member, "repetition": nth, "architecture": names}
        if len(self.parts) > 1 and isinstance(self.parts[0][1], Path):
            found["file"], found["row"] = np.empty(len(self), object), np.zeros(len(self), np.int64)
            for part, path in self.parts:
                found["file"][part.rows] = Path(str(path)).name
                found["row"][part.rows] = np.arange(len(part))
        return {**found, **{name: _column(self.plan.values(name)) for name in self._told()}, **self.figures}

    def candidates(self) -> dict[str, np.ndarray]:
        """The table of candidates: settings that vary, how many networks, mean_ and std_ of every figure; each [C]."""
        C, member = len(self.plan.candidates), self.plan.member
        alive = ~self.diverged
        found: dict[str, np.ndarray] = {"candidate": np.arange(C)}
        found |= {name: _column([one[name] for one in self.plan.candidates]) for name in self._told()}
        found["networks"] = np.bincount(member, minlength=C)
        found["diverged"] = np.bincount(member[~alive], minlength=C)
        count = np.bincount(member[alive], minlength=C)
        for name, values in self.figures.items():
            if name != "diverged":
                with np.errstate(invalid="ignore", divide="ignore"):
                    mean = np.bincount(member[alive], values[alive], C) / count
                    spread = np.bincount(member[alive], np.square(values - mean[member])[alive], C) / count
                found[f"mean_{name}"], found[f"std_{name}"] = mean, np.sqrt(spread)
        return found

    def _told(self) -> list[str]:
        found = varied(list(self.plan.candidates))
        return found if "learning_rate" in found else [*found, "learning_rate"]

    def to_csv(self, path: str | Path) -> None:
        """The table of networks, one line each. Raises SaveError."""
        _write_csv(path, self.networks())

    def candidates_to_csv(self, path: str | Path) -> None:
        """The table of candidates, one line each, best first. Raises SaveError."""
        order = self.best_candidates()
        _write_csv(path, {"rank": 1 + np.arange(len(order)), **{k: v[order] for k, v in self.candidates().items()}})

    def to_json(self, path: str | Path, **more: Any) -> None:
        """{"candidates": [...], best first, "networks": [...]} and what `more` has; NaN is null. Raises SaveError."""
        columns, order = self.candidates(), self.best_candidates()
        columns = {"rank": 1 + np.arange(len(order)), **{name: values[order] for name, values in columns.items()}}
        content = {**more, "candidates": _records(columns), "networks": _records(self.networks())}
        with atomic(path) as temporary:
            Path(temporary).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def table(self, n: int = 10) -> Table:
        """The n best candidates as a rich table; the files have every figure."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        columns, order = self.candidates(), self.best_candidates(n)
        counts = np.unique(columns["networks"])
        repeated, same = bool(counts[-1] > 1), len(counts) == 1
        which = "all" if len(order) == len(columns["candidate"]) else f"the {len(order)} best of"
        title = f"{which} {len(columns['candidate']):,} candidates, by {_words(self.judged_by)}"
        title += f"; mean ± deviation of {counts[0]:,} networks" if repeated and same else ""
        table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left")
        shown = ["candidate", *varied(list(self.plan.candidates)), *([] if same else ["networks"])]
        shown += ["diverged"] if self.diverged.any() else []
        for name in shown:
            table.add_column("no." if name == "candidate" else _heading(name), justify="right", overflow="fold")
        figures = [name for name in (self.judged_by, "test_accuracy") if name in self.figures]
        for name in figures:
            style = "bold" if name == self.judged_by else None
            table.add_column(_heading(name), justify="right", style=style, no_wrap=True)
        for c in order:
            cells = [_cell(columns[name][c]) for name in shown]
            for name in figures:
                mean, spread = float(columns[f"mean_{name}"][c]), float(columns[f"std_{name}"][c])
                cells.append(_figure(name, mean, spread if repeated else None))
            table.add_row(*cells)
        return table

    def plot(self, path: str | Path, kind: str = "settings", **more: Any) -> None:
        """Draw into a PNG, PDF or SVG file: 'settings' (a panel for each that varies), 'history' (of
        population-based training), 'overview', or a kind of `plots.plot`. By default of the figure that ranks."""
        from swarm.train import plots, plots_pbt, plots_sweep

        if kind == "history":
            if self.history is None:
                raise SettingsError("plot: only population-based training has a history. Draw the 'settings'.")
            plots_pbt.plot(self.history, path, int(self.best(1)[0]), accuracy="validation_accuracy" in self.figures)
            return
        if kind != "curves" and "values" not in more:
            more = {"values": self.figures[self.judged_by], "name": _words(self.judged_by), **more}
        if kind == "settings":
            plots_sweep.plot(self, path, **more)
        elif kind == "overview":
            plots.overview(self, path, **more)
        else:
            plots.plot(self, path, kind, **more)

    def __str__(self) -> str:
        best = self.best(1)[0]
        figure = f"{_words(self.judged_by)} {_figure(self.judged_by, float(self.figures[self.judged_by][best]))}"
        chosen = ", ".join(f"{name} {settings.text(self.best_settings[name])}" for name in self._told())
        return (
            f"{len(self):,} networks of {len(self.plan.candidates):,} candidates; best {figure}; best of all: {chosen}"
        )


def _wider(curve: np.ndarray | None, epochs: int, count: int) -> np.ndarray:
    held = np.empty((0, count)) if curve is None else curve
    missing = max(0, epochs - len(held))
    return np.vstack([held, np.full((missing, count), np.nan)])


def _column(values: list[Any]) -> np.ndarray:
    """Numbers as numbers; widths as text; what the optimizer decides is empty."""
    if all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values):
        return np.array(values)
    return np.array(
        ["" if one is None else one if isinstance(one, bool) else settings.text(one) for one in values], object
    )


def _cell(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value:.3g}" if isinstance(value, float) else settings.text(value)


def _records(columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [{name: _finite(one) for name, one in zip(columns, row)} for row in rows]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _write_csv(path: str | Path, columns: dict[str, np.ndarray]) -> None:
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))


def _figure(name: str, mean: float, spread: float | None = None) -> str:
    if "accuracy" in name:
        return f"{100 * mean:.2f}{'' if spread is None else f' ± {100 * spread:.2f}'}%"
    return f"{mean:.4g}{'' if spread is None else f' ± {spread:.2g}'}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _heading(name: str) -> str:
    return name.replace("_", "\n")
