"""A mind: the senses, actions and memory of an agent, named once; widths and labels follow.

    Mind = swarm.mind(food=Sectors(8, radius=12, of=Plant.pos), energy=Own(Energy.level), actions=("x", "y"), memory=4)
    Mind.inputs, Mind.outputs         # 13 and 6: what its brains take and give
    agents[Mind].senses               # [n, 9];  .actions [n, 2];  .memory [n, 4]

`sense` fills the senses, `think` runs the brains from inputs_ (senses, memory) to outputs_ (actions, new memory) and
copies the new memory back. All of it is 0 at birth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from swarm.ecs.component import Column, Component
from swarm.errors import SettingsError
from swarm.stages.own import Own
from swarm.stages.sectors import Sectors

if TYPE_CHECKING:
    _Base = Component
else:
    _Base = object

__all__ = ["Mind", "Own", "Sectors", "mind"]

_TAKEN = ("inputs", "outputs", "inputs_", "outputs_", "senses", "paced", "thought")


class Mind(_Base):
    """What `mind` returns is a component class with these columns and attributes.

    inputs_ float32 [I]: senses, then memory. outputs_ float32 [O]: actions, then new memory. senses [S], memory [M] and
    actions [A] are parts of them; without memory there is no `memory` column. thought int64: the tick of the last
    thought, -1 = none so far; only where the mind is `paced`.
    """

    inputs_: ClassVar[Column]
    outputs_: ClassVar[Column]
    senses: ClassVar[Column]
    actions: ClassVar[Column]
    memory: ClassVar[Column]
    thought: ClassVar[Column]
    paced: ClassVar[bool]
    inputs: ClassVar[int]  # I = S + M
    outputs: ClassVar[int]  # O = A + M
    remembers: ClassVar[int]  # M
    parts: ClassVar[Mapping[str, Any]]  # name of a sense -> the sense, in order
    input_labels: ClassVar[tuple[str, ...]]  # one per input, such as "food 0..45 deg"
    output_labels: ClassVar[tuple[str, ...]]

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """Plain values: the senses with their geometry, labels of inputs and outputs, memory."""
        return {
            "senses": {name: part.describe() for name, part in cls.parts.items()},
            "inputs": list(cls.input_labels),
            "outputs": list(cls.output_labels),
            "memory": cls.remembers,
        }


def mind(name: str = "Mind", /, *, actions: Sequence[str], memory: int = 0, paced: bool = False, **senses: Any) -> Any:
    """A component class for agents that sense, think and act; see `Mind` for what it holds.

    name: the component's name in files and messages; give it where one world has several minds.
    actions: names of what the brain puts out. memory: how many numbers an agent keeps from tick to tick.
    paced: whether an agent keeps when it thought last, which a budget of `think` needs: 8 bytes.
    senses: name=Sectors(...) or name=Own(...), in the order in which the brain gets them.
    Raises `SettingsError`.
    """
    names = (actions,) if isinstance(actions, str) else tuple(actions)
    if not names or not all(isinstance(a, str) for a in names) or len(set(names)) < len(names):
        raise SettingsError(
            f'mind: actions={actions!r} must be one or more different names, such as ("push_x", "push_y").'
        )
    if not isinstance(memory, (int, np.integer)) or memory < 0:
        raise SettingsError(f"mind: memory={memory!r} must be a whole number, 0 or more.")
    if not senses:
        raise SettingsError(
            "mind: an agent without senses has nothing to think about. Name one: energy=Own(Energy.level)."
        )
    for key, part in senses.items():
        if key in _TAKEN:
            raise SettingsError(f"mind: a sense cannot be called '{key}'. Choose another name.")
        if not all(hasattr(part, wanted) for wanted in ("width", "labels", "fill", "describe")):
            raise SettingsError(f"mind: {key}={part!r} is no sense. Give Sectors(...) or Own(...).")
    S, A, M = sum(part.width for part in senses.values()), len(names), int(memory)
    inputs_, outputs_ = Column(np.float32, (S + M,)), Column(np.float32, (A + M,))
    recall = tuple(f"memory {k}" for k in range(M))
    content: dict[str, Any] = {
        "__doc__": f"{S} senses ({', '.join(senses)}), {A} actions ({', '.join(names)}), {M} memory; by swarm.mind.",
        "__module__": __name__,
        "resets": True,
        "inputs_": inputs_,
        "outputs_": outputs_,
        "senses": Column(np.float32, (S,), parent=inputs_, part=slice(0, S)),
        "actions": Column(np.float32, (A,), parent=outputs_, part=slice(0, A)),
        "inputs": S + M,
        "outputs": A + M,
        "remembers": M,
        "paced": bool(paced),
        "parts": dict(senses),
        "input_labels": (*(label for key, part in senses.items() for label in part.labels(key)), *recall),
        "output_labels": (*names, *recall),
        "describe": Mind.describe,
    }
    content["describe"] = classmethod(Mind.describe.__func__)  # type: ignore[attr-defined]
    if paced:
        content["thought"] = Column(np.int64, default=-1, transient=False)
    if M:
        content["memory"] = Column(np.float32, (M,), parent=inputs_, part=slice(S, S + M), transient=False)
    return type(name, (Component,), content)
