"""The minds in a replay: each brain once, in float16, and now and then what all of them sense.

When there is no room for more, half of the brains are dropped, by a rule that looks at ids only (`kept`), so that those
who stay are a fair sample of all; or every second set of senses. Brains of a shared pool are few and stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swarm.ecs.override import mind_of
from swarm.render.replay.packing import joined, pack, planes, unpack

BLOCK = 256  # brains that are decoded together


def kept(ids: np.ndarray, every: int) -> np.ndarray:
    """bool [n]: whose brains are stored when one of `every`, a power of two, is. Who is kept among 2k is among k."""
    mixed = (ids >> np.uint64(32)) * np.uint64(0x9E3779B1) + (ids & np.uint64(0xFFFFFFFF)) * np.uint64(0x85EBCA77)
    return (mixed >> np.uint64(15)) & np.uint64(every - 1) == 0


@dataclass
class Block:
    """Brains of one table and one architecture: ids u64 [n], or rows of a shared pool; the packed parameters."""

    table: str
    architecture: int
    ids: np.ndarray
    data: bytes


class Minds:
    """What is stored of brains and senses. `note` once per frame."""

    def __init__(self, every: int) -> None:
        self.architectures: list[dict[str, Any]] = []
        self.blocks: list[Block] = []
        self.one_in = 1  # brains that are stored
        self.every = every  # ticks between two sets of senses
        self.senses: dict[int, bytes] = {}  # by tick
        self.tables: dict[str, dict[str, Any]] = {}  # names of senses and actions
        self._seen: dict[str, np.ndarray] = {}
        self._waiting: dict[tuple[str, int], list[tuple[np.ndarray, np.ndarray]]] = {}

    def note(self, world: Any, senses: bool) -> None:
        """Take the brains of all who are new, and their senses if `senses`."""
        felt: dict[str, np.ndarray] = {}
        for name, table in world.tables.items():
            mind = mind_of(table)
            if mind is None or table.brains is None or not table.n:
                continue
            if name not in self.tables:
                self.tables[name] = {**mind.describe(), "shared": bool(table.shared)}
            host = world.backend.host
            ids = host(table.ids())
            self._take(world, name, table, ids)
            if senses:
                rows = np.argsort(ids)
                rows = rows if table.shared else rows[kept(ids[rows], self.one_in)]
                values = host(table.column(mind.inputs_))[rows].astype(np.float16)
                felt |= {f"{name}.ids": planes(ids[rows]), f"{name}.values": planes(values.T.view(np.uint16))}
                if table.shared:
                    felt[f"{name}.brain"] = host(table.brain)[rows].astype(np.uint32)
        if felt:
            self.senses[int(world.tick)] = pack(felt)

    def _take(self, world: Any, name: str, table: Any, ids: np.ndarray) -> None:
        """Store the brains of those who were not there at the last note."""
        seen = self._seen.get(name, np.zeros(0, np.uint64))
        if table.shared:
            rows = np.zeros(0, np.int64) if len(seen) else np.arange(len(table.brains))
            self._seen[name], ids = np.ones(1, np.uint64), np.arange(len(table.brains), dtype=np.uint64)
        else:
            rows = np.flatnonzero(~np.isin(ids, seen) & kept(ids, self.one_in))
            self._seen[name] = ids
        for group in table.brains.groups if len(rows) else ():
            positions = np.asarray(group.positions)
            inside = np.flatnonzero(np.isin(positions, rows))
            if not len(inside):
                continue
            about = group.mlp.describe()
            if about not in self.architectures:
                self.architectures.append(about)
            block = name, self.architectures.index(about)
            waiting = self._waiting.setdefault(block, [])
            waiting.append((ids[positions[inside]], _parameters(world, group, inside)))
            if sum(len(part) for part, _ in waiting) >= BLOCK:
                self.settle(block)

    def settle(self, *blocks: tuple[str, int]) -> None:
        """Pack what waits for its block to fill, of these or of all."""
        for block in blocks or tuple(self._waiting):
            parts = self._waiting.pop(block)
            self._store(block, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))

    def _store(self, block: tuple[str, int], ids: np.ndarray, parameters: np.ndarray) -> None:
        for k in range(0, len(ids), BLOCK):
            data = pack({"parameters": planes(parameters[k : k + BLOCK].view(np.uint16))})
            self.blocks.append(Block(*block, ids[k : k + BLOCK], data))

    def thin_brains(self) -> None:
        """Drop half of the brains, and the senses of those who lose theirs."""
        self.settle()
        self.one_in *= 2
        old, self.blocks = self.blocks, []
        for block in old:
            if self.tables[block.table]["shared"]:
                self.blocks.append(block)
                continue
            stay = kept(block.ids, self.one_in)
            parameters = joined(unpack(block.data)["parameters"], np.float16).reshape(len(block.ids), -1)
            key = block.table, block.architecture
            self._waiting.setdefault(key, []).append((block.ids[stay], parameters[stay]))
            if sum(len(part) for part, _ in self._waiting[key]) >= BLOCK:
                self.settle(key)
        self.senses = {tick: self._fewer(data) for tick, data in self.senses.items()}

    def _fewer(self, data: bytes) -> bytes:
        """A set of senses without those whose brains are not stored."""
        arrays = unpack(data)
        for name, about in self.tables.items():
            if about["shared"] or f"{name}.ids" not in arrays:
                continue
            ids = joined(arrays[f"{name}.ids"], np.uint64)
            stay = kept(ids, self.one_in)
            values = joined(arrays[f"{name}.values"], np.uint16).reshape(-1, len(ids))
            arrays |= {f"{name}.ids": planes(ids[stay]), f"{name}.values": planes(values[:, stay])}
        return pack(arrays)

    def thin_senses(self) -> None:
        """Drop every second set of senses."""
        first = min(self.senses)
        self.every *= 2
        self.senses = {tick: data for tick, data in self.senses.items() if (tick - first) % self.every == 0}


def _parameters(world: Any, group: Any, rows: np.ndarray) -> np.ndarray:
    """float16 [k, P], without the gaps of the layout: weight 0 [I, H], bias 0, weight 1, ..."""
    backend = world.backend
    whole = backend.host(group.parameters[backend.array(rows)])
    return np.concatenate(
        [whole[:, b.start : b.start + b.length].astype(np.float32) for b in group.layout.blocks], axis=1
    ).astype(np.float16)
