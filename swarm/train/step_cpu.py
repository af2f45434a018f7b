"""Steps of gradient descent on the CPU: a network stays in its core's cache for all steps of the call.

    rows    [N][stride] float32       read and written once per call
    index   [N | 1][B T] int32        read once
    x       [M][I] uint8 | float32    B rows of it per step, in the order of the index

Flops per net-step: 4 B I H for the first layer, 6 B H O for the others, all in the tiles of `tile_cpu`; bytes from
memory per net-step: B I of samples (MNIST: 50 kB) and two rows / T of parameters. A network is trained by one thread,
in one order: equal bits for any number of threads and any company.

Own batches lie anywhere in the data set: asking for the next batch before this one's forward pass hides that latency
(1.2x on MNIST, 784-32-10, batch 64).
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel
from swarm.train.backward_cpu import flat
from swarm.train.deal_cpu import deal
from swarm.train.network_cpu import backward, give_weights, meet, take_weights
from swarm.train.workspace import workspace


@kernel
def _sgd(
    start, stop, s, rows, stride, plan, zeros, turned, d, e, x, labels, targets, kind, mean, index, batch, rates,
    total,
):  # fmt: skip
    for n in range(start, stop):
        own = index[min(n, index.shape[0] - 1)]
        take_weights(rows, n * stride, s, plan, 0)
        for first in range(0, own.size, batch):
            count = min(batch, own.size - first)
            ahead = min(batch, own.size - first - count)
            total[n] += meet(s, plan, zeros, x, labels, targets, kind, mean, own, first, count, ahead, d)
            backward(s, plan, zeros, turned, d, e, count, 0, -rates[n])
        give_weights(rows, n * stride, s, plan, 0)


def sgd(rows, layout, samples, index, batch, rates, total):
    """As `step.sgd`, float32."""
    w = workspace(layout, min(batch, index.shape[1]))
    x, labels, targets, kind, mean = flat(samples)
    index, flat_rows = np.ascontiguousarray(index, np.int32), rows.reshape(-1)

    def work(start, stop, s):
        _sgd(
            start, stop, s, flat_rows, rows.shape[1], w.plan, w.zeros, w.turned, w.d, w.e, x, labels, targets, kind,
            mean, index, batch, rates, total,
        )  # fmt: skip

    deal(len(rows), w.size, work)
