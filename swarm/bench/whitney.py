"""`swarm bench whitney`: two spirals and a hundred networks in the time of one, as Whitney's JAX experiment had it.

100 points in two classes; networks 2-32-2 and 2-512-512-2, ReLU, softmax cross-entropy, Adam 1e-3, 100 steps, each over
all points ("full") or over 32 points drawn anew by every network ("own bootstrap"). Networks train alone and a hundred
at once. All take some steps in turns; ours then does the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train.evaluate import evaluate, mean_outputs
from swarm.train.fit import fit
from swarm.train.optimizers import Adam
from swarm.train.report import Report as Trained

from . import harness, peers, train_checks
from .report import Report
from .think import widths
from .train_problem import CHECK, Problem, pose, weights_of
from .trial import Trial

POINTS, BATCH, OPTIMIZER, STEPS, NETWORKS = 100, 32, Adam(1e-3), 100, 100
LAYERS = ("2-32-2", "2-512-512-2")
FRESH = 1_000  # points of the same spirals that nobody trains on
WORK = 5e9  # multiplications of one turn, about
PUBLISHED = "Published: 100 networks 2-32-2 take about 1 s, the time of one, on a Titan X (JAX vmap, Whitney 2021)."

COLUMNS = {
    "layers": ("layers", "s"),
    "batches": ("batches", "s"),
    "networks": ("networks", ",d"),
    "name": ("", "s"),
    "how": ("how", "s"),
    "seconds": ("seconds", ".4f"),
    "step_us": ("us/network-step", ".2f"),
    "times": ("x ours, in turns", ".2f"),
    "against_one": ("x one network", ".2f"),
    "mean_accuracy": ("mean accuracy", ".1%"),
    "ensemble_accuracy": ("ensemble", ".1%"),
}


def command(trial: Trial, layers: Sequence[str] = ()) -> None:
    """Measure, print, save."""
    measure(trial, layers or (LAYERS[:1] if trial.quick else LAYERS)).finish(trial.json)


def spirals(points: int, seed: int, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Two arms that wind once around each other: x [points, 2] float32 within about -1 .. 1, y [points] 0 or 1."""
    random = np.random.default_rng(seed)
    y = np.arange(points) % 2
    along = np.sqrt(random.uniform(0.05, 1, points))  # even in area
    angle = 2 * np.pi * along + np.pi * y
    x = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + noise * random.standard_normal((points, 2))
    return x.astype(np.float32), y.astype(np.int64)


@dataclass(frozen=True)
class Case:
    """Networks of one architecture and one kind of batches."""

    brains: Brains
    full: bool
    x: np.ndarray
    y: np.ndarray
    seed: int

    def fit(self, brains: Brains, steps: int) -> Trained:
        """So many steps: epochs of one batch, or one epoch of draws."""
        common: dict[str, Any] = {"optimizer": OPTIMIZER, "seed": self.seed}
        if self.full:
            return fit(
                brains, self.x, self.y, epochs=steps, batch_size=len(self.x), sampling="shared", shuffle=False, **common
            )
        some = np.arange(steps * BATCH) % len(self.x)
        return fit(brains, self.x[some], self.y[some], batch_size=BATCH, sampling="bootstrap", **common)

    def problem(self, steps: int) -> Problem:
        """The same for peers: `CHECK` steps as ours takes them and `steps` more."""
        if not self.full:
            return pose(self.brains, self.x, self.y, OPTIMIZER, BATCH, steps, "bootstrap", self.seed)
        index = np.tile(np.arange(len(self.x)), CHECK + steps)[None]
        return Problem(self.brains.mlp, weights_of(self.brains), self.x, self.y, index, len(self.x), OPTIMIZER)


