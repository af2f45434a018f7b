"""think: run every agent's brain once, from its senses and memory to its actions and new memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs import override
from swarm.errors import ScheduleError, SchemaError
from swarm.stages.stage import Cost, Stage, bad_value

_CACHED = 1 << 20  # bytes of a shared pool that stay in a core's cache however rows are ordered


def think(mind: Any) -> Think:
    """The stage that lets all agents with `mind` think: own brains (row = table row) or rows of a shared pool.

    Raises, when it runs, `ScheduleError` for a table without brains, `SchemaError` for brains of other widths,
    `NonFiniteError` naming entity and tick for an output that is NaN or infinite.
    """
    return Think(mind)


class Think(Stage):
    """See `think`."""

    def __init__(self, mind: Any) -> None:
        super().__init__()
        self.mind = mind
        self.name = f"think {mind.__name__}"
        self.reads = (mind.senses,)
        self.writes = (mind.actions, *((mind.memory,) if mind.remembers else ()))

    def __call__(self, world: Any, dt: float) -> None:
        mind, kernels = self.mind, world.backend.twin("swarm.stages.think")
        for table in world.tables_with(mind.inputs_):
            self.check(table)
            if not table.n:
                continue
            inputs, outputs = table.column(mind.inputs_), table.column(mind.outputs_)
            self.launch(world, table, inputs, outputs)
            bad = kernels.remember(outputs, mind.outputs - mind.remembers, inputs, mind.inputs - mind.remembers)
            if bad >= 0:
                self.accuse(world, table, bad)
            if override.any_driven(world):
                override.apply(world, mind, table)

    def launches_only(self, world: Any) -> bool:
        """See `Stage.launches_only`: rows of agents that are driven are looked up."""
        return not override.any_driven(world)

    def launch(self, world: Any, table: Any, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """outputs [N, O] from inputs [N, I], float32; brains of float64 compute in copies."""
        pool, n, scratch = table.brains, table.n, self.scratch(world)
        brain = table.brain
        kind = np.float64 if pool.dtype == np.float64 else np.float32
        if brain is None and kind == np.float32:
            pool.forward(inputs.reshape(n, 1, -1), outputs.reshape(n, 1, -1))
            return
        order = None
        if brain is not None:
            self.check_rows(world, table, brain, len(pool))
            if pool.row_bytes * len(pool) > _CACHED:  # agents of one brain one after the other
                narrow = brain.astype(np.uint16) if len(pool) <= 1 << 16 else brain  # which sorts in one pass
                order = np.argsort(narrow, kind="stable")
        x = scratch.array("x", inputs.size, kind)[: inputs.size].reshape(n, 1, -1)
        y = scratch.array("y", outputs.size, kind)[: outputs.size].reshape(n, 1, -1)
        x[:, 0] = inputs if order is None else inputs[order]
        pool.forward(x, y, brain if order is None or brain is None else brain[order])
        if order is None:
            outputs[:] = y[:, 0]
        else:
            outputs[order] = y[:, 0]

    def check(self, table: Any) -> None:
        """Raise unless the table has brains of this mind's widths."""
        pool, mind = table.brains, self.mind
        if pool is None:
            raise ScheduleError(
                f"think: table '{table.name}' has no brains. Spawn it with "
                f"brains=MLP(({mind.__name__}.inputs, 32, {mind.__name__}.outputs))."
            )
        for what, has, takes in (("senses", mind.inputs, pool.inputs), ("outputs", mind.outputs, pool.outputs)):
            if has != takes:
                verb = "take" if what == "senses" else "give"
                also = " and memory" if mind.remembers else ""
                width = f"({mind.__name__}.inputs, ...)" if what == "senses" else f"(..., {mind.__name__}.outputs)"
                raise SchemaError(
                    f"think: table '{table.name}' has {has} {what}{also}, its brains {verb} {takes}. "
                    f"Build them with `MLP({width})`."
                )

    def check_rows(self, world: Any, table: Any, brain: np.ndarray, count: int) -> None:
        """Raise unless every row of a shared pool that agents name is there; checked before it indexes memory."""
        if int(brain.min()) < 0 or int(brain.max()) >= count:
            self.accuse_row(world, table, int(np.flatnonzero((brain < 0) | (brain >= count))[0]))

    def accuse_row(self, world: Any, table: Any, row: int) -> None:
        """Raise `SchemaError` if the agent in `row` names a brain that the shared pool does not have."""
        number, count = int(world.backend.host(table.brain[row : row + 1])[0]), len(table.brains)
        if not 0 <= number < count:
            entity = int(world.backend.host(table.ids()[row : row + 1])[0])
            raise SchemaError(
                f"think: entity {entity} of table '{table.name}' has brain {number} at tick {world.tick}, the shared "
                f"pool holds {count}. Give numbers below {count}."
            )

    def accuse(self, world: Any, table: Any, row: int) -> None:
        """Raise for the agent in `row`: `SchemaError` for a brain that is not there, else `NonFiniteError` for its
        senses if they are to blame, or for what its brain put out."""
        if table.brain is not None:
            self.accuse_row(world, table, row)
        senses = world.backend.host(table.column(self.mind.senses)[row : row + 1])[0]
        if not np.isfinite(senses).all():
            label = self.mind.input_labels[int(np.flatnonzero(~np.isfinite(senses))[0])]
            raise bad_value(world, self, table, row, self.mind.senses, f"The sense '{label}' must be finite.")
        raise bad_value(
            world, self, table, row, self.mind.outputs_,
            "Its senses are finite, so a parameter of its brain is not, or is too large: look at world.brain(id).",
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "inputs": self.mind.inputs, "outputs": self.mind.outputs}

    def cost(self, world: Any) -> Cost:
        bytes, flops = 0, 0
        for table in world.tables_with(self.mind.inputs_):
            if table.brains is not None:
                count = sum(g.layout.count for g in table.brains.groups) / max(1, len(table.brains.groups))
                bytes += (len(table.brains) if table.brain is not None else table.n) * table.brains.row_bytes
                bytes += table.n * 4 * (self.mind.inputs + self.mind.outputs)
                flops += int(table.n * 2 * count)
        return Cost(bytes, flops)


# --- kernels: the reference; think_cpu.py has the twin ----------------------------------------------------------------


def remember(outputs: np.ndarray, actions: int, inputs: np.ndarray, senses: int) -> int:
    """Copy new memory from outputs [N, A + M] to inputs [N, S + M]; the first row that is not finite, or -1."""
    inputs[:, senses:] = outputs[:, actions:]
    finite = np.isfinite(outputs).all(axis=1)
    return -1 if finite.all() else int(np.argmin(finite))
