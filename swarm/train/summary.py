"""What `swarm train` says: what it is about to do, and how it came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.train import settings, space
from swarm.train.candidates import Plan
from swarm.train.data import DataSet
from swarm.train.evaluate import mean_outputs
from swarm.train.results import Results
from swarm.train.targets import Targets
from swarm.train.words import Request

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def file_name(name: str, plan: Plan, request: Request) -> str:
    """How a run's files are called where nobody says."""
    if request.pbt:
        return f"{name}-pbt"
    return f"{name}-sweep" if request.sweeps else f"{name}-{'-'.join(map(str, plan.mlps(slice(1))[0].widths))}"


def opening(console: Console, name: str, data: DataSet, held: Any, request: Request, plan: Plan, parts: int) -> None:
    """One paragraph: who learns what, and how."""
    varied = space.varied(list(plan.candidates))
    C, N = len(plan.candidates), len(plan)
    if request.pbt:
        console.print(f"{N:,} networks, population-based training of {_words(list(request.random))}", style="bold")
        varied = [*varied, *request.random]
    elif request.sweeps:
        times = f" x {request.repetitions}" if request.repetitions > 1 else ""
        who = f"{C:,} candidates{times} = {N:,} networks" if times else f"{N:,} networks, each a candidate"
        console.print(f"{who}; what varies: {_words(varied) or 'nothing'}", style="bold")
    else:
        kinds = ", ".join(map(str, dict.fromkeys(plan.mlps(slice(C)))))
        console.print(f"{N:,} {'network' if N == 1 else 'networks'} {kinds}", style="bold")
    back = f", {len(held[0]):,} held back for validation" if isinstance(held, tuple) else ""
    back += f" in {request.folds} folds, of which a network leaves one out and is judged on it" if request.folds else ""
    console.print(f"{name}: {len(data.x):,} samples{back}, {len(data.x_test):,} for the test")
    first = plan.candidates[0]
    how = [f"{name.replace('_', ' ')} {settings.text(first[name])}" for name in _shown(first) if name not in varied]
    console.print(", ".join([*how, request.dtype]))
    if parts > 1:
        console.print(f"{parts} populations, one after another")
    if request.resume:
        console.print(f"going on from {request.checkpoint}")


def _shown(first: dict[str, Any]) -> list[str]:
    """The settings that were given, or that everybody wants to know."""
    always = ("optimizer", "learning_rate", "batch_size", "epochs", "sampling")
    others = [name for name, value in first.items() if value != settings.SETTINGS[name].default and value]
    return [*always, *(name for name in others if name not in (*always, "hidden", "activation"))]


def ensembles(results: Results, data: DataSet, best: int) -> dict[int, float]:
    """Test accuracy of the mean logits of the `best` networks on the validation split, and of all, by their number."""
    alive = ~results.diverged
    if not alive.any():
        return {}
    found = {}
    if best < alive.sum():
        votes = results.ensemble(data.x_test, best).argmax(axis=1)
        found[best] = float((votes == data.y_test).mean())
    total = np.zeros((len(data.x_test), results.plan.outputs))
    for part, brains in results.parts:
        members = np.flatnonzero(alive[part.rows])
        if len(members):
            total += mean_outputs(results.pool(brains), data.x_test, members) * len(members)
    return {**found, int(alive.sum()): float((total.argmax(axis=1) == data.y_test).mean())}


def closing(
    console: Console,
    results: Results,
    ensembles: Mapping[int, float],
    seconds: float,
    data: DataSet,
    targets: Targets,
) -> None:
    """The tables, and where the files are."""
    if results.history is not None:
        console.print(f"{results.history.rounds} rounds, {results.history.copies:,} copies, {_founders(results)}")
    elif len(results.plan.candidates) > 1:
        console.print(results.table())
    console.print(_table(results, ensembles, seconds, data))
    brains = targets.brains
    places = [("brains", str(brains[0]) if len(brains) == 1 else f"{brains[0]} ... {brains[-1].name}")]
    places += [("networks", targets.networks), ("candidates", targets.candidates), ("json", targets.json)]
    places += [("picture", path) for path in targets.pictures]
    for what, path in places:
        if path is not None:
            console.print(f"{what:<11}{path}")


def _table(results: Results, ensembles: Mapping[int, float], seconds: float, data: DataSet) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    accuracy, figures = results.figures["test_accuracy"], results.figures
    title = f"{len(results):,} networks, {len(data.x_test):,} test samples they have not seen"
    table = Table(title=title, box=SIMPLE, show_header=False, pad_edge=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    alive = np.flatnonzero(~results.diverged)
    if len(alive):
        best = int(results.best(1)[0])
        judged = results.judged_by
        figure = f"{figures[judged][best]:.2%}" if "accuracy" in judged else f"{figures[judged][best]:.4f}"
        table.add_row(
            "mean test accuracy", f"{accuracy[alive].mean():.2%}",
            f"± {accuracy[alive].std():.2%}, {accuracy[alive].min():.2%} to {accuracy[alive].max():.2%}",
        )  # fmt: skip
        table.add_row("the best network", f"{accuracy[best]:.2%}", f"network {best}: {_words([judged])} {figure}")
    for count, together in ensembles.items():
        who = "all together" if count == len(alive) else f"the {count} best together"
        how = "mean of the logits" + ("" if count == len(alive) else f", chosen by {results.judged_by.split('_')[0]}")
        table.add_row(who, f"{together:.2%}", how)
    table.add_row("training loss", f"{_mean(figures['training_loss']):.4f}", "mean over the last epoch")
    if "validation_loss" in figures:
        table.add_row("validation loss", f"{_mean(figures['validation_loss']):.4f}", _validation(figures))
    if len(alive) < len(results):
        table.add_row("diverged", f"{len(results) - len(alive):,}", "loss not finite: lower the learning rate")
    if (stopped := figures.get("stopped_epoch")) is not None and (stopped > 0).any():
        early = stopped[stopped > 0]
        table.add_row("stopped early", f"{len(early):,}", f"after {np.median(early):.0f} epochs (median)")
    rate = results.samples / results.seconds if results.seconds else 0.0
    table.add_row("training", f"{results.seconds:.2f} s", f"{rate:,.0f} samples/s, all networks")
    table.add_row("preparing kernels", f"{results.preparing:.2f} s", "compiled once, then loaded from the cache")
    table.add_row("test", f"{seconds:.2f} s", "")
    return table


def _validation(figures: Mapping[str, np.ndarray]) -> str:
    return f"accuracy {_mean(figures['validation_accuracy']):.2%}" if "validation_accuracy" in figures else ""


def facts(results: Results, name: str, request: Request, ensembles: Mapping[int, float]) -> dict[str, Any]:
    """What the JSON file says beside the tables."""
    best, evolved, chosen = int(results.best(1)[0]), {}, results.best_settings
    if results.history is not None:
        schedule = results.history.schedule(best)
        chosen = {**chosen, **{name: float(values[-1]) for name, values in schedule.items()}}
        evolved = {
            "copies": results.history.copies,
            "best_schedule": {name: values.tolist() for name, values in schedule.items()},
        }
    return {
        "data": name,
        "request": _known(asdict(request)),
        "seconds": results.seconds,
        "preparing_seconds": results.preparing,
        "samples": results.samples,
        "best_network": best,
        "best_settings": _known(chosen),
        "ensemble_test_accuracy": {str(count): accuracy for count, accuracy in ensembles.items()},
        **evolved,
    }


def _known(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}


def _founders(results: Results) -> str:
    assert results.history is not None
    left = len(np.unique(results.history.founders))
    return f"{left} of {len(results):,} lines left"


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _words(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
