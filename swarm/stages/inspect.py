"""inspect: one agent under the microscope. What it senses, what its brain makes of it, what it does, with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.override import driven, mind_of

if TYPE_CHECKING:
    from swarm.world import World


class Sensed(NamedTuple):
    """One number that a mind senses."""

    label: str  # such as "food 0..45 deg"
    value: float  # as the brain gets it
    unit: str  # of the value; "" where it has none


@dataclass(frozen=True)
class Inspection:
    """What `world.inspect(id)` returns: copies on the host, safe to keep. Printed, it is a page of text.

    An entity without a mind has no senses, geometry, memory, activations or actions; one without a brain no
    activations.
    """

    id: int
    table: str
    tick: int
    parent: int  # its parent's id; 0: it was spawned
    born: int  # the tick at whose end it entered; -1: before the first
    columns: Mapping[str, Any]  # "Energy.level" -> value, all but the mind's own
    senses: tuple[Sensed, ...]  # as `sense` last filled them
    geometry: Mapping[str, Any]  # name of a sense -> what its `describe` says
    memory: np.ndarray  # [M] float32
    brain: str  # the architecture; "" for none
    activations: tuple[np.ndarray, ...]  # [H_k] each, hidden layers first, of senses and memory as they stand
    actions: Mapping[str, float]  # name -> value: what it last did
    overridden: bool  # whether the actions are given from outside

    def __str__(self) -> str:
        lines = [f"entity {self.id} of '{self.table}' at tick {self.tick}, parent {self.parent}, born {self.born}"]
        lines += [f"  {key} = {value}" for key, value in self.columns.items()]
        lines += [f"  senses {s.label} = {s.value:.4g} {s.unit}".rstrip() for s in self.senses]
        lines += [f"  memory = {self.memory}"] if len(self.memory) else []
        lines += [f"  brain {self.brain}"] if self.brain else []
        how = " (given from outside)" if self.overridden else ""
        lines += [f"  does {name} = {value:.4g}{how}" for name, value in self.actions.items()]
        return "\n".join(lines)


def inspect(world: World, id: int) -> Inspection:
    """See `World.inspect`. Raises `DeadError`."""
    entity = world.get(id)
    table = world.tables[entity.table]
    mind = mind_of(table)
    columns = {c.key: entity[c] for c in entity.values if mind is None or c.owner is not mind}
    about = (entity.id, entity.table, entity.tick, entity.parent, entity.born, columns)
    brain = None if table.brains is None else world.brain(id)
    name = "" if brain is None else str(brain.mlp)
    if mind is None:
        return Inspection(*about, (), {}, np.empty(0, np.float32), name, (), {}, False)
    inputs, outputs = entity[mind.inputs_], entity[mind.outputs_]
    S, A = mind.inputs - mind.remembers, mind.outputs - mind.remembers
    units = [unit for part in mind.parts.values() for unit in units_of(part)]
    senses = tuple(map(Sensed, mind.input_labels[:S], inputs[:S].tolist(), units))
    layers: tuple[np.ndarray, ...] = ()
    if brain is not None and brain.inputs == mind.inputs:
        layers = tuple(layer[0, 0] for layer in brain.to("reference").activations(inputs[None]))
    actions = dict(zip(mind.output_labels[:A], outputs[:A].tolist()))
    given = bool((driven(world)[0] == np.uint64(entity.id)).any())
    return Inspection(*about, senses, mind.describe()["senses"], inputs[S:].copy(), name, layers, actions, given)


def units_of(part: Any) -> list[str]:
    """The unit of each number of a sense, as its `describe` has it under "units", one each, or "unit", one for all."""
    facts = part.describe()
    if "units" in facts:
        return [str(unit) for unit in facts["units"]]
    unit, scale = str(facts.get("unit", "")), facts.get("scale", 1.0)
    if unit and scale not in (0, 1):
        unit = f"{1 / scale:g} {unit}"  # a tenth of a speed counts tens of m/s
    return [unit] * part.width
