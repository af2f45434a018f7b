"""Everyone within a radius on a torus: SciPy's k-d tree, counting only and with the flocking sums."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from side_by_side import Peer, gather, race

from swarm.backend import device
from swarm.bench.neighbours import RADIUS, Pass
from swarm.bench.report import Report

NEIGHBOURS = 17
BOUND = 0.05  # counts of pairs at the very edge of the radius may differ by rounding; compared are the means


def compare(words: argparse.Namespace, report: Report) -> None:
    """Positions move before every job, for everybody."""
    backend = device.choose("cpu", words.threads)
    crowd = Pass(words.agents or 100_000, NEIGHBOURS, words.seed, backend)
    crowd.move()
    mean = crowd.validate(crowd.both())
    report.settings |= {"agents": len(crowd.pos), "neighbours": mean, "threads": backend.threads}
    report.notes.append(f"{len(crowd.pos):,} agents, {mean:.2f} neighbours each, {backend.threads} threads")
    ours = Peer("swarm: index and flocking sums", crowd.both, lambda: means(crowd))
    peers = gather(report, "scipy", lambda: with_scipy(crowd, backend.threads))
    race(report, ours, peers, BOUND, words.repeats, before=crowd.move)


def means(crowd: Pass) -> np.ndarray:
    """Mean count, velocity and offset sums over everybody, at the positions of now."""
    return crowd.both()[:, :5].astype(np.float64).mean(0)


def with_scipy(crowd: Pass, threads: int) -> Iterator[Peer]:
    """Trees without balancing and compaction, which their documentation advises where a tree is queried once."""
    from scipy.spatial import cKDTree

    last: dict[str, np.ndarray] = {}
    size = float(np.float32(crowd.side))

    def tree() -> cKDTree:
        return cKDTree(crowd.pos, balanced_tree=False, compact_nodes=False, boxsize=size)

    def count() -> None:
        last["count"] = tree().query_ball_point(crowd.pos, RADIUS, workers=threads, return_length=True)

    def sums() -> None:
        found = tree().query_pairs(RADIUS, output_type="ndarray")
        i, j = found[:, 0], found[:, 1]
        offset = crowd.pos[j] - crowd.pos[i]
        offset -= size * np.rint(offset / size)
        n = len(crowd.pos)
        out = np.empty((n, 5))
        out[:, 0] = np.bincount(i, minlength=n) + np.bincount(j, minlength=n)
        for k in range(2):
            vel = crowd.vel[:, k]
            out[:, 1 + k] = np.bincount(i, vel[j], n) + np.bincount(j, vel[i], n)
            out[:, 3 + k] = np.bincount(i, offset[:, k], n) - np.bincount(j, offset[:, k], n)
        last["sums"] = out

    def counted() -> np.ndarray:
        count()
        right = means(crowd)
        right[0] = last["count"].mean() - 1  # everybody finds itself
        return right

    def summed() -> np.ndarray:
        sums()
        return last["sums"].mean(0)

    yield Peer("scipy cKDTree: build and count only", count, counted)
    yield Peer("scipy cKDTree: build, pairs and sums", sums, summed)
