"""`swarm bench parallelmlps`: ten thousand different networks at once, as in the paper of that name.

Hidden widths 1..100 x 10 activations x 10 repetitions, one hidden layer, SGD 3e-4, normal inputs [10,000, f], shared
batches of b (arXiv 2206.08369; AI 2023, 4(1)). Their labels are all of one class with one output: softmax makes every
gradient at the outputs 0. Ours computes with these zeros as with any number; the row beside it, the squared error of
one output, has none and shows it. Labels that can be learned, 3 and 10 classes, are named by a random linear map.

Peers: PyTorch with a sample of the networks one after the other, and PyTorch with one repetition of all in one wide
hidden layer, the paper's idea written anew (parallelmlps_torch.py). `--mnist` is parallelmlps_mnist.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.backend.device import Backend
from swarm.brain.activations import ACTIVATIONS
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.errors import SettingsError
from swarm.train.evaluate import evaluate, mean_outputs
from swarm.train.fit import fit
from swarm.train.optimizers import SGD
from swarm.train.report import Report as Trained

from . import harness, peers, train_checks, train_oracle
from .report import Report
from .train_problem import CHECK, met, weights_of
from .trial import Trial

WIDTHS, REPETITIONS, SAMPLES = 100, 10, 10_000
RATE, TAUGHT = 3e-4, 0.1  # theirs; one that teaches something within an epoch, at which results are checked too
FRESH = 2_000  # samples that nobody trains on
CHECKED = 18  # networks held against the oracle, as many as in their test
LOSS = 1e-3  # how far a network's mean loss over the epoch may be from the oracle's, relative

PUBLISHED = {  # (f, b) -> s per epoch of 10,000 samples: CPU parallel, CPU one by one, GPU parallel, GPU one by one
    (5, 32): (52.7, 1097.6, 2.68, 1857.7),
    (5, 256): (47.1, 483.3, 2.43, 566.6),
    (100, 32): (74.7, 1179.4, 4.44, 1854.9),
    (100, 256): (51.0, 493.7, 2.75, 566.3),
}
THEIRS = {
    (5, 32, 1): 95.5,
    (5, 256, 1): 135.7,
    (100, 32, 1): 108.6,
    (100, 256, 1): 129.3,
    (10, 32, 3): 177.7,
    (10, 256, 3): 224.5,
}

COLUMNS = {
    "labels": ("labels", "s"),
    "features": ("f", "d"),
    "batch": ("b", "d"),
    "batches": ("batches", "s"),
    "rate": ("rate", "g"),
    "name": ("", "s"),
    "how": ("how", "s"),
    "seconds_per_epoch": ("s/epoch", ",.2f"),
    "times": ("x ours", ",.1f"),
    "mean_accuracy": ("mean accuracy", ".1%"),
    "best_accuracy": ("best", ".1%"),
    "ensemble_accuracy": ("ensemble", ".1%"),
}


@dataclass(frozen=True)
class Size:
    """How much of the protocol is done."""

    widths: int = WIDTHS
    repetitions: int = REPETITIONS
    samples: int = SAMPLES
    steps: int = 10  # of a peer's run
    sample: int = 20  # networks of PyTorch one after the other


QUICK = Size(widths=20, repetitions=2, samples=640, steps=3, sample=5)


@dataclass(frozen=True)
class Task:
    """What is learned: classes 0 means the squared error of one output, 1 the paper's labels."""

    classes: int
    features: int
    batch: int
    sampling: str = "shared"
    rate: float = RATE

    @property
    def labels(self) -> str:
        return {0: "none: squared error", 1: "one class (theirs)"}.get(self.classes, f"{self.classes} classes")

    @property
    def loss(self) -> str:
        return "cross_entropy" if self.classes else "mse"

    def data(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """x [count, f] float32, normal; y [count] labels, or float32 targets."""
        random = np.random.default_rng(seed)
        teacher = random.standard_normal((self.features, max(1, self.classes)))
        x = random.standard_normal((count, self.features), np.float32)
        answers = x @ teacher
        return x, answers.argmax(axis=1) if self.classes else np.tanh(answers[:, 0]).astype(np.float32)

    def fit(self, brains: Brains, x: np.ndarray, y: np.ndarray, seed: int) -> Trained:
        """One epoch."""
        return fit(
            brains,
            x,
            y,
            loss=self.loss,
            optimizer=SGD(self.rate),
            batch_size=self.batch,
            sampling=self.sampling,
            seed=seed,
        )


def command(
    trial: Trial,
    features: Sequence[int] = (),
    batch: Sequence[int] = (),
    widths: int | None = None,
    repetitions: int | None = None,
    samples: int | None = None,
) -> None:
    """Measure, print, save."""
    for option, value in (("--widths", widths), ("--repetitions", repetitions), ("--samples", samples)):
        trial.at_least(option, value, 1)
    for value in (*features, *batch):
        trial.at_least("--features, --batch", value, 1)
    given = {"widths": widths, "repetitions": repetitions, "samples": samples}
    size = replace(QUICK if trial.quick else Size(), **{name: value for name, value in given.items() if value})
    measure(trial, size, features or (5,), batch or (32,)).finish(trial.json)


def population(size: Size, inputs: int, outputs: int, seed: int, backend: Backend) -> Brains:
    """Every width, activation and repetition: one network each."""
    mlps = [
        MLP((inputs, h, outputs), activation)
        for _ in range(size.repetitions)
        for activation in ACTIVATIONS
        for h in range(1, size.widths + 1)
    ]
    return Brains(mlps, seed=seed, backend=backend)


def measure(trial: Trial, size: Size, features: Sequence[int], batch: Sequence[int]) -> Report:
    """All rows. Raises `harness.Invalid` when anything trained is not what it must be."""
    refuse_networks(trial)
    backend = device.choose("cpu", trial.threads)
    report = Report("parallelmlps", COLUMNS, trial.seed)
    networks = size.widths * size.repetitions * len(ACTIVATIONS)
    report.settings = {
        "networks": networks, "widths": size.widths, "repetitions": size.repetitions, "samples": size.samples,
        "activations": list(ACTIVATIONS), "threads": backend.threads, "versions": peers.versions(),
    }  # fmt: skip
    tasks = [Task(1, f, b) for f in features for b in batch]
    tasks += [Task(0, features[0], batch[0])]
    tasks += [Task(3, 10, b) for b in batch] + [Task(3, 10, batch[0], "own", TAUGHT), Task(10, 10, batch[0])]
    for task in tasks:
        report.rows += rows(report, task, size, trial, backend)
    ours = [row for row in report.rows if row["name"] == "swarm"]
    three = next(row for row in ours if row["labels"] == "3 classes")
    report.figures = {
        "seconds_per_epoch": ours[0]["seconds_per_epoch"],
        "seconds_per_epoch_3_classes": three["seconds_per_epoch"],
        "mean_accuracy": three["mean_accuracy"],
        "ensemble_accuracy": three["ensemble_accuracy"],
        "peers": [row for row in report.rows if row["how"].startswith("extrapolated")],
        "published": [row for row in report.rows if row["how"].startswith("published")],
    }
    control = next(row for row in ours if row["labels"].startswith("none"))
    report.notes = list(dict.fromkeys(report.notes))
    report.notes += [
        f"{networks:,} networks, {size.samples:,} samples an epoch; all networks of a population differ.",
        "Zero gradients at the outputs are computed with as any others: an epoch of the squared error, which has none,"
        f" takes {control['seconds_per_epoch'] / ours[0]['seconds_per_epoch']:.3f} of the time of theirs.",
        f"Accuracies: {FRESH:,} other samples. At a rate of {RATE:g} an epoch teaches little; {TAUGHT:g} is beside it.",
        "Not in the seconds: compiling or loading kernels"
        f" ({sum(row['preparing'] for row in ours):.2f} s), drawing and checking data, scoring. Peers: copies.",
    ]
    return report


def refuse_networks(trial: Trial) -> None:
    """Raise SettingsError for an option that says nothing here."""
    if trial.networks is not None:
        raise SettingsError(
            "--networks: here they are widths x activations x repetitions. Give --widths, --repetitions."
        )


def rows(report: Report, task: Task, size: Size, trial: Trial, backend: Backend) -> list[dict[str, Any]]:
    """Ours, the peers and what was published, for one task."""
    brains = population(size, task.features, max(1, task.classes), trial.seed, backend)
    x, y = task.data(size.samples + FRESH, trial.seed)
    fresh, x, y = (x[size.samples :], y[size.samples :]), x[: size.samples], y[: size.samples]
    what = f"parallelmlps, {task.labels}, f {task.features}, b {task.batch}"
    preparing = check(what, brains, task, x, y, trial.seed)
    last: dict[str, Any] = {}

    def train() -> float:
        last["brains"] = brains.clone()
        last["report"] = task.fit(last["brains"], x, y, trial.seed)
        return last["report"].seconds

    others = (
        [] if trial.alone else peers.gather(report, "torch", lambda: _torch(brains, task, x, y, size, backend.threads))
    )
    for peer in others:
        _hold(peer, brains, task, x, y)
    jobs = {"swarm": train} | {peer.name: lambda peer=peer: peer.run(size.steps) for peer in others}
    times = harness.interleave(jobs, trial.repeats or 3, warmups=1, limit=60, before=peers.rest, clock=peers.taken)
    trained, run = last["brains"], last["report"]
    train_checks.finite(what, run.training_loss)
    different = train_checks.different(what, trained)
    _follow(what, brains, task, x, y, trial.seed, run)

    common = {
        "labels": task.labels, "features": task.features, "batch": task.batch, "batches": task.sampling,
        "rate": task.rate,
    }  # fmt: skip
    seconds = times["swarm"].median
    mine = {**common, "name": "swarm", "how": "measured", "seconds_per_epoch": seconds, "preparing": preparing}
    mine |= {"seconds": float(times["swarm"].seconds.sum()), "different": different}
    if task.classes > 1:
        mine |= _accuracies(what, trained, fresh, task)
    found = [mine]
    steps = -(-len(x) // task.batch)
    for peer in others:
        each = peer.cost(times[peer.name].median, size.steps)
        found.append({
            **common, "name": peer.name, "how": f"extrapolated: {size.steps} steps of {peer.networks:,}",
            "seconds_per_epoch": each * steps * len(brains), "times": each * steps * len(brains) / seconds,
            "measured_steps": size.steps, "measured_networks": peer.networks,
        })  # fmt: skip
    return found + _elsewhere(common, task, size)


def _elsewhere(common: dict[str, Any], task: Task, size: Size) -> list[dict[str, Any]]:
    """What others measured of this task in full."""
    if (size.widths, size.repetitions, size.samples) != (WIDTHS, REPETITIONS, SAMPLES) or task.sampling != "shared":
        return []
    found = []
    if task.classes == 1 and (task.features, task.batch) in PUBLISHED:
        ways = ("CPU, parallel", "CPU, one by one", "GPU, parallel", "GPU, one by one")
        for way, seconds in zip(ways, PUBLISHED[task.features, task.batch], strict=True):
            found.append({**common, "name": way, "how": "published", "seconds_per_epoch": seconds})
    seconds = THEIRS.get((task.features, task.batch, task.classes))
    if seconds is not None:
        where = "published code, a 2-core machine"
        found.append({**common, "name": "ParallelMLPs", "how": where, "seconds_per_epoch": seconds})
    return found


def _torch(brains: Brains, task: Task, x: np.ndarray, y: np.ndarray, size: Size, threads: int) -> list[peers.Peer]:
    from . import parallelmlps_torch as room

    index = _some(task, x, size.steps)
    spread = np.unique(np.linspace(0, len(brains) - 1, size.sample).astype(np.int64))
    one = np.arange(len(brains) // size.repetitions)
    data = (x, y, index, task.batch, threads, TAUGHT)
    return [room.one_by_one(brains, spread, *data), room.wide(brains, one, *data)]


def _some(task: Task, x: np.ndarray, steps: int) -> np.ndarray:
    """The samples a peer meets: [steps batch]."""
    return np.arange(max(steps, CHECK) * task.batch) % len(x)


# --- what must hold --------------------------------------------------------------------------------------------------


def check(what: str, brains: Brains, task: Task, x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """Some networks must stand where the oracle has them after `CHECK` steps at a rate of `TAUGHT`, trained with all.

    Returns the seconds that our kernels took to compile or load.
    """
    task = replace(task, rate=TAUGHT)
    M = min(CHECK * task.batch, len(x))
    x, y = x[:M], y[:M]
    trained = brains.clone()
    run = task.fit(trained, x, y, seed)
    pairs = []
    for k in _spread(brains):
        index = met(M, task.batch, np.array([k]), sampling=task.sampling, seed=seed)
        start = weights_of(brains[k])
        right = train_oracle.descend(brains[k].mlp, start, x, y, index, task.batch, SGD(TAUGHT))[0]
        pairs.append((weights_of(trained[k]), right))
    train_checks.agree(what, pairs, train_checks.BOUND)
    return run.preparing


def _hold(peer: peers.Peer, brains: Brains, task: Task, x: np.ndarray, y: np.ndarray) -> None:
    """Some networks of a peer, likewise."""
    index = _some(task, x, CHECK)[None, : CHECK * task.batch]
    right = {}
    for k in peer.sample[np.unique(np.linspace(0, peer.networks - 1, CHECKED).astype(int))].tolist():
        start = weights_of(brains[k])
        right[k] = train_oracle.descend(brains[k].mlp, start, x, y, index, task.batch, SGD(TAUGHT))[0]
    train_checks.peer(peer, right)


def _follow(what: str, brains: Brains, task: Task, x: np.ndarray, y: np.ndarray, seed: int, run: Trained) -> None:
    """The timed epoch itself: the mean losses of some networks must be the oracle's."""
    for k in _spread(brains)[::6]:
        index = met(len(x), task.batch, np.array([k]), sampling=task.sampling, seed=seed)
        one = brains[k]
        loss = train_oracle.descend(one.mlp, weights_of(one), x, y, index, task.batch, SGD(task.rate))[1]
        train_checks.near(f"{what}: loss of network {k}", float(run.training_loss[k]), float(loss[0]), LOSS)


def _spread(brains: Brains) -> list[int]:
    return np.unique(np.linspace(0, len(brains) - 1, CHECKED).astype(int)).tolist()


def _accuracies(what: str, brains: Brains, fresh: tuple[np.ndarray, np.ndarray], task: Task) -> dict[str, float]:
    values = evaluate(brains, *fresh).accuracy
    assert values is not None
    return {
        "mean_accuracy": train_checks.accuracy(what, values, 0.5 / task.classes),
        "best_accuracy": float(values.max()),
        "ensemble_accuracy": float((mean_outputs(brains, fresh[0]).argmax(axis=1) == fresh[1]).mean()),
    }