def measure(trial: Trial, layers: Sequence[str]) -> Report:
    """All rows. Raises `harness.Invalid` when anything trained is not what it must be."""
    backend = device.choose("cpu", trial.threads)
    report = Report("whitney", COLUMNS, trial.seed)
    report.settings = {
        "points": POINTS, "batch": BATCH, "optimizer": str(OPTIMIZER), "steps": STEPS, "threads": backend.threads,
        "versions": peers.versions(),
    }  # fmt: skip
    x, y = spirals(POINTS, trial.seed)
    fresh = spirals(FRESH, trial.seed + 1)
    preparing = 0.0
    for text in layers:
        mlp = MLP(widths(text), "relu")
        for full in (True, False):
            alone = None
            for count in (1, trial.networks or NETWORKS):
                case = Case(Brains(mlp, count, seed=trial.seed, backend=backend), full, x, y, trial.seed)
                rows, seconds = _rows(report, case, text, fresh, trial)
                alone = rows[0]["seconds"] if alone is None else alone
                rows[0]["against_one"] = rows[0]["seconds"] / alone
                report.rows += rows
                preparing += seconds
    ours = [row for row in report.rows if row["name"] == "swarm"]
    main = ours[1]  # the first architecture, all points, many networks
    report.figures = {name: main[name] for name in ("seconds", "mean_accuracy", "ensemble_accuracy", "against_one")}
    report.figures["peers"] = [row for row in report.rows if row["name"] != "swarm"]
    report.notes = list(dict.fromkeys(report.notes))
    report.notes += [
        PUBLISHED,
        f"Not in the seconds: compiling or loading kernels ({preparing:.2f} s), checking data, scoring. Peers:"
        " compiling, copies to and from the library.",
        f"Accuracies are of {FRESH:,} other points. All networks of a population differ.",
    ]
    return report


def _rows(
    report: Report, case: Case, text: str, fresh: tuple[np.ndarray, np.ndarray], trial: Trial
) -> tuple[list[dict[str, Any]], float]:
    """Ours and the peers in one case, and the seconds that our kernels took to load."""
    brains, count = case.brains, len(case.brains)
    flops = 3 * brains.mlp.count * count * (len(case.x) if case.full else BATCH)
    turns = int(np.clip(WORK / flops, 3, 10 if trial.quick else STEPS))
    problem = case.problem(turns)
    right, what = problem.right(), f"whitney {text}, {count} networks"
    first: list[Trained] = []
    train_checks.ours(what, brains, problem, right, lambda some: first.append(case.fit(some, CHECK)))
    others = [] if trial.alone else peers.stacked(report, problem, brains.backend.threads, some=4)
    for peer in others:
        train_checks.peer(peer, right, train_checks.bound(OPTIMIZER))
    jobs = {"swarm": lambda: case.fit(brains.clone(), turns).seconds}
    jobs |= {peer.name: lambda peer=peer: peer.run(turns) for peer in others}
    rounds = trial.repeats or (3 if trial.quick else 9)
    times = harness.interleave(jobs, rounds, warmups=1, limit=60, before=peers.rest, clock=peers.taken)

    run = case.fit(brains, STEPS)
    train_checks.finite(what, run.training_loss)
    different = train_checks.different(what, brains)
    accuracy = evaluate(brains, *fresh).accuracy
    assert accuracy is not None
    common = {"layers": text, "batches": "full" if case.full else "own bootstrap", "networks": count}
    base = times["swarm"].median / turns / count
    seconds = times["swarm"].median if turns == STEPS else run.seconds
    rows: list[dict[str, Any]] = [{
        **common, "name": "swarm", "how": "measured", "seconds": seconds, "step_us": seconds / STEPS / count * 1e6,
        "mean_accuracy": train_checks.accuracy(what, accuracy, 0.4),
        "ensemble_accuracy": float((mean_outputs(brains, fresh[0]).argmax(axis=1) == fresh[1]).mean()),
        "different": different,
    }]  # fmt: skip
    for peer in others:
        each = peer.cost(times[peer.name].median, turns)
        of = "" if peer.networks == count else f" of {peer.networks}"
        how = "measured" if turns == STEPS and not of else f"extrapolated: {turns} steps{of}"
        rows.append({
            **common, "name": peer.name, "how": how, "seconds": each * STEPS * count, "step_us": each * 1e6,
            "times": each / base, "measured_steps": turns, "measured_networks": peer.networks,
        })  # fmt: skip
    return rows, first[0].preparing
