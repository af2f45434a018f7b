"""Which sample comes when: a keyed permutation for every brain and epoch, computed where it is needed, never stored.

    own        every brain shuffles the samples for itself, anew each epoch
    shared     one shuffle for all brains
    bootstrap  every brain draws M of the M samples with replacement, once, and shuffles its draws each epoch

Position p of an epoch maps to a sample by a Feistel network over the smallest power of two that holds M (at least 256),
walked until it falls below M: a bijection, so an epoch meets each sample once. Its twelve round keys are Philox words
keyed by seed, brain and epoch; a brain's order does not depend on the other brains. Sources: Luby and Rackoff, SIAM J.
Comput. 17(2), 1988; Black and Rogaway, CT-RSA 2002 (cycle walking); the mixing step is Wellons' `lowbias32`. With
twelve rounds all 40,320 orders of eight samples come equally often (chi-squared over 1.6 million keys), with eight
bits or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swarm.backend import rng
from swarm.config import suggest
from swarm.errors import SettingsError

SAMPLINGS = ("own", "shared", "bootstrap")
ROUNDS = 12
MIX = (0x7FEB352D, 15, 0x846CA68B, 16)  # multiply, shift, multiply, shift
LIMIT = 1 << 31  # samples at most


@dataclass(frozen=True)
class Order:
    """The order of M samples for brains named by `keys` [N] uint32: the names random draws are keyed by."""

    M: int
    keys: np.ndarray
    sampling: str = "own"
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise SettingsError(f"fit: sampling {self.sampling!r} is unknown.{suggest(str(self.sampling), SAMPLINGS)}")
        if not 0 < self.M < LIMIT:
            raise SettingsError(f"fit: {self.M:,} samples; there must be 1 to {LIMIT - 1:,}.")

    def rounds(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Round keys of this epoch's shuffles [K, 12] and of the draws [K, 12]; an empty array where there is none.

        K is N, or 1 where all brains meet the same samples.
        """
        none = np.empty((0, ROUNDS), np.uint32)
        shuffles = draws = none
        if self.shuffle:
            one = self.sampling == "shared"
            names = np.zeros(1, np.uint32) if one else self.keys
            shuffles = rng.words(self.seed, names, int(one), epoch, rng.stream("order"), ROUNDS)
        if self.sampling == "bootstrap":
            draws = rng.words(self.seed, self.keys, 0, 0, rng.stream("bootstrap"), ROUNDS)
        return shuffles, draws

    @property
    def rows(self) -> int:
        """K: rows of an index."""
        return len(self.keys) if self.sampling == "bootstrap" or (self.shuffle and self.sampling == "own") else 1


def indices(M: int, shuffles: np.ndarray, draws: np.ndarray, start: int, out: np.ndarray) -> None:
    """The samples at positions start, start + 1, ... of an epoch.

    shuffles, draws [K][12] uint32 round keys as `Order.rounds` gives them, read; out [K][count] int32, write.
    """
    positions = np.arange(start, start + out.shape[1], dtype=np.uint32)
    at = np.broadcast_to(positions, out.shape).copy()
    if len(shuffles):
        bits = bits_of(M)
        todo = np.ones(at.shape, bool)
        while todo.any():
            at = np.where(todo, permute(at, shuffles, bits), at)
            todo = at >= M
    if len(draws):
        words = permute(at, draws, 32)
        at = ((words.astype(np.uint64) * np.uint64(M)) >> np.uint64(32)).astype(np.uint32)
    out[:] = at


def bits_of(M: int) -> int:
    """Bits of the permuted domain."""
    return max(8, (M - 1).bit_length())


def permute(values: np.ndarray, keys: np.ndarray, bits: int) -> np.ndarray:
    """The Feistel network on values [K, ...] below 2^bits with round keys [K, 12]: a bijection of each row's domain."""
    low = bits // 2
    low_mask, high_mask = np.uint32((1 << low) - 1), np.uint32((1 << (bits - low)) - 1)
    left, right = values >> np.uint32(low), values & low_mask
    for i in range(0, ROUNDS, 2):
        left = (left ^ _mix(right, keys[:, i : i + 1])) & high_mask
        right = (right ^ _mix(left, keys[:, i + 1 : i + 2])) & low_mask
    return (left << np.uint32(low)) | right


def _mix(value: np.ndarray, key: np.ndarray) -> np.ndarray:
    first, shift, second, last = (np.uint32(m) for m in MIX)
    value = (value ^ key) * first
    value = (value ^ (value >> shift)) * second
    return value ^ (value >> last)
