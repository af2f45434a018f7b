"""Random numbers that belong to an entity and a tick: Philox4x32-10, a pure function of a counter and a key.

Key = the seed's two halves. Counter = (slot, generation, tick, stream << 20 | draw). Whoever draws, in whatever order
and on however many threads, gets the same numbers for the same entity, tick and stream. Source: Salmon, Moraes, Dror
and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3; its known-answer vectors are our test.

Value p of an entity comes from draw (p // 64) * 16 + p % 16, output word (p // 16) % 4, so that sixteen lanes at work
on sixteen draws store contiguously. This file is the NumPy reference; `rng_cpu.py` holds the same integers for kernels.

Several worlds in one: where seed and tick are arrays [W], one of each per world, slot s stands for slot s // W of world
s % W, with that world's seed and tick. So an entity draws what it draws in a world alone.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from swarm.errors import SettingsError

MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
STREAM_BITS = 12
DRAW_BITS = 20
VALUES = 4 << DRAW_BITS  # values one entity can draw from one stream in one tick

STREAMS = {
    "init": 1,
    "mutate": 2,
    "cross": 3,
    "round": 4,
    "scatter": 5,
    "births": 6,
    "priority": 7,
    "crowding": 8,
    "place": 9,
    "order": 10,
    "bootstrap": 11,
    "neutral": 12,
    "pick": 13,
    "dropout": 14,
    "noise": 15,
}
_USERS = 256  # users' streams are numbered from here on


def cuda() -> str:
    """The engine's streams for kernels of CUDA: STREAM_INIT, STREAM_MUTATE and so on."""
    return "".join(f"#define STREAM_{name.upper()} {number}u\n" for name, number in STREAMS.items())


def stream(name: str) -> int:
    """The twelve-bit number of a stream: fixed for the engine's own names, a hash above 256 for all others."""
    known = STREAMS.get(name)
    if known is not None:
        return known
    return _USERS + zlib.crc32(name.encode()) % ((1 << STREAM_BITS) - _USERS)


def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> tuple[np.ndarray, ...]:
    """Four uint32 arrays from four uint32 counters and a two-word key, numbers or uint64, all broadcast together."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) & 0xFFFFFFFF for c in (c0, c1, c2, c3))
    for i in range(ROUNDS):
        left = c0 * np.uint64(MULTIPLIER[0])
        right = c2 * np.uint64(MULTIPLIER[1])
        key0 = np.uint64((k0 + i * WEYL[0]) & 0xFFFFFFFF)
        key1 = np.uint64((k1 + i * WEYL[1]) & 0xFFFFFFFF)
        c0, c1, c2, c3 = (
            (right >> np.uint64(32)) ^ c1 ^ key0,
            right & np.uint64(0xFFFFFFFF),
            (left >> np.uint64(32)) ^ c3 ^ key1,
            left & np.uint64(0xFFFFFFFF),
        )
    c0, c1, c2, c3 = np.broadcast_arrays(c0, c1, c2, c3)
    return tuple(c.astype(np.uint32) for c in (c0, c1, c2, c3))


def key(seed: int) -> tuple[int, int]:
    """The seed's low and high 32 bits."""
    if not 0 <= int(seed) < 1 << 64:
        raise SettingsError(f"seed: {seed} does not fit 64 bits. Take a whole number from 0 to 2**64 - 1.")
    return int(seed) & 0xFFFFFFFF, int(seed) >> 32


def named(seed: Any, slots: np.ndarray, tick: Any) -> tuple[Any, Any, Any, Any]:
    """Slot, tick and the key's two halves of each entity in its own world: uint32, or uint64 below 2^32, of the shape
    of `slots`, or numbers where there is one world."""
    if not np.ndim(seed):
        return slots, tick & 0xFFFFFFFF, *key(seed)
    worlds = np.uint32(len(seed))
    local = slots // worlds
    world = slots - local * worlds
    keys = np.asarray(seed, np.uint64)[world]
    return local, np.asarray(tick)[world] & 0xFFFFFFFF, keys & np.uint64(0xFFFFFFFF), keys >> np.uint64(32)


def words(seed: Any, slots: Any, generations: Any, tick: Any, stream: int, count: int) -> np.ndarray:
    """uint32 [N, count]: the first `count` values of each entity. Raises `SettingsError` past `VALUES`.

    seed, tick: one number, or one per world, [W]. slots, generations [N].
    """
    if count > VALUES:
        raise SettingsError(f"random numbers: {count:,} asked of one entity, stream and tick; at most {VALUES:,}.")
    slots = np.asarray(slots, np.uint32).reshape(-1, 1)
    generations = np.broadcast_to(np.asarray(generations, np.uint32).reshape(-1, 1), slots.shape)
    chunks = -(-count // 64)
    draw = np.arange(chunks * 16, dtype=np.uint32)
    local, when, *halves = named(seed, slots, tick)
    four = philox(local, generations, when, draw[None, :] | np.uint32(stream << DRAW_BITS), *halves)
    values = np.stack([w.reshape(len(slots), chunks, 16) for w in four], axis=2)  # [N, chunk, word, lane]
    return values.reshape(len(slots), chunks * 64)[:, :count]


def uniform(seed: Any, slots: Any, generations: Any, tick: Any, stream: int, count: int) -> np.ndarray:
    """float32 [N, count] in [0, 1): the upper 24 bits of each word."""
    return to_uniform(words(seed, slots, generations, tick, stream, count))


def to_uniform(word: np.ndarray) -> np.ndarray:
    """float32 in [0, 1) from uint32."""
    return (word >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def normal(seed: Any, slots: Any, generations: Any, tick: Any, stream: int, count: int) -> np.ndarray:
    """float32 [N, count], standard normal (Box and Muller 1958): words 0, 1 and words 2, 3 of a draw give two each.

    Of a pair (u, v): r = sqrt(-2 log((u' + 1) / 2^24)), u' the upper 24 bits, and the angle 2 pi v; first r cos, then
    r sin.
    """
    chunks = -(-count // 64)
    four = words(seed, slots, generations, tick, stream, chunks * 64).reshape(-1, chunks, 4, 16)
    out = np.empty(four.shape, np.float32)
    for pair in (0, 2):
        u = ((four[:, :, pair] >> np.uint32(8)) + np.uint32(1)).astype(np.float64) * 2.0**-24
        v = (four[:, :, pair + 1] >> np.uint32(8)).astype(np.float64) * 2.0**-24
        r, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * v
        out[:, :, pair], out[:, :, pair + 1] = r * np.cos(angle), r * np.sin(angle)
    return out.reshape(-1, chunks * 64)[:, :count]
