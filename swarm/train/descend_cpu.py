"""Steps of a whole population on the CPU: a network, its moments and its batch stay in a core's cache for all steps.

    rows    [n][stride] float32          of every field: read and written once per call
    state   [slots][n][stride] float32   moments, laid out as the rows; read and written once per call
    trains  [n | 1][stride] uint8        which parameters train; read once where there is a mask
    index   [N | 1][B T] int32           read once
    x       [M][I] uint8 | float32       B rows of it per step, in the order of the index

One call takes any mix of architectures: a network is found by the address of its row and brings its own plan, so
nothing is padded to the widest (pads in the workspace end with the visit), and no two networks share a sum.

Workspace per thread: parameters, moments and mask in padded spans of equal length, then what `workspace` lays out
behind them (784-32-10 with Adam: 0.3 MB and the activations). Bytes per network in memory: 1 + slots times its
parameters, Adam 3. Flops per net-step: those of `descend.cost` and the optimizer's own (`move_cpu`); fewer where
inputs are zero. Own batches lie anywhere in the data set: asking for the next batch before this one's forward pass
hides that latency (1.2x on MNIST, 784-32-10, batch 64).

A network is trained by one thread, in one order: equal bits for any number of threads and any company.
"""

from __future__ import annotations

import math

import numpy as np

from swarm.backend import rng
from swarm.backend.jit import kernel
from swarm.train import optimizers
from swarm.train.backward_cpu import flat
from swarm.train.deal_cpu import deal
from swarm.train.jitter_cpu import add_noise, draw_dropout
from swarm.train.learn_cpu import backward
from swarm.train.listed_cpu import ask_for_lists, list_samples
from swarm.train.loss_cpu import loss
from swarm.train.move_cpu import ADAM, ADAMW, CLIP, MOMENTUM, PLAIN, RATE, RMSPROP, settle
from swarm.train.network_cpu import (
    ask_for_samples,
    blank,
    drop,
    first_sparse,
    give_weights,
    layer,
    take_mask,
    take_samples,
    take_weights,
)
from swarm.train.sparse import GROUP
from swarm.train.workspace import (
    COLUMNS,
    CONSTANTS,
    FIRST,
    LAST,
    OFFSETS,
    WEIGHTS,
    ZEROS,
    D,
    workspace,
)

RULES = {optimizers.SGD: MOMENTUM, optimizers.RMSprop: RMSPROP, optimizers.Adam: ADAM, optimizers.AdamW: ADAMW}
_COLUMNS = ("learning_rate", "weight_decay", "clip", "", "", "epsilon", "nesterov")  # as `move_cpu` names them
_MOMENTS = {MOMENTUM: ("momentum", ""), RMSPROP: ("momentum", "decay")}
_BUCKETS = 256  # of lengths of lists
_ONE = np.float32(1)


def table(optimizer, count):
    """The rule's code, and the hyper-parameters of each of `count` brains as kernels take them, float64 [N, 7]."""
    rule, values = RULES[type(optimizer)], np.zeros((count, 7))
    for k, name in enumerate((*_COLUMNS[:3], *_MOMENTS.get(rule, ("beta1", "beta2")), *_COLUMNS[5:])):
        value = getattr(optimizer, name, 0)
        values[:, k] = np.inf if value is None else value
    return rule, values


