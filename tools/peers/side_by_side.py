"""Jobs of several libraries in one run: validated first, then timed in turns, reported against ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from swarm.bench import harness
from swarm.bench.peers import gather  # noqa: F401  (for the peers)
from swarm.bench.report import Report

REST = 0.01  # s before every job: thread pools spin for a while, and must not do so on the next library's cores


@dataclass(frozen=True)
class Peer:
    """One way to do the work. `job` does it once; `result` gives the last outcome as NumPy, comparable with ours."""

    name: str
    job: Callable[[], object]
    result: Callable[[], np.ndarray]


def race(
    report: Report,
    ours: Peer,
    peers: list[Peer],
    bound: float,
    repeats: int,
    before: Callable[[], object] | None = None,
) -> None:
    """Fill the report. A peer whose result is further than `bound` from ours is an error, not a row."""

    def ready() -> None:
        if before is not None:
            before()
        time.sleep(REST)

    ready()
    ours.job()
    right = np.array(ours.result())
    errors = {ours.name: 0.0}
    for peer in peers:
        peer.job()
        errors[peer.name] = harness.close(peer.name, peer.result(), right, bound)
    jobs = {peer.name: peer.job for peer in (ours, *peers)}
    times = harness.interleave(jobs, repeats=repeats, warmups=3, limit=180, before=ready)
    base = times[ours.name].median
    for name, timing in sorted(times.items(), key=lambda item: item[1].median):
        report.rows.append({"name": name, **timing.row(), "times": timing.median / base, "error": errors[name]})
    report.settings |= {"bound": bound}
