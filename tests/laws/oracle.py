"""The barrier in its plainest words: entities in a dict, one after the other. What the real one is held against."""

from __future__ import annotations

from dataclasses import dataclass, field

from swarm.backend import rng


@dataclass
class Oracle:
    """Entities by id: {"table": ..., "columns": {name: value}, "brain": ..., "parent": id, "born": tick}."""

    seed: int = 0
    caps: dict[str, int | None] = field(default_factory=dict)
    tick: int = 0
    living: dict[int, dict] = field(default_factory=dict)
    generation: dict[int, int] = field(default_factory=dict)  # slot -> how often it was given out
    free: set[int] = field(default_factory=set)
    refused: int = 0
    births: dict[str, list] = field(default_factory=dict)  # table -> [(parent id, values that replace the parent's)]
    deaths: set[int] = field(default_factory=set)

    def spawn(self, table: str, rows: list[dict], brains: list | None = None) -> list[int]:
        self.caps.setdefault(table, None)
        ids = []
        for k, columns in enumerate(rows):
            id = self._take()
            self.living[id] = {
                "table": table,
                "columns": dict(columns),
                "brain": brains[k] if brains else None,
                "parent": 0,
                "born": self.tick - 1,
            }
            ids.append(id)
        return ids

    def birth(self, parent: int, **values) -> None:
        self.births.setdefault(self.living[parent]["table"], []).append((parent, values))

    def kill(self, id: int) -> None:
        self.deaths.add(id)

    def barrier(self, resets: dict[str, object]) -> None:
        """resets: column -> default, for columns that newborns do not inherit."""
        old = {id: {**e, "columns": dict(e["columns"])} for id, e in self.living.items()}
        for table in self.caps:  # the tables in the order of spawning
            queue = sorted(self.births.get(table, []), key=lambda birth: birth[0])  # stable: k counts as asked
            for parent, values in self._admit(table, queue):
                id = self._take()
                columns = {**old[parent]["columns"], **resets, **values}
                brain = old[parent]["brain"]
                self.living[id] = {
                    "table": table,
                    "columns": columns,
                    "brain": brain,
                    "parent": parent,
                    "born": self.tick,
                }
        for id in self.deaths:
            del self.living[id]
            self.free.add(id >> 32)
        self.births, self.deaths = {}, set()
        self.tick += 1

    def _admit(self, table: str, queue: list) -> list:
        if self.caps[table] is None:
            return queue
        stay = sum(e["table"] == table and id not in self.deaths for id, e in self.living.items())
        room = max(0, self.caps[table] - stay)
        if len(queue) <= room:
            return queue
        priorities, k = [], {}
        for parent, _ in queue:
            turn = k[parent] = k.get(parent, -1) + 1
            keys = (self.seed, [parent >> 32], [parent & 0xFFFFFFFF], self.tick)
            words = rng.words(*keys, rng.stream("priority"), 2 * turn + 2)[0]
            priorities.append(int(words[2 * turn]) << 32 | int(words[2 * turn + 1]))
        chosen = sorted(sorted(range(len(queue)), key=lambda i: priorities[i])[:room])
        self.refused += len(queue) - room
        return [queue[i] for i in chosen]

    def _take(self) -> int:
        slot = min(self.free, default=max(self.generation, default=0) + 1)
        self.free.discard(slot)
        self.generation[slot] = self.generation.get(slot, 0) + 1
        return slot << 32 | self.generation[slot]


def state(world) -> dict[int, dict]:
    """A world's entities as the oracle holds them, by id; a brain is its row of parameters."""
    found, host = {}, world.backend.host
    for table in world.tables.values():
        columns = [c for k in table.components for c in k.columns if c.parent is None]
        for row, id in enumerate(table.ids().tolist()):
            brain = None
            if table.brains is not None:
                at = int(table.brain[row]) if table.shared else row
                brain = host(table.brains[at].flat()[0]).tobytes()
            found[id] = {
                "table": table.name,
                "columns": {c.key: host(table.column(c)[row]).tolist() for c in columns},
                "brain": brain,
                "parent": int(table.parents[row]),
                "born": int(table.born[row]),
            }
    return found