@kernel(merges=True)
def _step(
    s, o, plan, n, x, labels, targets, kind, mean, own, weights, first, count, ahead, rule, hyper, factor, slots,
    masked, step, lists, disturbed, order, buckets, numbers, counts,
):  # fmt: skip
    """One batch of one network, own[first : first + count]: its loss; nothing is learned unless that is finite."""
    inputs, input_first, groups, group_first = lists
    dropout, dropout_names, noise, noise_names, keys = disturbed
    take_samples(x, own, first, count, s, plan)
    if weights.size > 0:
        blank(s, plan, weights, first, count)
    ask_for_samples(x, own, first + count, ahead, plan)
    if input_first.size > 0:
        ask_for_lists(inputs, input_first, own, first + count, ahead)
    if group_first.size > 0:
        ask_for_lists(groups, group_first, own, first + count, ahead)
    noisy = noise.size > 0 and noise[n] > 0
    if noisy:
        add_noise(s, plan, count, noise_names[n], step, keys[2], keys[3], np.float32(noise[n]))
    drops = dropout.size > 0
    for k in range(plan.shape[0]):
        if k == 0 and input_first.size > 0 and not noisy:
            first_sparse(s, o, plan, count, inputs, input_first, own, first, order, buckets)
        else:
            layer(s, o, plan, k, count)
        if drops and k < plan.shape[0] - 1:
            limit = np.uint32(min(math.floor(dropout[n] * 4294967296.0), 4294967295.0))
            kept = np.float32(1.0 / (1.0 - dropout[n]))
            draw_dropout(s, plan, k, count, dropout_names[n], step, keys[0], keys[1], limit, kept)
            drop(s, plan, k, count)
    share = _ONE / np.float32(count) if mean else _ONE
    value = loss(kind, s, plan, o, labels, targets, weights, own, first, count, share, o[D])
    if not math.isfinite(value):
        return value
    sparse = counts
    if group_first.size > 0 and not noisy:
        list_samples(groups, group_first, own, first, count, numbers, counts)
    else:
        sparse = counts[:0]
    if rule != PLAIN:
        settle(s, o[CONSTANTS], rule, hyper, factor, step + 1)
    backward(
        s, o, plan, count, rule, -np.float32(hyper[RATE] * factor), slots, masked, hyper[CLIP], drops, numbers, sparse
    )
    return value


