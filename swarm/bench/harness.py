"""Timing that can be believed: warmed up, repeats of all jobs interleaved, results validated before they are reported.

Machines drift (heat, neighbours, clocks). Two jobs are therefore compared only within one call of `interleave`, where
they take turns; ratios of their medians are what a report should state.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.errors import SwarmError

Clock = Callable[[Callable[[], object]], float]  # runs a job, returns its seconds


class Invalid(SwarmError):
    """A measured result is wrong: its time is not reported, and nothing is saved."""


@dataclass(frozen=True)
class Timing:
    """The times of one job, seconds, in the order they were taken."""

    name: str
    seconds: np.ndarray

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.seconds, 99, method="higher"))

    @property
    def max(self) -> float:
        return float(self.seconds.max())

    @property
    def best(self) -> float:
        return float(self.seconds.min())

    def row(self) -> dict[str, float | int]:
        """What a report states of it, in milliseconds."""
        return {
            "median_ms": self.median * 1e3,
            "p99_ms": self.p99 * 1e3,
            "max_ms": self.max * 1e3,
            "best_ms": self.best * 1e3,
            "repeats": int(self.seconds.size),
        }


def wall(job: Callable[[], object]) -> float:
    """The seconds a job takes by the processor's clock."""
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def clock(backend: Any) -> Clock:
    """What times a job of `backend`: on a card events in its stream, which see kernels only; else the wall's clock."""
    device = backend.device
    if device is None:
        return wall

    def events(job: Callable[[], object]) -> float:
        with backend.running(), device.timer() as timer:
            job()
        return float(timer.seconds)

    return events


def on(backend: Any) -> AbstractContextManager[Any]:
    """Hold this around a whole benchmark: on a card its array code then works in the stream that is timed."""
    return nullcontext() if backend.device is None else backend.running()


def recorded(backend: Any, jobs: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
    """The jobs of a card as graphs, so that what is timed is kernels and not the launching of them; others as they are.

    Jobs must only launch; they have run before, so that nothing is allocated any more.
    """
    if backend.device is None:
        return dict(jobs)
    found: dict[str, Callable[[], object]] = {}
    for name, job in jobs.items():
        with backend.running(), backend.device.capture() as graph:
            job()
        found[name] = graph.launch
    return found


def interleave(
    jobs: Mapping[str, Callable[[], object]],
    repeats: int = 21,
    warmups: int = 2,
    limit: float = 60.0,
    before: Callable[[], object] | None = None,
    clock: Clock = wall,
) -> dict[str, Timing]:
    """Run `jobs` in turns and time each: `warmups` rounds that do not count, then `repeats` rounds that do.

    Every round starts with another job, so that none always follows the same one. After `limit` seconds no new round
    begins once three have counted. `before` runs ahead of every job, outside its time. Garbage is collected before the
    rounds, not during them. `clock` runs and times a job.
    """
    names = list(jobs)
    ready = before or (lambda: None)
    for _ in range(warmups):
        for name in names:
            ready()
            jobs[name]()
    taken: dict[str, list[float]] = {name: [] for name in names}
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        begun = time.perf_counter()
        for turn in range(repeats):
            if turn >= 3 and time.perf_counter() - begun > limit:
                break
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                ready()
                taken[name].append(clock(jobs[name]))
    finally:
        if enabled:
            gc.enable()
    return {name: Timing(name, np.asarray(seconds)) for name, seconds in taken.items()}


def fastest(times: Mapping[str, Timing], among: Mapping[str, object] | None = None) -> Timing:
    """The timing with the lowest median, of all or of the names in `among`."""
    return min((times[name] for name in (among or times)), key=lambda timing: timing.median)


def close(what: str, got: np.ndarray, right: np.ndarray, bound: float) -> float:
    """The largest absolute difference; raises `Invalid` when it is above `bound`, not finite, or the shapes differ."""
    if got.shape != right.shape:
        raise Invalid(f"{what}: the result has shape {got.shape}, the reference {right.shape}. Nothing is reported.")
    error = float(np.abs(got.astype(np.float64) - right.astype(np.float64)).max()) if got.size else 0.0
    if not error <= bound:
        raise Invalid(
            f"{what}: the result is {error:.3g} away from the reference (bound {bound:.3g}). Nothing is reported."
        )
    return error
