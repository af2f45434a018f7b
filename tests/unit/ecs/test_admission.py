"""Who is admitted under a cap: the priorities are the stream's own values, one after the other."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from swarm.backend import rng
from swarm.ecs import admission


def test_priorities_are_the_values_of_the_stream():
    slots, generations = np.arange(1, 90, dtype=np.uint32), np.arange(89, dtype=np.uint32) % 5
    words = rng.words(7, slots, generations, 12, rng.stream("priority"), 200)
    for p in (0, 1, 15, 16, 17, 63, 64, 130, 199):
        value = admission._value(7, slots, generations, 12, np.full(89, p))
        assert (value == words[:, p]).all()


def test_the_lowest_priorities_are_let_in_and_siblings_draw_apart():
    parent = np.repeat(np.arange(40), 3)
    slots, generations = np.arange(1, 41, dtype=np.uint32), np.ones(40, np.uint32)
    table = SimpleNamespace(slots=slots, generations=generations)
    chosen = admission.admit(SimpleNamespace(seeds=3, ticks=5), table, parent, 17)
    words = rng.words(3, slots, generations, 5, rng.stream("priority"), 6).astype(np.uint64)
    priority = (words[:, 0::2] << np.uint64(32) | words[:, 1::2]).reshape(-1)  # [parent, k]
    assert sorted(np.argsort(priority)[:17].tolist()) == chosen.tolist()
    assert len(admission.admit(SimpleNamespace(seeds=3, ticks=5), table, parent, 0)) == 0
