"""The same training by other libraries: installed or not, one rule for all of them.

A peer starts where ours starts, meets the same samples, and states the seconds of its training alone: what it has to
compile, upload or copy back is done before and after. The libraries are no dependencies; what is missing is a note.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import machine
from .report import Report
from .train_oracle import Weights
from .train_problem import Problem

REST = 0.01  # s before every job: thread pools spin for a while, and must not do so on the next library's cores
PACKAGES = ("torch", "jax", "jaxlib")


@dataclass(frozen=True)
class Peer:
    """One way to train networks. `run(steps)` starts afresh and returns the seconds that its steps took.

    sample: which networks of the population it trains. result: where each of them stood after the last run, as many.
    """

    name: str
    run: Callable[[int], float]
    result: Callable[[], list[Weights]]
    sample: np.ndarray

    @property
    def networks(self) -> int:
        """How many it trains."""
        return len(self.sample)

    def cost(self, seconds: float, steps: int) -> float:
        """Seconds per network and step of a run of so many."""
        return seconds / (steps * self.networks)


def gather(report: Report, library: str, make: Callable[[], Iterable[Peer]]) -> list[Peer]:
    """The peers of one library; a note in the report instead when it is not installed."""
    try:
        return list(make())
    except ImportError:
        report.notes.append(f"{library} is not installed: left out.")
        return []


def stacked(report: Report, problem: Problem, threads: int, some: int | None = None) -> list[Peer]:
    """Every form of PyTorch and JAX that trains a problem of equal relu networks with cross-entropy.

    some: how many networks are trained one after the other; all of them by default.
    """

    def torch() -> Iterable[Peer]:
        from .peers_torch import forms

        return forms(problem, threads, some)

    def jax() -> Iterable[Peer]:
        from .peers_jax import forms

        return forms(problem)

    return gather(report, "torch", torch) + gather(report, "jax", jax)


def versions() -> dict[str, str]:
    """Of the libraries that are installed."""
    return machine.installed(*PACKAGES)


def taken(job: Callable[[], Any]) -> float:
    """For `harness.interleave`: the seconds a job says that it took."""
    return float(job())


def rest() -> None:
    """For `harness.interleave`: let the threads of the last job fall asleep."""
    time.sleep(REST)
