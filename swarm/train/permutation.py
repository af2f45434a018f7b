"""A keyed permutation of M numbers, computed where it is needed, never stored.

A Feistel network over the smallest power of two that holds M (at least 256), walked until it falls below M: a bijection
of 0 .. M - 1. Sources: Luby and Rackoff, SIAM J. Comput. 17(2), 1988; Black and Rogaway, CT-RSA 2002 (cycle walking);
the mixing step is Wellons' `lowbias32`. With twelve rounds all 40,320 orders of eight samples come equally often
(chi-squared over 1.6 million keys), with eight bits or more.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 12
MIX = (0x7FEB352D, 15, 0x846CA68B, 16)  # multiply, shift, multiply, shift


def bits_of(M: int) -> int:
    """Bits of the permuted domain."""
    return max(8, (M - 1).bit_length())


def shuffled(M: int, keys: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Where the positions `at` [K, ...] uint32 go, under round keys [K, 12]; those of M and beyond stay as they are."""
    bits, todo = bits_of(M), at < M
    while todo.any():
        at = np.where(todo, permute(at, keys, bits), at)
        todo &= at >= M
    return at


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
