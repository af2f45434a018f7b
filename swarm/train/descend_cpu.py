"""Steps of any optimizer on the CPU: a network, its gradient and its moments stay in a core's cache for all steps.

    rows    [N][stride] float32          read and written once per call
    state   [slots][N][stride] float32   moments, laid out as the rows; read and written once per call
    trains  [N | 1][stride] uint8        which parameters train; read once where there is a mask
    index   [N | 1][B T] int32           read once
    x       [M][I] uint8 | float32       B rows of it per step, in the order of the index

Workspace per thread: parameters, gradient, moments and mask in padded spans of equal length, then what `workspace` lays
out behind them (784-32-10 with Adam: 0.4 MB and the activations). Bytes per network in memory: 1 + slots times its
parameters, Adam 3. Flops per net-step: those of `step.cost` and the optimizer's own (`move_cpu`).

Plain descent with a schedule goes straight into the weights, as in `step_cpu`, and has the same bits as a momentum of 0
here: sums are taken first, then one fused multiply-add. A network is trained by one thread, in one order: equal bits
for any number of threads and any company.
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel
from swarm.train import optimizers
from swarm.train.backward_cpu import flat
from swarm.train.deal_cpu import deal
from swarm.train.move_cpu import ADAM, ADAMW, MOMENTUM, PLAIN, RMSPROP, move
from swarm.train.network_cpu import backward, give_weights, meet, take_mask, take_weights
from swarm.train.workspace import workspace

RULES = {optimizers.SGD: MOMENTUM, optimizers.RMSprop: RMSPROP, optimizers.Adam: ADAM, optimizers.AdamW: ADAMW}
_COLUMNS = (
    "learning_rate",
    "weight_decay",
    "clip",
    "",
    "",
    "epsilon",
    "nesterov",
)  # of the table, as `move_cpu` has it
_MOMENTS = {MOMENTUM: ("momentum", ""), RMSPROP: ("momentum", "decay")}


def table(optimizer, count):
    """The rule's code, and the hyper-parameters of each brain as kernels take them, float64 [N, 7]."""
    rule, values = RULES[type(optimizer)], np.zeros((count, 7))
    for k, name in enumerate((*_COLUMNS[:3], *_MOMENTS.get(rule, ("beta1", "beta2")), *_COLUMNS[5:])):
        value = getattr(optimizer, name, 0)
        values[:, k] = np.inf if value is None else value
    return rule, values


@kernel
def _descend(
    start, stop, s, rows, stride, plan, weights, zeros, turned, d, e, x, labels, targets, kind, mean, index, batch,
    rule, hyper, factors, slots, state, size, trains, step, total,
):  # fmt: skip
    masked, at = trains.size > 0, (2 + slots) * weights
    for n in range(start, stop):
        own, factor = index[min(n, index.shape[0] - 1)], factors[min(n, factors.shape[0] - 1)]
        take_weights(rows, n * stride, s, plan, 0)
        s[weights : 2 * weights] = np.float32(0)
        for k in range(slots):
            take_weights(state, k * size + n * stride, s, plan, (2 + k) * weights)
        if masked:
            take_mask(trains[min(n, trains.shape[0] - 1)], s, plan, at)
        for t in range((own.size + batch - 1) // batch):
            first = t * batch
            count = min(batch, own.size - first)
            ahead = min(batch, own.size - first - count)
            total[n] += meet(s, plan, zeros, x, labels, targets, kind, mean, own, first, count, ahead, d)
            if rule == PLAIN:
                backward(s, plan, zeros, turned, d, e, count, 0, -np.float32(hyper[n, 0] * factor[t]))
            else:
                backward(s, plan, zeros, turned, d, e, count, weights, np.float32(1))
                move(s, plan, weights, slots, masked, at, rule, hyper[n], factor[t], step + t + 1)
        give_weights(rows, n * stride, s, plan, 0)
        for k in range(slots):
            give_weights(state, k * size + n * stride, s, plan, (2 + k) * weights)


def descend(rows, layout, samples, index, batch, optimizer, factors, state, trains, step, total):
    """As `descend.descend`, float32, for the optimizers of `optimizers` and the losses that have names."""
    slots, masked = len(state), trains is not None
    rule, hyper = table(optimizer, len(rows))
    if rule == MOMENTUM and not slots and not masked and not hyper[:, 1].any() and np.isinf(hyper[:, 2]).all():
        rule = PLAIN
    w = workspace(layout, max(1, min(batch, index.shape[1])), 1 + slots + masked)
    x, labels, targets, kind, mean = flat(samples)
    index, source, memory = np.ascontiguousarray(index, np.int32), rows.reshape(-1), state.reshape(-1)
    factors = np.ascontiguousarray(factors, np.float64)
    trains = np.ascontiguousarray(trains) if masked else np.empty((0, 0), np.uint8)

    def work(start, stop, s):
        _descend(
            start, stop, s, source, rows.shape[1], w.plan, w.weights, w.zeros, w.turned, w.d, w.e, x, labels, targets,
            kind, mean, index, batch, rule, hyper, factors, slots, memory, rows.size, trains, step, total,
        )  # fmt: skip

    deal(len(rows), w.size, work)
