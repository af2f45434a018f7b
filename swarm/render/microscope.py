"""The microscope: one agent, its senses, its brain at work, its kin, and what one may do to it. No window, no GL.

    notes = Notes()                              # one per world: the births, and what was cut where
    m = Microscope(world, id, notes)
    world.step(); m.update(world)                # between ticks; m.senses, m.layers, m.saliency, m.family are then new
    m.ablate_sense(world, 3)                     # and m.ablate_sense(world, 3, off=False)
    m.drive(world, m.steer({"left", "up"}))      # and m.drive(world, None)

Everything that changes the world goes through public calls of it; what is shown are copies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.ecs.override import mind_of
from swarm.errors import DeadError, SchemaError, SettingsError
from swarm.render import saliency, steering
from swarm.render.ablation import Ablations, Cut, own, parameters, place
from swarm.render.family import Family, Pedigree, fate

if TYPE_CHECKING:
    from swarm.world import World

TICKS = 240  # T, kept of the history
LATELY = 1 / 32  # what a look counts in the mean of late


@dataclass
class Notes:
    """What is known of a world's agents beyond one look: births, cuts, and whose brains were edited by hand."""

    pedigree: Pedigree = field(default_factory=Pedigree)
    ablations: Ablations = field(default_factory=Ablations)
    edited: set[int] = field(default_factory=set)

    def update(self, world: World) -> None:
        """Read the newborn; call it between ticks, so that a family is known before anybody looks."""
        self.pedigree.update(world)


class History(NamedTuple):
    """The last ticks that were looked at, at most `TICKS`, the oldest first: views, of this moment only."""

    senses: np.ndarray  # [T, S] float32
    actions: np.ndarray  # [T, A] float32
    ticks: np.ndarray  # [T] int64


