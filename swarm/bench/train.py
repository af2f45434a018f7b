"""`swarm bench train`: SGD on many networks at once against the best sgemm, against PyTorch and against JAX.

256 networks 784-32-10, batch 64, on MNIST. A network's step is counted as dense work, 4 B I H + 6 B H O flops
(`dense`), whatever is skipped: MNIST as it is (81% zeros) and the same images without a zero stand side by side. All
jobs take turns and state the seconds of their training alone. The peak is the best of several sgemm of 2048^3 in the
same turns. Ours trains whole epochs, a peer some steps of one: they are compared per network and step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.train import data as sets
from swarm.train.evaluate import evaluate
from swarm.train.fit import fit
from swarm.train.optimizers import SGD
from swarm.train.report import Report as Trained

from . import harness, peers, train_checks, train_memory, train_oracle
from .peers import Peer
from .report import Report
from .train_problem import CHECK, met, pose, weights_of
from .trial import Trial

NETWORKS, HIDDEN, BATCH, RATE = 256, 32, 64, 0.1
SAMPLES, QUICK_SAMPLES = 60_000, 1280  # of an epoch of ours
PEER_STEPS, QUICK_PEER_STEPS = 8, 2
PEAK = 2048  # rows and columns of the sgemm
TAUGHT = 100  # steps after which the accuracy must be well above chance
LOSS = 1e-3  # how far a network's mean loss over an epoch may be from the oracle's, relative

COLUMNS = {
    "name": ("", "s"),
    "batches": ("batches", "s"),
    "data": ("data", "s"),
    "median_ms": ("run ms", ",.1f"),
    "step_us": ("us/network-step", ".2f"),
    "gflops": ("GFLOP/s", ".1f"),
    "share": ("/ sgemm", ".3f"),
    "times": ("x ours", ".2f"),
    "error": ("largest difference", ".1e"),
}


def command(trial: Trial, samples: int | None = None) -> None:
    """Measure, print, save."""
    trial.at_least("--samples", samples, CHECK * BATCH)
    measure(trial, samples or (QUICK_SAMPLES if trial.quick else SAMPLES)).finish(trial.json)


def dense(mlp: MLP) -> int:
    """Flops per sample of one network's training when nothing is skipped: 6 I O a layer, the first, which hands nothing
    back, 4 I O."""
    pairs = zip(mlp.widths, mlp.widths[1:], strict=False)
    return sum((6 if k else 4) * i * o for k, (i, o) in enumerate(pairs))


@dataclass
class Ours:
    """Networks of ours on one data set with one way to sample; `run` trains an epoch from the same start."""

    brains: Brains
    x: np.ndarray
    y: np.ndarray
    batches: str
    data: str
    seed: int
    name: str = "swarm"
    after: Brains | None = field(default=None, repr=False)
    last: Trained | None = field(default=None, repr=False)

    def fit(self, brains: Brains, count: int) -> Trained:
        """One epoch over the first `count` samples."""
        x, y = self.x[:count], self.y[:count]
        return fit(brains, x, y, optimizer=SGD(RATE), batch_size=BATCH, sampling=self.batches, seed=self.seed)

    def run(self) -> float:
        """Seconds of training, from the start again."""
        self.after = self.brains.clone()
        self.last = self.fit(self.after, len(self.x))
        return self.last.seconds

    def validate(self) -> None:
        """What the last run left: finite, all different, and the first network's loss that of the oracle's."""
        assert self.last is not None and self.after is not None
        what = f"train, {self.batches} batches, {self.data}"
        train_checks.finite(what, self.last.training_loss)
        train_checks.different(what, self.after)
        index = met(len(self.x), BATCH, np.zeros(1, np.int64), sampling=self.batches, seed=self.seed)
        start = weights_of(self.brains[:1])
        right = train_oracle.descend(self.brains.mlp, start, self.x, self.y, index, BATCH, SGD(RATE))[1]
        train_checks.near(f"{what}: loss of network 0", self.last.training_loss[0], float(right[0]), LOSS)


def measure(trial: Trial, samples: int) -> Report:
    """All rows. Raises `harness.Invalid` when anything trained is not what the oracle has."""
    backend = device.choose("cpu", trial.threads)
    set_ = sets.mnist()
    x, y = set_.x[:samples], set_.y[:samples].astype(np.int64)
    full = np.maximum(x.astype(np.float32) / 255, np.float32(0.05))
    mlp = MLP((set_.inputs, HIDDEN, set_.classes), "relu")
    brains = Brains(mlp, trial.networks or NETWORKS, seed=trial.seed, backend=backend)
    steps = QUICK_PEER_STEPS if trial.quick else PEER_STEPS
    report = Report("train", COLUMNS, trial.seed)
    report.settings = {
        "networks": len(brains), "architecture": str(mlp), "batch": BATCH, "optimizer": f"SGD({RATE})",
        "samples": len(x), "zeros": float((x == 0).mean()), "threads": backend.threads, "peer_steps": steps,
        "versions": peers.versions(),
    }  # fmt: skip
    ours: list[Ours] = []
    others: list[tuple[str, Peer]] = []
    errors: dict[str, float] = {}
    for batches in ("own", "shared"):
        for data, inputs in (("no zeros", full), ("MNIST", x)):
            one = Ours(brains, inputs, y, batches, data, trial.seed)
            problem = pose(brains, inputs, y, SGD(RATE), BATCH, steps, batches, trial.seed)
            right = problem.right()
            what = f"train, {batches} batches, {data}"
            errors[_key(one)] = train_checks.ours(
                what, brains, problem, right, lambda some, one=one: one.fit(some, CHECK * BATCH)
            )
            ours.insert(len(ours) - (data == "MNIST"), one)
        for peer in [] if trial.alone else peers.stacked(report, problem, backend.threads):
            errors[f"{peer.name} {batches}"] = train_checks.peer(peer, right)
            others.append((batches, peer))

    jobs: dict[str, Callable[[], object]] = {"sgemm": _sgemm()}
    jobs |= {_key(one): one.run for one in ours}
    jobs |= {f"{peer.name} {batches}": lambda peer=peer: peer.run(steps) for batches, peer in others}
    repeats = trial.repeats or (3 if trial.quick else 5)
    times = harness.interleave(jobs, repeats, warmups=1, limit=300, before=peers.rest, clock=peers.taken)
    for one in ours:
        one.validate()
    _fill(report, times, errors, ours, others, steps)
    if len(x) >= TAUGHT * BATCH:
        _judge(report, ours[0], set_)
    memory = train_memory.measure(mlp, set_.x, set_.y, 8 if trial.quick else 64, BATCH, backend)
    report.figures["memory"] = memory
    report.notes += train_memory.notes(memory)
    report.notes.append(
        "Not in the seconds: reading and checking data, compiling and loading kernels, copies to and from a library, "
        "validation. In them: which sample comes when (ours), gathering the batch (all but 'laid')."
    )
    return report


def _key(one: Ours) -> str:
    return f"swarm {one.batches} {one.data}"


def _sgemm() -> Callable[[], float]:
    a, b = np.random.default_rng(0).standard_normal((2, PEAK, PEAK), np.float32)
    product = np.empty_like(a)
    return lambda: harness.wall(lambda: np.matmul(a, b, out=product))


def _fill(
    report: Report,
    times: dict[str, harness.Timing],
    errors: dict[str, float],
    ours: list[Ours],
    others: list[tuple[str, Peer]],
    steps: int,
) -> None:
    """The rows and the figures."""
    peak = 2 * PEAK**3 / times["sgemm"].best / 1e9
    flops = dense(ours[0].brains.mlp)
    best = {"name": f"NumPy sgemm {PEAK}^3, the best", "gflops": peak, "share": 1.0}
    report.rows.append({**best, **times["sgemm"].row()})
    base: dict[str, float] = {}

    def row(key: str, samples: int, networks: int, **more: Any) -> dict[str, Any]:
        each = times[key].median / samples / networks
        rate = flops / each / 1e9
        found = {**more, **times[key].row(), "step_us": each * BATCH * 1e6, "gflops": rate, "share": rate / peak}
        report.rows.append({**found, "error": errors[key], "networks": networks, "steps": samples / BATCH})
        return report.rows[-1]

    for one in ours:
        found = row(_key(one), len(one.x), len(one.brains), name=one.name, batches=one.batches, data=one.data)
        base.setdefault(one.batches, found["step_us"])
    for batches, peer in others:
        key = f"{peer.name} {batches}"
        found = row(key, steps * BATCH, peer.networks, name=peer.name, batches=batches, data="any")
        found["times"] = found["step_us"] / base[batches]
    against = [r for r in report.rows if "times" in r]
    shared = [r["times"] for r in against if r["batches"] == "shared"]
    report.figures = {
        "sgemm_gflops": peak,
        "seconds": times[_key(ours[0])].median,
        "share": {f"{r['batches']} {r['data']}": r["share"] for r in report.rows if r["name"] == "swarm"},
        "peers": against,
        "best_shared_peer": min(shared, default=None),
    }
    report.notes.append("x ours: a peer's time per network and step / ours on MNIST with the same kind of batches.")


def _judge(report: Report, one: Ours, set_: sets.DataSet) -> None:
    """What the networks of the first row learned in their epoch."""
    assert one.after is not None
    values = evaluate(one.after, set_.x_test, set_.y_test).accuracy
    assert values is not None
    mean = train_checks.accuracy("train", values, 3 / set_.classes)
    report.figures["mean_accuracy"] = mean
    report.notes.append(f"Test accuracy after the epoch, own batches: {mean:.2%}, worst {values.min():.2%}.")
