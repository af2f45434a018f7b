"""Ablation: a sense or a unit of one brain is cut off, and put back as it was.

A cut zeroes the weights that lead away from an input or a hidden unit: row k of the weights of the layer behind it. An
input that is cut has no say, whatever it is; a unit that is cut has none either, nor has its bias. The brain's
parameters are kept before the first cut and are written back, bit for bit, when it is undone. Children that are born
meanwhile inherit the brain as it is: with the cut.

While the brain is not as it was written last (another one was loaded, the time machine went back) nothing of it is cut
and what is there is left alone; once it is so again, its cuts are known again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from swarm.ecs.entity import locate
from swarm.errors import SettingsError

if TYPE_CHECKING:
    from swarm.brain.brains import Brains
    from swarm.world import World


class Cut(NamedTuple):
    """What is cut off: input `unit` for layer 0, else unit `unit` of hidden layer `layer` - 1."""

    layer: int
    unit: int


class _Cuts:
    """One brain: what it was [P], what was last written [P], both without gaps in the pool's dtype, and its cuts."""

    def __init__(self, flat: np.ndarray) -> None:
        self.before, self.written, self.cuts = flat.copy(), flat.copy(), set[Cut]()
        self.holds = True  # whether the brain was as it was written when it was checked last


class Ablations:
    """The cuts in the brains of a world, by the ids of their owners."""

    def __init__(self) -> None:
        self._of: dict[int, _Cuts] = {}

    def of(self, id: int) -> frozenset[Cut]:
        """What is cut off in the brain of one entity, as it was at the last `check`."""
        known = self._of.get(id)
        return frozenset(known.cuts) if known is not None and known.holds else frozenset()

    def set(self, world: World, id: int, cut: Cut, off: bool) -> bool:
        """Cut something off, or undo that; whether the brain was changed. See `Microscope.ablate_unit` for errors."""
        brain = own(world, id, "ablate")
        flat = parameters(brain)
        self.check(id, flat)
        _check(brain, id, cut)
        known = self._of.get(id)
        if known is None or not known.holds:
            known = _Cuts(flat)
        wanted = known.cuts | {cut} if off else known.cuts - {cut}
        if wanted == known.cuts:
            return False
        edited = known.before.copy()
        for layer, unit in wanted:
            edited[_row(brain, layer, unit)] = 0
        write(brain, edited)
        known.cuts, known.written = wanted, edited
        self._of[id] = known
        return True

    def check(self, id: int, flat: np.ndarray) -> None:
        """Look whether a brain is as it was written: then its cuts hold."""
        if id in self._of:
            self._of[id].holds = flat.tobytes() == self._of[id].written.tobytes()


def place(world: World, id: int) -> tuple[Any, int]:
    """Table and row of a living entity. Raises `DeadError`."""
    index, row = locate(world.ids, id, world.tick, False)
    return list(world.tables.values())[index], row


def own(world: World, id: int, what: str) -> Brains:
    """The brain of one entity, a pool of one that shares the memory, if nobody else has it.

    Raises `DeadError`, `SchemaError` where there are no brains, and `SettingsError` for one that several share.
    """
    brain = world.brain(id)
    table, row = place(world, id)
    if table.shared:
        sharers = [t for t in world.tables.values() if t.shared and t.brains is table.brains]
        count = sum(int((t.brain == int(table.brain[row])).sum()) for t in sharers)
        if count > 1:
            others = [f"'{t.name}'" for t in world.tables.values() if t.own_brains is not None and t.n]
            pick = f"Pick one of {' or '.join(others)}, or spawn" if others else "Spawn"
            raise SettingsError(
                f"{what}: {count - 1:,} others have the brain of entity {id}, too, and would change with it. "
                f"{pick} own brains: brains=pool.clone(rows)."
            )
    return brain


def parameters(brain: Brains) -> np.ndarray:
    """A copy [P] on the host of the parameters of the only brain of a pool of one, without gaps, in its dtype."""
    return np.array(brain.backend.host(brain.flat())[0])


def write(brain: Brains, flat: np.ndarray) -> None:
    """Put the parameters [P] in; the same bits where the dtype is the pool's."""
    brain.set(0, flat[None])


def _row(brain: Brains, layer: int, unit: int) -> slice:
    """Where the weights lie in `parameters` that lead away from an input or unit."""
    block = next(b for b in brain.layout.blocks if b.layer == layer and not b.is_bias)
    wide = brain.layout.layers[layer].outputs
    return slice(block.first + unit * wide, block.first + (unit + 1) * wide)


def _check(brain: Brains, id: int, cut: Cut) -> None:
    widths = brain.mlp.widths[:-1]
    if not (0 <= cut.layer < len(widths) and 0 <= cut.unit < widths[cut.layer]):
        hidden = ", ".join(f"{w} in hidden layer {k}" for k, w in enumerate(widths[1:])) or "no hidden ones"
        what = f"input {cut.unit}" if cut.layer == 0 else f"unit {cut.unit} of hidden layer {cut.layer - 1}"
        raise SettingsError(
            f"ablate: entity {id} has no {what}; its brain {brain.mlp} has {widths[0]} inputs, {hidden}. Counting "
            "begins at 0."
        )
