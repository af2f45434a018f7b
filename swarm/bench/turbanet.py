"""`swarm bench turbanet`: fifty networks 784-64-32-10 on MNIST, each on its own bootstrap, as TurbaNet's authors did.

ReLU, softmax cross-entropy, Adam 5e-5, batches of 8, 10 epochs. The first 33,600 training images of a seeded shuffle
train (33,600 draws with replacement per network), the next 4,200 validate, the 10,000 test images test; the ensemble
is the mean of the logits. Ours is the whole run. Peers take some of its steps, in turns with ours, and their seconds
for the whole are extrapolated. Then many networks against these few: what a step costs in a large population.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import data as sets
from swarm.train.evaluate import evaluate, mean_outputs
from swarm.train.fit import fit
from swarm.train.optimizers import Adam
from swarm.train.report import Report as Trained

from . import harness, peers, train_checks
from .report import Report
from .train_problem import CHECK, met, pose
from .trial import Trial

HIDDEN, BATCH, OPTIMIZER = (64, 32), 8, Adam(5e-5)
PUBLISHED: list[dict[str, Any]] = [
    {"name": "PyTorch, 1 network", "how": "published: RTX 2070 Super", "seconds": 43.62, "mean_accuracy": 0.929},
    {
        "name": "TurbaNet, 50 networks",
        "how": "published: RTX 2070 Super",
        "seconds": 124.79,
        "mean_accuracy": 0.938,
        "ensemble_accuracy": 0.944,
    },
    {"name": "TurbaNet, 50 networks", "how": "their code, a 2-core machine", "seconds": 357.0},
    {"name": "PyTorch one by one, 50 networks", "how": "a 2-core machine", "seconds": 1207.0},
]  # fmt: skip

COLUMNS = {
    "name": ("", "s"),
    "how": ("how", "s"),
    "seconds": ("seconds", ",.2f"),
    "step_us": ("us/network-step", ".2f"),
    "times": ("x ours, in turns", ".2f"),
    "mean_accuracy": ("mean accuracy", ".2%"),
    "ensemble_accuracy": ("ensemble", ".2%"),
}


@dataclass(frozen=True)
class Size:
    """How much of the protocol is done."""

    train: int = 33_600
    validate: int = 4_200
    epochs: int = 10
    networks: int = 50
    turns: int = 100  # steps that ours and the peers take in turns
    alone: int = 4  # networks that are trained one after the other
    many: int = 5_000  # networks of the large population
    steps: int = 500  # of its training
    least: float = 0.9  # mean accuracy without which nothing is reported


QUICK = Size(train=1_600, validate=400, epochs=1, turns=10, alone=1, many=200, steps=20, least=0.15)


def command(trial: Trial, many: int | None = None) -> None:
    """Measure, print, save. many: networks of the large population, 0 leaves it out."""
    trial.at_least("--many", many, 0)
    measure(trial, QUICK if trial.quick else Size(), many).finish(trial.json)


def measure(trial: Trial, size: Size, many: int | None = None) -> Report:
    """All rows. Raises `harness.Invalid` when anything trained is not what it must be."""
    backend = device.choose("cpu", trial.threads)
    set_ = sets.mnist()
    order = np.random.default_rng(trial.seed).permutation(len(set_.x))
    train, held = order[: size.train], order[size.train : size.train + size.validate]
    x, y = np.ascontiguousarray(set_.x[train]), set_.y[train].astype(np.int64)
    mlp = MLP((set_.inputs, *HIDDEN, set_.classes), "relu")
    count = trial.networks or size.networks
    brains = Brains(mlp, count, seed=trial.seed, backend=backend)
    report = Report("turbanet", COLUMNS, trial.seed)
    report.settings = {
        "networks": count, "architecture": str(mlp), "batch": BATCH, "optimizer": str(OPTIMIZER), "train": len(x),
        "validate": len(held), "epochs": size.epochs, "threads": backend.threads, "versions": peers.versions(),
    }  # fmt: skip
    problem = pose(brains, x, y, OPTIMIZER, BATCH, size.turns, "bootstrap", trial.seed)
    right = problem.right()
    first: list[Trained] = []
    train_checks.ours(
        "turbanet", brains, problem, right, lambda some: first.append(_fit(some, x, y, CHECK, trial.seed))
    )
    draws = met(len(x), len(x), np.arange(count), sampling="bootstrap", seed=trial.seed)
    if len(np.unique(draws, axis=0)) < count:
        raise harness.Invalid("turbanet: two networks train on the same bootstrap. Nothing is reported.")

    others = [] if trial.alone else peers.stacked(report, problem, backend.threads, size.alone)
    for peer in others:
        train_checks.peer(peer, right, train_checks.bound(OPTIMIZER))
    jobs = {"swarm": lambda: _fit(brains.clone(), x, y, size.turns, trial.seed).seconds}
    jobs |= {peer.name: lambda peer=peer: peer.run(size.turns) for peer in others}
    rounds = trial.repeats or (3 if trial.quick else 5)
    times = harness.interleave(jobs, rounds, warmups=1, limit=120, before=peers.rest, clock=peers.taken)

    run = fit(
        brains, x, y, optimizer=OPTIMIZER, epochs=size.epochs, batch_size=BATCH, sampling="bootstrap", seed=trial.seed
    )
    _judge(report, brains, run, set_, held, size, first[0].preparing)
    steps = size.epochs * -(-len(x) // BATCH)
    base = times["swarm"].median / size.turns / count
    report.rows.append({
        "name": f"swarm, {count} networks", "how": "measured", "step_us": run.seconds / steps / count * 1e6,
        **{name: report.figures[name] for name in ("seconds", "mean_accuracy", "ensemble_accuracy")},
    })  # fmt: skip
    for peer in others:
        each = peer.cost(times[peer.name].median, size.turns)
        of = "" if peer.networks == count else f" of {peer.networks}"
        report.rows.append({
            "name": f"{peer.name}, {count} networks", "how": f"extrapolated: {size.turns} steps{of}",
            "seconds": each * steps * count, "step_us": each * 1e6, "times": each / base,
            "measured_steps": size.turns, "measured_networks": peer.networks,
        })  # fmt: skip
    report.figures["peers"] = report.rows[1:]
    report.figures["published"] = PUBLISHED
    report.rows += PUBLISHED
    wide = size.many if many is None else many
    if wide:
        _compare(report, brains, x, y, wide, size.steps, trial.seed)
    return report


def _fit(brains: Brains, x: np.ndarray, y: np.ndarray, steps: int, seed: int) -> Trained:
    """So many steps of the protocol, on as many of the samples."""
    some = np.arange(steps * BATCH) % len(x)
    return fit(brains, x[some], y[some], optimizer=OPTIMIZER, batch_size=BATCH, sampling="bootstrap", seed=seed)


def _judge(
    report: Report,
    brains: Brains,
    run: Trained,
    set_: sets.DataSet,
    held: np.ndarray,
    size: Size,
    preparing: float,
) -> None:
    """Accuracies, and what must hold of the trained networks; into the figures."""
    train_checks.finite("turbanet", run.training_loss)
    different = train_checks.different("turbanet", brains)
    test = evaluate(brains, set_.x_test, set_.y_test).accuracy
    validation = evaluate(brains, set_.x[held], set_.y[held]).accuracy
    assert test is not None and validation is not None
    mean = train_checks.accuracy("turbanet", test, size.least)
    votes = mean_outputs(brains, set_.x_test).argmax(axis=1)
    together = train_checks.accuracy("turbanet, ensemble", float((votes == set_.y_test).mean()), size.least)
    report.figures |= {
        "seconds": run.seconds, "seconds_per_epoch": run.seconds / run.epochs, "mean_accuracy": mean,
        "ensemble_accuracy": together, "validation_accuracy": float(validation.mean()), "different": different,
    }  # fmt: skip
    report.notes += [
        f"All {different:,} networks differ, in their parameters and in their bootstraps; accuracies are of the test"
        f" images (validation images: mean {validation.mean():.2%}).",
        f"Not in the seconds: compiling or loading kernels ({preparing:.2f} s at the first step), reading and checking"
        " data, scoring. Peers: compiling, copies to and from the library.",
    ]


def _compare(report: Report, brains: Brains, x: np.ndarray, y: np.ndarray, many: int, steps: int, seed: int) -> None:
    """The cost of a network's step among many against that among few, which are measured before and after."""
    few = brains.clone()
    crowd = Brains(brains.mlp, many, seed=seed, backend=brains.backend)
    taken = {"few": [_fit(few, x, y, steps, seed).seconds for _ in range(3)]}
    run = _fit(crowd, x, y, steps, seed)
    train_checks.finite(f"turbanet, {many} networks", run.training_loss)
    train_checks.different(f"turbanet, {many} networks", crowd)
    taken["few"] += [_fit(few, x, y, steps, seed).seconds for _ in range(3)]
    each = float(np.median(taken["few"])) / steps / len(few), run.seconds / steps / many
    report.rows.insert(1, {
        "name": f"swarm, {many:,} networks", "how": f"{steps} steps", "seconds": run.seconds, "step_us": each[1] * 1e6
    })  # fmt: skip
    report.figures["cost_of_many"] = each[1] / each[0]
    report.notes.append(
        f"A network's step among {many:,} costs {each[1] / each[0]:.3f} of one among {len(few)}, over {steps} steps."
    )
