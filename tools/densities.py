"""Where leaving out zero inputs begins to cost more than it saves: the first layer of 784-32-10, batch 64, both ways.

    python tools/densities.py

Prints microseconds of a layer's sums and of its gradient, dense and along the lists of `swarm.train.sparse`, by the
share of inputs (forward) and of groups of eight (gradient) that are on. `sparse.FORWARD` and `BACKWARD` state where the
ways cross.
"""

from __future__ import annotations

import time

import numpy as np

from swarm.backend.jit import kernel
from swarm.brain.mlp import MLP
from swarm.train import learn_cpu, listed_cpu, network_cpu, sparse
from swarm.train.workspace import E, W, workspace

BATCH, SAMPLES, ROUNDS = 64, 512, 200


@kernel
def dense_sums(rounds, s, o, plan):
    for _ in range(rounds):
        network_cpu.layer(s, o, plan, np.int64(0), BATCH)


@kernel
def listed_sums(rounds, s, o, plan, inputs, first, index, order, buckets):
    for r in range(rounds):
        at = (r % (SAMPLES // BATCH)) * BATCH
        network_cpu.first_sparse(s, o, plan, BATCH, inputs, first, index, at, order, buckets)


@kernel
def dense_gradient(rounds, s, o, plan, numbers, counts):
    for _ in range(rounds):
        learn_cpu._descend(s, o, plan, np.int64(0), o[E], BATCH, np.float32(-1e-9), BATCH < 0, numbers, counts)


@kernel
def listed_gradient(rounds, s, o, plan, numbers, counts, groups, start, index):
    for r in range(rounds):
        listed_cpu.list_samples(groups, start, index, (r % (SAMPLES // BATCH)) * BATCH, BATCH, numbers, counts)
        learn_cpu._descend(s, o, plan, np.int64(0), o[E], BATCH, np.float32(-1e-9), BATCH > 0, numbers, counts)


def best(job, *arguments) -> float:
    """Microseconds of a round, the best of seven."""
    job(1, *arguments)
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        job(ROUNDS, *arguments)
        times.append(time.perf_counter() - begin)
    return min(times) / ROUNDS * 1e6


def main() -> None:
    rng = np.random.default_rng(0)
    space = workspace(MLP((784, 32, 10), "relu").layout(), BATCH)
    plan, o, s = space.plan.copy(), space.offsets.copy(), np.zeros(space.size, np.float32)
    s[plan[0, W] : plan[0, W] + 784 * 32] = rng.standard_normal(784 * 32) * 0.05
    index, order, buckets = np.arange(SAMPLES, dtype=np.int32), np.empty(BATCH, np.int32), np.empty(256, np.int64)
    numbers, counts = np.empty((98, BATCH), np.int32), np.zeros(98, np.int32)
    print(f"dense: sums {best(dense_sums, s, o, plan):.1f} us,", end=" ")
    print(f"gradient {best(dense_gradient, s, o, plan, numbers, counts):.1f} us")
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        x = (rng.random((SAMPLES, 784)) < share).astype(np.float32)
        sums = best(listed_sums, s, o, plan, *sparse._lists(x, True, sparse._plain), index, order, buckets)
        x = np.repeat(rng.random((SAMPLES, 98)) < share, sparse.GROUP, axis=1).astype(np.float32)
        lists = sparse._lists(x, True, sparse._grouped)
        gradient = best(listed_gradient, s, o, plan, numbers, counts, *lists, index)
        print(f"{share:.1f} on: sums {sums:.1f} us, gradient {gradient:.1f} us", flush=True)


if __name__ == "__main__":
    main()