@kernel
def _visit(
    start, stop, s, who, kind_of, rows, states, masks, plans, offsets, x, labels, targets, kind, mean, index, lengths,
    weights, batch, rule, hyper, factors, slots, masked, steps, active, total, lists, disturbed, order, buckets,
    numbers, counts, like,
):  # fmt: skip
    before = -1
    for at in range(start, stop):
        n = who[at]
        o = offsets[kind_of[n]]
        plan, span = plans[o[FIRST] : o[LAST]], o[WEIGHTS]
        if kind_of[n] != before:  # the span of zeros lies elsewhere
            before = kind_of[n]
            s[o[ZEROS] : o[CONSTANTS]] = np.float32(0)
        row = min(n, index.shape[0] - 1)
        own, factor = index[row], factors[min(n, factors.shape[0] - 1)]
        weight = weights[row] if weights.shape[0] > 0 else weights.reshape(-1)
        length = lengths[min(n, lengths.shape[0] - 1)]
        take_weights(rows[n], s, plan, np.int64(0))
        for k in range(slots):
            take_weights(states[n, k], s, plan, (1 + k) * span)
        if masked:
            take_mask(masks[n], like, s, plan, (1 + slots) * span)
        for t in range((length + batch - 1) // batch):
            first = t * batch
            count = min(batch, length - first)
            ahead = min(batch, length - first - count)
            value = _step(
                s, o, plan, n, x, labels, targets, kind, mean, own, weight, first, count, ahead, rule, hyper[n],
                factor[t], slots, masked, steps[n], lists, disturbed, order, buckets, numbers, counts,
            )  # fmt: skip
            if not math.isfinite(value):
                active[n] = False
                break
            total[n] += value
            steps[n] += 1
        give_weights(rows[n], s, plan, np.int64(0))
        for k in range(slots):
            give_weights(states[n, k], s, plan, (1 + k) * span)


class Plans:
    """The workspaces of all architectures of a population, and where each network's arrays are.

    kind_of [N] int32: its architecture; rows, masks [N], states [N, slots] int64: addresses; plans, offsets: tables of
    all architectures, one behind the other; size: of the largest workspace; cost [N]: of a step, about, in flops.
    """

    def __init__(self, fields, count, batch, slots, masked, whole, dropped):
        self.kind_of, self.cost = np.zeros(count, np.int32), np.zeros(count)
        self.rows, self.masks = np.zeros((2, count), np.int64)
        self.states = np.zeros((count, max(1, slots)), np.int64)
        self._keep = []
        spaces = [workspace(field.layout, batch, slots + masked, whole, dropped) for field in fields]
        self.plans = np.concatenate([space.plan for space in spaces]).reshape(-1, COLUMNS)
        self.offsets = np.stack([space.offsets for space in spaces]).reshape(-1, OFFSETS)
        self.size = max(space.size for space in spaces)
        first = 0
        for g, (field, space) in enumerate(zip(fields, spaces, strict=True)):
            at, stride = field.positions, field.layout.stride
            self.offsets[g, FIRST], self.offsets[g, LAST] = first, first + len(space.plan)
            first += len(space.plan)
            self.kind_of[at] = g
            self.rows[at] = _addresses(field.rows)
            for k in range(slots):
                self.states[at, k] = _addresses(field.state[k])
            if masked:
                trains = field.trains if field.trains is not None else np.ones((1, stride), np.uint8)
                self._keep.append(np.ascontiguousarray(trains))  # as long as its address is in use
                self.masks[at] = _addresses(self._keep[-1]) if len(trains) > 1 else self._keep[-1].ctypes.data
            self.cost[at] = 16 * field.layout.size + 6 * batch * field.layout.count


def _addresses(rows):
    """Where each row of a contiguous array begins."""
    assert rows.flags.c_contiguous, "rows must lie one behind the other"
    return rows.ctypes.data + np.arange(len(rows), dtype=np.int64) * rows.strides[0]


def _disturbed(jitter):
    """Dropout and noise as kernels take them: empty arrays where there is none."""
    none, names = np.empty(0), np.empty(0, np.uint32)
    if jitter is None:
        return none, names, none, names, np.zeros(4, np.uint32)
    dropout, noise = (a if a.any() else none for a in (jitter.dropout, jitter.noise))
    keys = np.array([*rng.key(jitter.dropout_seed), *rng.key(jitter.noise_seed)], np.uint32)
    names = (np.array(given, np.uint32) for given in (jitter.dropout_keys, jitter.noise_keys))
    return np.array(dropout), next(names), np.array(noise), next(names), keys


def descend(fields, samples, index, lengths, weights, batch, optimizer, factors, step, active, total, jitter=None):
    """As `descend.descend`, float32, for the optimizers of `optimizers` and the losses that have names."""
    N = len(step)
    rule, hyper = table(optimizer, N)
    slots, masked = len(fields[0].state), any(field.trains is not None for field in fields)
    if rule == MOMENTUM and not slots and not masked and not hyper[:, 1].any() and np.isinf(hyper[:, CLIP]).all():
        rule = PLAIN
    batch = max(1, min(batch, index.shape[1]))
    clipped, disturbed = bool(np.isfinite(hyper[:, CLIP]).any()), _disturbed(jitter)
    plans = Plans(fields, N, batch, slots, masked, clipped, len(disturbed[0]) > 0)
    x, labels, targets, kind, mean = flat(samples)
    sparse = samples.sparse
    lists = (sparse.inputs, sparse.first, sparse.groups, sparse.start)
    index, factors = np.ascontiguousarray(index, np.int32), np.ascontiguousarray(factors, np.float64)
    weights = np.empty((0, 0), np.float32) if weights is None else np.ascontiguousarray(weights, np.float32)
    who = np.flatnonzero(active & (lengths > 0))
    groups = -(-samples.x.shape[1] // GROUP) if len(sparse.start) else 0

    def work(start, stop, s):
        order, buckets = np.empty(batch, np.int32), np.empty(_BUCKETS, np.int64)
        numbers, counts = np.empty((groups, batch), np.int32), np.empty(groups, np.int32)
        _visit(
            start, stop, s, who, plans.kind_of, plans.rows, plans.states, plans.masks, plans.plans, plans.offsets, x,
            labels, targets, kind, mean, index, lengths, weights, batch, rule, hyper, factors, slots, masked, step,
            active, total, lists, disturbed, order, buckets, numbers, counts, np.empty(0, np.uint8),
        )  # fmt: skip

    deal(len(who), plans.size, work, plans.cost[who])