class Microscope:
    """Looks at the entity `id` of a world. Raises `DeadError` where it does not live.

    It stays usable after the death: `alive` is False, the last look is kept, and what changes the world raises
    `DeadError`. A world that went back to when the agent lived has it alive again.
    """

    def __init__(self, world: World, id: int, notes: Notes | None = None) -> None:
        self.id = int(id)
        self.notes = notes or Notes()
        self.inspection = world.inspect(self.id)
        self.alive, self.died = True, -1
        self._took = False  # whether its actions were taken over here
        seen = self.inspection
        table = world.tables[seen.table]
        mind = mind_of(table)
        S, A = len(seen.senses), len(seen.actions)
        self.groups = {} if mind is None else {name: part.width for name, part in mind.parts.items()}
        self.names = tuple(seen.actions)
        self.shared = table.shared
        self._senses = np.zeros((2 * TICKS, S), np.float32)  # written twice, so that the last T lie side by side
        self._actions = np.zeros((2 * TICKS, A), np.float32)
        self._ticks = np.zeros(2 * TICKS, np.int64)
        self._count = 0
        self.mlp: Any = None
        self.network: saliency.Network | None = None
        self.thought: saliency.Thought | None = None
        self.slopes: tuple[np.ndarray, ...] = (np.zeros((A, S)),)  # of the actions by inputs and hidden units
        self.lately = np.zeros((A, S))  # mean size of `moved` over the last looks: what moves each action as a rule
        self.version = 0  # steps up with every look and edit
        self.family = Family()
        self._memory = seen.memory  # before the tick that is shown
        self._look(world)

    # ------------------------------------------------------------------ what is seen

    def update(self, world: World, again: bool = False) -> None:
        """Look again if the world's tick has changed since, or if told so. Between ticks only."""
        tick = world.tick
        if tick == self.inspection.tick and self.alive and not again:
            return
        before = self.inspection
        try:
            self.inspection = world.inspect(self.id)
        except DeadError:
            died = fate(world, self.id)[1]
            self.died = died if self.alive or died >= 0 else self.died  # later another may have its slot
            self.alive = False
            self.notes.update(world)
            self.family = self.notes.pedigree.family(world, self.id)
            return
        self.alive, self.died = True, -1
        self._memory = before.memory if tick == before.tick + 1 else self.inspection.memory
        self._look(world)

    @property
    def senses(self) -> np.ndarray:
        """What it senses, [S] float32."""
        return self._senses[self._at, : self._senses.shape[1]]

    @property
    def actions(self) -> np.ndarray:
        """What it last did, [A] float32; given from outside where it is `driving`."""
        return self._actions[self._at]

    @property
    def layers(self) -> tuple[np.ndarray, ...]:
        """What its brain makes of `senses` and the memory it had: hidden layers [H_k], then outputs [O]; () without.

        The memory is the one before the tick where the tick before was looked at, too; else it is that after it.
        """
        return () if self.thought is None else self.thought.layers

    @property
    def saliency(self) -> np.ndarray:
        """How much each action changes with each sense, [A, S]: exact slopes, memory held fixed; see saliency.py."""
        return self.slopes[0][:, : self._senses.shape[1]]

    @property
    def moved(self) -> np.ndarray:
        """What moves each action now, [A, S]: saliency times sense."""
        return self.saliency * self.senses

    def flows(self, action: int | None, inputs: float | None = None) -> tuple[np.ndarray, ...]:
        """What each connection brings to an action, [I_k, O_k] per layer; None: to the unit it leads to.

        inputs: what all inputs count as in the first layer, such as 1 to see what one that is 0 would do.
        """
        if self.network is None or self.thought is None:
            return ()
        thought = self.thought
        if inputs is not None:
            thought = thought._replace(inputs=np.full(len(thought.inputs), inputs))
        if action is not None:
            return saliency.flows(self.network, thought, self.slopes, action)
        before = (thought.inputs, *thought.layers[:-1])
        return tuple(h[:, None] * weight for h, weight in zip(before, self.network.weights))

    @property
    def history(self) -> History:
        """The senses and actions of the last ticks."""
        n = min(self._count, TICKS)
        span = slice(self._at + 1 - n, self._at + 1)
        return History(self._senses[span], self._actions[span], self._ticks[span])

    @property
    def driving(self) -> bool:
        """Whether its actions are given from outside."""
        return self.alive and self.inspection.overridden

    @property
    def ablated(self) -> frozenset[Cut]:
        """What is cut off: (0, k) is input k, (1 + layer, k) a hidden unit."""
        return self.notes.ablations.of(self.id) if self.alive else frozenset()

    @property
    def _at(self) -> int:
        """The row of the last tick in the upper copy of the ring."""
        return TICKS + (self._count - 1) % TICKS

    def _look(self, world: World) -> None:
        """Note the inspection, read the brain, think and differentiate."""
        seen = self.inspection
        if self._count and seen.tick <= self._ticks[self._at]:
            self._rewind(seen.tick)
        self._count += 1
        at = self._at
        for rows, values in (
            (self._senses, [sense.value for sense in seen.senses]),
            (self._actions, list(seen.actions.values())),
            (self._ticks, seen.tick),
        ):
            rows[at] = rows[at - TICKS] = values
        self._read(world)
        size = np.abs(self.moved)
        self.lately += (size - self.lately) * (1.0 if self._count == 1 else LATELY)
        self.notes.update(world)
        self.family = self.notes.pedigree.family(world, self.id)

    def _rewind(self, tick: int) -> None:
        """Keep the history before `tick`."""
        old = self.history
        keep = old.ticks < tick
        parts = [part[keep].copy() for part in old]
        self._count = int(keep.sum())
        for rows, part in zip((self._senses, self._actions, self._ticks), parts):
            rows[: self._count] = part
            rows[TICKS : TICKS + self._count] = part

    def _read(self, world: World) -> None:
        """The brain as it is now, what it makes of the inputs, and the slopes."""
        table = world.tables[self.inspection.table]
        mind = mind_of(table)
        self.network = self.thought = None
        self.version += 1
        if mind is None or table.brains is None:
            return
        brain = world.brain(self.id)
        self.mlp = brain.mlp
        if (brain.inputs, brain.outputs) != (mind.inputs, mind.outputs):
            return
        flat = parameters(brain)
        self.notes.ablations.check(self.id, flat)
        self.network = saliency.network(brain, flat)
        self.thought = saliency.think(self.network, np.concatenate([self.senses, self._memory]))
        self.slopes = saliency.slopes(self.network, self.thought, len(self.names))

    # ------------------------------------------------------------------ what is done

    def ablate_sense(self, world: World, k: int, off: bool = True) -> None:
        """Cut off input k (senses, then memory), or put it back. Errors as for `ablate_unit`."""
        self._cut(world, Cut(0, int(k)), off)

    def ablate_unit(self, world: World, layer: int, k: int, off: bool = True) -> None:
        """Cut off unit k of a hidden layer, or put it back; children born meanwhile inherit the cut. See ablation.py.

        Raises `SettingsError` for a unit that is not there, or a brain that several share; `DeadError`, `SchemaError`.
        """
        self._cut(world, Cut(int(layer) + 1, int(k)), off)

    def restore(self, world: World) -> None:
        """Put back all that is cut off. Raises `DeadError`."""
        for cut in self.ablated:
            self._cut(world, cut, False)

    def _cut(self, world: World, cut: Cut, off: bool) -> None:
        if self.notes.ablations.set(world, self.id, cut, off):
            self.notes.edited.add(self.id)
        self._read(world)

    def drive(self, world: World, actions: Any) -> None:
        """Do `actions` [A] from the next tick on, whatever the brain says; None gives it back. As `World.override`."""
        world.override(self.id, actions)
        self._took = actions is not None
        self.inspection = world.inspect(self.id)

    def give_back(self, world: World) -> None:
        """Let its brain act again, where `drive` has taken its actions over; nothing for one that is dead."""
        if self._took and self.driving and fate(world, self.id)[0]:
            self.drive(world, None)

    def steer(self, held: Collection[str], strength: float = 1.0) -> np.ndarray:
        """The actions [A] that the held keys, of "left", "right", "up" and "down", mean: see steering.py."""
        return steering.actions(self.names, held, strength)

    def copy_to(self, world: World, id: int) -> None:
        """Give another entity this brain as it is, cuts included; where both have theirs from one pool, its row.

        Raises `DeadError`, `SettingsError` where others share the brain of the other, and `SchemaError` where the
        architectures differ.
        """
        id = int(id)
        if id == self.id:
            raise SettingsError(f"copy: entity {id} has this brain already. Choose another one.")
        (mine, row), (theirs, other) = place(world, self.id), place(world, id)
        if mine.shared and theirs.shared and mine.brains is theirs.brains:
            theirs.brain[other] = mine.brain[row]
            self.notes.edited.add(id)
        else:
            self._give(world, id, world.brain(self.id).clone(), f"copy: entity {self.id}'s brain")

    def save(self, world: World, path: str | Path) -> None:
        """Write this brain as it is, cuts included, to a safetensors file. Raises `DeadError`, `SaveError`."""
        world.brain(self.id).save(path)

    def load_into(self, world: World, path: str | Path, id: int | None = None) -> None:
        """Give an entity, by default this one, the brain in a file; of several in a file the first.

        Raises `SaveError`, `NonFiniteError`, and what `copy_to` raises.
        """
        pool = Brains.load(path, backend="reference")
        if not len(pool):
            raise SettingsError(f"load: '{path}' holds no brain. Choose a file that 'save brain' wrote.")
        self._give(world, self.id if id is None else int(id), pool[0].clone(), f"load: the brain in '{path}'")

    def _give(self, world: World, id: int, brain: Brains, what: str) -> None:
        table, row = place(world, id)
        old = own(world, id, what.split(":")[0])
        mixed = isinstance(table.brains, MixedBrains)  # takes any architecture of its widths
        fits = (brain.inputs, brain.outputs) == (old.inputs, old.outputs)
        if brain.mlp != old.mlp and not (mixed and fits):
            raise SchemaError(
                f"{what} is {brain.mlp}, entity {id} of '{table.name}' has {old.mlp}. Choose a brain and an entity "
                "of one architecture."
            )
        if mixed:
            table.brains.set(row, brain)
        else:
            old.set(0, brain)
        self.notes.ablations.check(id, parameters(world.brain(id)))
        self.notes.edited.add(id)
        if id == self.id:
            self._read(world)

    @property
    def edited(self) -> tuple[int, ...]:
        """Whose brains were edited by hand since this was last asked: ids. Asking clears it."""
        ids = tuple(sorted(self.notes.edited))
        self.notes.edited.clear()
        return ids
