"""think on CUDA: one launch for the brains of a table, one for memory; shared pools are sorted first, checked last."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.backend import cuda
from swarm.brain import batch_cuda, forward_cuda
from swarm.brain.mixed import MixedBrains
from swarm.stages.launch import site

STEM = "swarm.stages.think"


def run(stage: Any, world: Any, dt: float) -> None:
    """One tick of `think`. Raises as `Think` does for tables without brains or with brains of other widths."""
    mind = stage.mind
    for table in world.tables_with(mind.inputs_):
        stage.check(table)
        if not table.n:
            continue
        inputs, outputs = table.storage[mind.inputs_], table.storage[mind.outputs_]
        if table.brain is None:
            _own(stage, world, table).launch(inputs, outputs, world.ledger.array, int(site(world, table)))
        else:
            _shared(stage, world, table, inputs, outputs)
        if table.brain is not None or mind.remembers:  # else outputs were looked at where they were made
            _remember(world, table, mind)


def _remember(world: Any, table: Any, mind: Any) -> None:
    """New memory goes where the next senses are; outputs are looked at."""
    inputs, outputs = table.storage[mind.inputs_], table.storage[mind.outputs_]
    remember = cuda.current().module(STEM)["remember"]
    wide, senses = mind.inputs, mind.inputs - mind.remembers
    width, actions = mind.outputs, mind.outputs - mind.remembers
    numbers = np.int32(width), np.int32(actions), inputs, np.int32(wide), np.int32(senses)
    remember(table.capacity, world.ledger.array, site(world, table), outputs, *numbers, per=width)


def _own(stage: Any, world: Any, table: Any) -> Any:
    """The launch for brains of a table's own, kept by the stage because captured launches read its tables."""
    pool, kept, name = table.brains, stage.scratch(world).arrays, ("brains", table.index)
    groups: list[Any] = pool.launch_groups() if isinstance(pool, MixedBrains) else [(pool.rows, pool.layout)]
    key = (table.capacity, *((rows.data.ptr, layout, *map(_address, more)) for rows, layout, *more in groups))
    held = kept.get(name)
    if held is None or held[0] != key:
        if isinstance(pool, MixedBrains):
            job = forward_cuda.Plan(cuda.current(), groups, np.float32)
        else:
            job = forward_cuda.job(cuda.current(), pool.rows, pool.layout, table.capacity, np.float32)
        held = kept[name] = key, job
        cuda.current().changed()
    return held[1]


def _shared(stage: Any, world: Any, table: Any, inputs: Any, outputs: Any) -> None:
    """Brains of a shared pool: agents in the order of their brains, then one launch."""
    pool, kept, name = table.brains, stage.scratch(world).arrays, ("shared", table.index)
    device, brain = cuda.current(), table.storage["brain"]
    key = (table.capacity, len(pool), pool.rows.data.ptr, pool.layout)
    held = kept.get(name)
    if held is None or held[0] != key:
        many = table.capacity
        average = table.n / max(1, len(pool))
        job = batch_cuda.Job(device, pool.rows, pool.layout, many, 1, many, average, np.float32)
        order = batch_cuda.Order(lambda _, size, dtype: device.xp.empty(size, dtype), len(pool), many)
        held = kept[name] = key, job, order
        device.changed()
    _, job, order = held
    order.launch(device, brain, world.ledger.array, int(site(world, table)))
    job.launch(inputs, outputs, brain, order)


def _address(one: Any) -> Any:
    return one.data.ptr if hasattr(one, "data") else one
