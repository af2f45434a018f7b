"""Who is where in each frame: what a replay stores of the tables, and its code.

A chunk of frames is decoded alone. Within it a table is a list of the living; a frame says which places of the list
die, then which entities are born, at its end. Positions are told as what is left over the place where an entity would
be had it gone on as it went; of heading, colour and strength only the change is told. All arithmetic is modulo the
width of the integers: whoever crosses the edge of the torus goes on straight.

    slots, generations   u32          of whom a frame brings, both halves of the id, slots as differences
    parents, born        u64, i32     their parents' ids (0: none) and the tick they entered at
    arrive, leave        u32 [T]      how many come and go in each frame;  gone u32: the places of those who go
    x, y                 u16          65,536 steps across the world, zigzag, as two planes
    heading              u8           256 steps round, from +x towards +y;  tint, strength u8 as the picture's
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from swarm.render.replay.packing import joined, pack, planes, unpack

STEPS = 65536  # across the world


@dataclass
class Rows:
    """One table in one frame, in the order of ids."""

    ids: np.ndarray  # u64 [n]
    parents: np.ndarray  # u64 [n]
    born: np.ndarray  # i32 [n]
    place: np.ndarray  # u16 [n, 2]
    heading: np.ndarray  # u8 [n]
    tint: np.ndarray  # u8 [n]
    strength: np.ndarray  # u8 [n]

    def __len__(self) -> int:
        return len(self.ids)

    def taken(self, order: Any) -> Rows:
        """These rows, in this order: whatever indexes an array."""
        return Rows(*(getattr(self, f.name)[order] for f in fields(self)))


@dataclass
class Frame:
    """All tables at one tick."""

    tick: int
    tables: dict[str, Rows]


_FLAT = ("heading", "tint", "strength")
_NOBODY = Rows(
    np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros((0, 2), np.uint16),
    *(np.zeros(0, np.uint8) for _ in _FLAT),
)  # fmt: skip


def encode(frames: list[Frame]) -> bytes:
    """The frames of one chunk; all have the same tables."""
    arrays = {"ticks": np.array([frame.tick for frame in frames], np.uint32)}
    for k, name in enumerate(frames[0].tables):
        arrays |= {f"{k}.{key}": array for key, array in _table([f.tables[name] for f in frames]).items()}
    return pack(arrays)


def decode(data: bytes, names: list[str]) -> list[Frame]:
    """The frames of a chunk whose tables have these names."""
    arrays = unpack(data)
    frames = [Frame(int(tick), {}) for tick in arrays["ticks"]]
    for k, name in enumerate(names):
        part = {key.partition(".")[2]: value for key, value in arrays.items() if key.startswith(f"{k}.")}
        for frame, rows in zip(frames, _rows(part), strict=True):
            frame.tables[name] = rows
    return frames


def _table(frames: list[Rows]) -> dict[str, np.ndarray]:
    """What the frames say of one table."""
    told: dict[str, list[np.ndarray]] = {key: [] for key in ("gone", "place", *_FLAT)}
    come: list[Rows] = []
    live, step = _NOBODY, np.zeros((0, 2), np.uint16)
    for rows in frames:
        at = np.searchsorted(rows.ids, live.ids)  # the list goes on in its order, the new at its end
        stays = np.append(rows.ids, np.uint64(0))[at] == live.ids
        new = np.setdiff1d(np.arange(len(rows)), at[stays])
        rows = rows.taken(np.concatenate([at[stays], new]))
        kept, n = live.taken(stays), int(stays.sum())
        told["gone"].append(np.flatnonzero(~stays))
        told["place"].append(zigzag(rows.place - _longer(kept.place + step[stays], len(new))))
        for key in _FLAT:
            told[key].append(getattr(rows, key) - _longer(getattr(kept, key), len(new)))
        step = _longer(rows.place[:n] - kept.place, len(new))
        come.append(rows.taken(slice(n, None)))
        live = rows
    ids, place = np.concatenate([rows.ids for rows in come]), np.concatenate(told["place"])
    return {
        "arrive": np.array([len(rows) for rows in come], np.uint32),
        "leave": np.array([len(places) for places in told["gone"]], np.uint32),
        "gone": np.concatenate(told["gone"]).astype(np.uint32),
        "slots": planes(np.diff((ids >> np.uint64(32)).astype(np.uint32), prepend=np.uint32(0))),
        "generations": planes(ids.astype(np.uint32)),
        "parents": planes(np.concatenate([rows.parents for rows in come])),
        "born": planes(np.concatenate([rows.born for rows in come])),
        "x": planes(place[:, 0]),
        "y": planes(place[:, 1]),
        **{key: np.concatenate(told[key]) for key in _FLAT},
    }


def _longer(values: np.ndarray, more: int) -> np.ndarray:
    """The values and so many zeros."""
    return np.concatenate([values, np.zeros((more, *values.shape[1:]), values.dtype)])


def _rows(part: dict[str, np.ndarray]) -> list[Rows]:
    """The frames of one table, each in the order of ids."""
    slots = np.cumsum(joined(part["slots"], np.uint32), dtype=np.uint32).astype(np.uint64)
    ids = slots << np.uint64(32) | joined(part["generations"], np.uint32)
    parents, born = joined(part["parents"], np.uint64), joined(part["born"], np.int32)
    left = np.stack([unzigzag(joined(part[axis], np.uint16)) for axis in "xy"], axis=1)
    frames: list[Rows] = []
    live, step = _NOBODY, np.zeros((0, 2), np.uint16)
    came = went = told = 0
    for arrive, leave in zip(part["arrive"].tolist(), part["leave"].tolist(), strict=True):
        stays = np.ones(len(live), bool)
        stays[part["gone"][went : went + leave]] = False
        kept, here = live.taken(stays), slice(came, came + arrive)
        now = slice(told, told + len(kept) + arrive)
        place = left[now] + _longer(kept.place + step[stays], arrive)
        step = _longer(place[: len(kept)] - kept.place, arrive)
        live = Rows(
            np.concatenate([kept.ids, ids[here]]),
            np.concatenate([kept.parents, parents[here]]),
            np.concatenate([kept.born, born[here]]),
            place,
            *(part[key][now] + _longer(getattr(kept, key), arrive) for key in _FLAT),
        )
        frames.append(live.taken(np.argsort(live.ids)))
        came, went, told = came + arrive, went + leave, now.stop
    return frames


def zigzag(values: np.ndarray) -> np.ndarray:
    """u16 differences modulo 2^16, the small ones of both signs as small numbers: 0, -1, 1, -2, ..."""
    signed = values.view(np.int16)
    return ((signed << 1) ^ (signed >> 15)).view(np.uint16)


def unzigzag(values: np.ndarray) -> np.ndarray:
    """The differences that `zigzag` was given."""
    return (values >> 1) ^ (-(values & 1).view(np.int16)).view(np.uint16)
