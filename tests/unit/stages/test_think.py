"""think: brains see senses and memory, actions and new memory come back; errors name who and what."""

from __future__ import annotations

import re

import numpy as np
import pytest

import swarm
from swarm import MLP, Brains, Own
from swarm.errors import NonFiniteError, ScheduleError, SchemaError
from tests.unit.stages.worlds import Body, Energy, host, run, world

Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("x", "y"), memory=2)


def thinkers(backend: str, count: int = 50, brains=None, dtype: str = "float32", **spawn):
    w = world(backend)
    rng = np.random.default_rng(3)
    brains = MLP((Mind.inputs, 7, Mind.outputs)) if brains is None else brains
    ids = w.spawn(count, Body(pos=w.scatter, vel=rng.normal(size=(count, 2)).astype(np.float32)), Energy(), Mind(),
                  name="forager", brains=brains, dtype=dtype, **spawn)  # fmt: skip
    return w, w.tables["forager"], ids


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_outputs_are_the_brains_and_memory_comes_back(backend: str, dtype: str):
    w, table, _ = thinkers(backend, dtype=dtype)
    stages = swarm.sense(Mind), swarm.think(Mind)
    for _ in range(3):
        before = host(table, Mind.memory).copy()
        run(w, *stages)
        x = np.concatenate([host(table, Energy.level)[:, None], host(table, Body.vel), before], axis=1)
        want = w.backend.host(table.brains(x))
        assert np.allclose(host(table, Mind.outputs_), want, rtol=1e-5, atol=1e-6)
        assert np.array_equal(host(table, Mind.memory), host(table, Mind.outputs_)[:, 2:])
    assert np.abs(host(table, Mind.memory)).max() > 0


@pytest.mark.parametrize("hidden", [4, 4000])
def test_shared_pools_grouped_or_not(backend: str, hidden: int):
    """4000 hidden units make a pool too large for a core's cache, so agents are grouped by brain."""
    pool = Brains(MLP((Mind.inputs, hidden, Mind.outputs)), count=9, seed=1, backend=backend)
    rows = np.random.default_rng(0).integers(0, 9, 40)
    w, table, _ = thinkers(backend, 40, brains=pool, brain=rows)
    run(w, swarm.sense(Mind), swarm.think(Mind))
    x = np.concatenate([host(table, Energy.level)[:, None], host(table, Body.vel), np.zeros((40, 2))], axis=1)
    want = np.stack([w.backend.host(pool[int(r)](x[k : k + 1].astype(np.float32)))[0] for k, r in enumerate(rows)])
    assert np.allclose(host(table, Mind.outputs_), want, rtol=1e-4, atol=1e-5)


def test_mixed_hidden_layers():
    w, table, _ = thinkers("reference", 20, brains=[MLP((Mind.inputs, h, Mind.outputs)) for h in range(1, 21)])
    run(w, swarm.sense(Mind), swarm.think(Mind))
    x = np.concatenate([host(table, Energy.level)[:, None], host(table, Body.vel), np.zeros((20, 2))], axis=1)
    assert np.allclose(host(table, Mind.outputs_), table.brains(x), atol=1e-6)


def test_widths_that_do_not_fit():
    w, *_ = thinkers("reference", brains=MLP((4, 3, Mind.outputs)))
    text = (
        "think: table 'forager' has 5 senses and memory, its brains take 4. Build them with `MLP((Mind.inputs, ...))`"
    )
    with pytest.raises(SchemaError, match=re.escape(text)):
        run(w, swarm.sense(Mind), swarm.think(Mind))
    w, *_ = thinkers("reference", brains=MLP((Mind.inputs, 3, 1)))
    with pytest.raises(SchemaError, match=r"has 4 outputs and memory, its brains give 1"):
        run(w, swarm.sense(Mind), swarm.think(Mind))


def test_a_table_without_brains():
    w = world()
    w.spawn(3, Body(pos=w.scatter), Energy(), Mind(), name="forager")
    with pytest.raises(ScheduleError, match=r"table 'forager' has no brains. Spawn it with brains=MLP\(\(Mind.inputs"):
        run(w, swarm.sense(Mind), swarm.think(Mind))


def test_an_output_that_is_not_finite(backend: str):
    w, table, ids = thinkers(backend, 5000)
    table.brains.parameters[4321] = np.nan
    w.tick = 12
    with pytest.raises(
        NonFiniteError, match=f"entity {ids[4321]} of table 'forager'.*tick 12.*a parameter of its brain"
    ):
        run(w, swarm.sense(Mind), swarm.think(Mind))


def test_a_sense_that_is_not_finite(backend: str):
    w, table, ids = thinkers(backend, 10)
    table.column(Energy.level)[7] = np.nan
    with pytest.raises(NonFiniteError, match=rf"entity {ids[7]} .*The sense 'energy \(J\)' must be finite"):
        run(w, swarm.sense(Mind), swarm.think(Mind))


def test_a_brain_number_that_does_not_exist():
    pool = Brains(MLP((Mind.inputs, 3, Mind.outputs)), count=4, backend="reference")
    w, table, ids = thinkers("reference", 6, brains=pool, brain=np.zeros(6, np.int32))
    table.brain[2] = 4
    with pytest.raises(SchemaError, match=f"entity {ids[2]} .* has brain 4 .*holds 4"):
        run(w, swarm.sense(Mind), swarm.think(Mind))
