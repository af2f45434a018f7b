"""A network's training is its own: the same bits alone and in any company, order, cut into calls and threads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, SGD, Adam, AdamW, Brains, RMSprop, fit
from swarm.train import deal_cpu, optimizers
from swarm.train.evaluate import score
from swarm.train.field import Jitter
from tests.parity.descents import Descent, material

M, B, LENGTH, INPUTS, OUTPUTS = 50, 6, 27, 18, 5
MLPS = [
    MLP((INPUTS, 9, OUTPUTS), "relu"), MLP((INPUTS, OUTPUTS)), MLP((INPUTS, 20, 33, 4, OUTPUTS), "tanh"),
    MLP((INPUTS, 9, OUTPUTS), "gelu", bias=False),
]  # fmt: skip
POOL = 8  # brains there are; two of each architecture
DIVERGES = 6  # a brain whose rate takes it beyond the numbers there are
rng = np.random.default_rng(2)
INDEX = rng.integers(0, M, (POOL, LENGTH))
LENGTHS = np.array([27, 20, 27, 1, 26, 0, 27, 12])
WEIGHTS = (rng.random((POOL, LENGTH)) * (rng.random((POOL, LENGTH)) < 0.9)).astype(np.float32)
FACTORS = rng.random((POOL, -(-LENGTH // B))) + 0.5
SAMPLES = material("mse", M, INPUTS, OUTPUTS)
RATES = np.array([0.1, 0.05, 0.02, 0.1, 0.02, 0.1, 1e30, 0.02])
OPTIMIZERS = {
    "sgd": SGD(RATES),
    "sgd of every kind": SGD(
        RATES, momentum=[0, 0.9, 0, 0.5, 0, 0, 0, 0], nesterov=[0, 1, 0, 0, 0, 0, 0, 0], weight_decay=[0] * 7 + [0.1],
        clip=[np.inf, 0.3, 0.1, np.inf, np.inf, 1, np.inf, np.inf],
    ),
    "rmsprop": RMSprop(RATES / 10, momentum=[0, 0.5] * 4),
    "adam": Adam(RATES / 10, clip=[np.inf, 0.1] * 4, weight_decay=[0, 0, 0.1, 0] * 2),
    "adamw": AdamW(RATES / 10, beta1=[0.9, 0.5] * 4),
}  # fmt: skip
JITTER = Jitter(
    np.array([0, 0.5, 0, 0.2, 0, 0, 0, 0.3]), np.arange(POOL, dtype=np.uint32), 3,
    np.array([0, 0, 0.3, 0, 0, 0, 0, 0.1]), np.arange(POOL, dtype=np.uint32), 4,
)  # fmt: skip


def mask(brains: Brains, who: np.ndarray) -> list[np.ndarray | None] | None:
    """Brains 0 and 2 have parameters that do not train; None where neither is there."""
    if not np.isin(who, (0, 2)).any():
        return None
    found: list[np.ndarray | None] = []
    for group in brains.groups:
        own = np.ones((len(group), group.layout.stride), np.uint8)
        for row, k in zip(own, who[group.positions], strict=True):
            if k in (0, 2):
                row[np.random.default_rng(k).random(len(row)) < 0.3] = 0
        found.append(own if np.isin(who[group.positions], (0, 2)).any() else None)
    return found


def trained(who: Any, name: str, cuts: tuple[int, ...] = (), threads: int = 1) -> Descent:
    """These brains of the eight, in this order, after their training."""
    who = np.asarray(who)
    brains = Brains([MLPS[k % len(MLPS)] for k in who], backend="cpu", threads=threads, init="zeros")
    for brain, k in zip(brains, who, strict=True):
        brain.groups[0].rows[:] = Brains(MLPS[k % len(MLPS)], POOL, seed=7, backend="cpu").rows[k]
    optimizer = optimizers.part(OPTIMIZERS[name], who)
    jitter = JITTER.part(who) if JITTER.dropout[who].any() or JITTER.noise[who].any() else None
    descent = Descent(brains, SAMPLES, optimizer, B, jitter, mask(brains, who))
    edges = [0, *(B * cut for cut in sorted(cuts)), LENGTH]
    for start, stop in pairwise(edges):
        lengths = np.clip(LENGTHS[who] - start, 0, stop - start)
        factors = FACTORS[who, start // B : -(-stop // B)]
        descent(INDEX[who, start:stop], lengths, WEIGHTS[who, start:stop], factors)
    return descent


def own(descent: Descent, k: int) -> tuple:
    """What a brain is afterwards; the loss's sum to the bit, too."""
    return descent.row(k), descent.step[k], descent.active[k], descent.total[k : k + 1].tobytes()


