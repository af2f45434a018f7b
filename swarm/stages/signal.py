"""signal: an agent that speaks puts a message where it stands; it lasts for a while, and others sense it.

    class Voice(Component):
        message, at = f32(2), f32(2, unit="m")
        left, loud = i32(unit="tick", resets=True, transient=False), bool_(resets=True, transient=False)

    swarm.signal((Mind, "a", "b"), Voice.message, Voice.at, Voice.left, Body.pos, 30, (Mind, "call"), loud=Voice.loud)
    swarm.index(Voice.at, where=Voice.loud)        # next: whoever listens finds those that can be heard

A message stays where it was sent, however far its speaker goes. How far it carries is the listener's sense. Columns
that reset, as above, let newborns be silent; else they repeat what their parent says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.ecs.component import Column
from swarm.ecs.events import Message
from swarm.errors import SettingsError
from swarm.stages.mirror import HostStage, Mirror
from swarm.stages.pick import Pick, When
from swarm.stages.stage import Cost, need_column


def signal(
    said: Any,
    message: Column,
    at: Column,
    left: Column,
    pos: Column,
    lifetime: int = 1,
    when: Any = None,
    threshold: float = 0.0,
    loud: Column | None = None,
) -> Signal:
    """The stage that ages messages and sends new ones.

    said: what is said, float32 numbers of the agent: a column or (Mind, "say_a", "say_b"). message: float32 of as many,
    what can be heard; 0 when it is over. at: float32 [N, 2] m, where; pos: where the agent is. left: int32, ticks that
    the message will last, 0 = none. lifetime: in ticks, 1 or more; heard in this tick and in lifetime - 1 more. when:
    who speaks: None, all; a bool column; a float32 number above the threshold, such as (Mind, "call"). Who speaks while
    an own message lasts replaces it. loud: a bool column, set while there is a message, for `index(at, where=loud)`.
    Emits `swarm.Message` with the first number of what was said. Raises `SettingsError`, `SchemaError`.
    """
    return Signal(said, message, at, left, pos, lifetime, when, threshold, loud)


class Signal(HostStage):
    """See `signal`."""

    def __init__(
        self, said: Any, message: Column, at: Column, left: Column, pos: Column, lifetime: int, when: Any,
        threshold: float, loud: Column | None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.message = Pick(message, None, "message", "signal")
        self.said = Pick(said, self.message.width, "said", "signal")
        self.at, self.pos = (need_column(c, (2,), np.float32, "signal") for c in (at, pos))
        self.left = need_column(left, (), np.int32, "signal")
        self.loud = loud if loud is None else need_column(loud, (), np.bool_, "signal")
        if not isinstance(lifetime, (int, np.integer)) or isinstance(lifetime, bool) or lifetime < 1:
            raise SettingsError(f"signal: lifetime is {lifetime!r}, must be a whole number of ticks, 1 or more.")
        self.lifetime, self.when = int(lifetime), When(when, threshold, "signal")
        self.name = f"signal {message.key}"
        self.writes = (message, at, left, *((loud,) if loud is not None else ()))
        self.reads = (pos, self.said.column, *self.when.reads, left)
        self.columns = tuple(dict.fromkeys((*self.reads, *self.writes)))

    def __call__(self, world: Any, dt: float) -> None:
        ours = Mirror(world)
        for table in world.tables_with(*self.columns):
            left, message = ours.write(table, self.left), ours.write(table, self.message.column)
            speaking = self.when.of(ours, table)
            over = left == 1
            np.maximum(left - 1, 0, out=left)
            message[over] = 0
            said, shape = self.said.of(ours, table)[speaking], message.shape[1:]
            message[speaking], left[speaking] = said.reshape(-1, *shape), self.lifetime
            ours.write(table, self.at)[speaking] = ours.read(table, self.pos)[speaking]
            if self.loud is not None:
                ours.write(table, self.loud)[...] = left > 0
            if world.wants(Message):
                world.emit(Message, ours.ids(table, np.flatnonzero(speaking)), np.uint64(0), said[:, 0])
        ours.close()

    def describe(self) -> dict[str, Any]:
        own = {"said": self.said.key, "lifetime": self.lifetime, "when": self.when.key}
        return {**super().describe(), **own, "loud": None if self.loud is None else self.loud.key}

    def cost(self, world: Any) -> Cost:
        n = sum(table.n for table in world.tables_with(*self.columns))
        return Cost(n * (25 + 8 * self.message.width), n)