_alone: dict = {}


def alone(k: int, name: str) -> tuple:
    if (k, name) not in _alone:
        _alone[k, name] = own(trained([k], name), 0)
    return _alone[k, name]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    who=st.lists(st.integers(0, POOL - 1), min_size=1, max_size=POOL, unique=True),
    name=st.sampled_from(list(OPTIMIZERS)), cuts=st.sets(st.integers(1, LENGTH // B), max_size=3),
    threads=st.sampled_from([1, 2]),
)  # fmt: skip
def test_any_company_order_cut_and_threads(who, name, cuts, threads):
    """Eight brains, each with its own architecture, batches, weights, rates, dropout, noise and mask, or without."""
    descent = trained(who, name, tuple(cuts), threads)
    for at, k in enumerate(who):
        assert own(descent, at) == alone(k, name), (k, who)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_neighbour_that_diverges_leaves_nothing_behind(name):
    """One thread has one workspace: the brain behind it meets its infinities wherever something is not cleared."""
    for k in range(POOL):
        if k != DIVERGES:
            descent = trained([DIVERGES, k], name)
            assert own(descent, 1) == alone(k, name)
    broken = trained([DIVERGES], name)
    assert not (broken.active[0] and np.isfinite(np.frombuffer(broken.row(0), np.float32)).all())


def poison(value: float) -> None:
    """Fill the workspaces that are kept for whoever comes next."""
    for own in deal_cpu._desks:
        own[:] = value


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_workspace_may_hold_anything(name):
    trained(range(POOL), name)  # so that there is one
    found = []
    for value in (np.nan, np.inf, 0.0, 1e30):
        poison(value)
        descent = trained(range(POOL), name)
        found.append([own(descent, k) for k in range(POOL)])
    assert found[0] == found[1] == found[2] == found[3]


def test_gradients_and_scores_depend_on_no_workspace():
    found = []
    for value in (np.nan, 0.0, 1e30):
        brains = Brains(MLPS, seed=7, backend="cpu")
        poison(value)
        gradients = [brain.groups[0].gradients(SAMPLES.x, SAMPLES.targets, loss="mse").tobytes() for brain in brains]
        poison(value)
        scores = score(brains, SAMPLES)
        found.append((gradients, scores.loss.tobytes()))
    assert found[0] == found[1] == found[2]


def test_what_the_neighbours_have_changes_nothing():
    """Others' momentum, clipping, decay, masks, dropout and noise: brain 4 has none of it, and its plain steps their
    bits."""
    plain = own(trained([4], "sgd"), 0)
    for others in ([0], [1], [2], [3], [7], [0, 1, 2, 3, 7]):
        assert own(trained([*others, 4], "sgd of every kind"), len(others)) == plain


def test_waves_have_equal_bits():
    """`fit` in waves of one, two and all."""
    found = []
    for wave in (1, 2, None):
        brains = Brains([MLPS[k % len(MLPS)] for k in range(POOL)], seed=7, backend="cpu")
        fit(brains, SAMPLES.x, SAMPLES.targets, loss="mse", optimizer=Adam(0.01), epochs=2, batch_size=B, wave=wave)
        found.append([brain.flat().tobytes() for brain in brains])
    assert found[0] == found[1] == found[2]
