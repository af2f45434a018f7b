"""Variation: copies with mutations, and children of two parents; the plain reference.

Every draw belongs to the child: key (seed, its slot, its generation, tick), parameter p counted without padding. So a
child is the same whatever row it stands in and however many threads work. Streams and values:

    "mutate"  normal p is the step of parameter p; with rate < 1 uniform 64 ceil(count / 64) + p must be below the rate
    "round"   16-bit rows: half-word p (low halves of sixteen words, then their high halves) for stochastic rounding
    "cross"   the top bit of word p (or of word u for unit u) says from whom: 0 first parent, 1 second

bfloat16 and float16 rows are widened to float32, stepped, and rounded up or down with the probabilities that make the
mean right: a bfloat16 weight near 0.7 would otherwise swallow every step below 0.002. A value is cut to the places of
its format after uniform noise below one place was added: 16 bits of noise for bfloat16, 13 for float16. Below 2^-14
float16's places stay 2^-24 apart, and so does the noise; what reaches 65,536 becomes infinite, as in a conversion.
Source: Gupta et al., "Deep learning with limited numerical precision", ICML 2015, section 3.

`vary_cpu` and `vary_cuda` have functions of the same names: crossovers, rounding draws and the choice of parameters
have equal bits; steps agree within sigma * 1e-6, as far as the normal generators do, and between those two to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from swarm.backend import rng
from swarm.brain.mlp import BFLOAT16, Layout
from swarm.errors import SettingsError

_CHUNK = 1 << 22  # parameters worked on at a time


@dataclass(frozen=True)
class Mutation:
    """How a child differs from its parent: each parameter takes, with probability `rate`, a normal step of deviation
    `sigma`. Raises `SettingsError` for a negative or non-finite sigma or a rate outside [0, 1]."""

    sigma: float = 0.02
    rate: float = 1.0

    def __post_init__(self) -> None:
        if not (isinstance(self.sigma, (int, float)) and 0 <= self.sigma < float("inf")):
            raise SettingsError(f"Mutation: sigma {self.sigma!r} must be a finite number, 0 or more.")
        if not (isinstance(self.rate, (int, float)) and 0 <= self.rate <= 1):
            raise SettingsError(f"Mutation: rate {self.rate!r} is a probability per parameter, from 0 to 1.")

    @property
    def nothing(self) -> bool:
        """Whether children are exact copies."""
        return self.sigma == 0 or self.rate == 0


def select_start(count: int) -> int:
    """Where the values begin that decide which parameters take their step: behind those used up by the normals."""
    return -(-count // 64) * 64


def inherit(
    rows: np.ndarray,
    layout: Layout,
    parents: np.ndarray,
    children: np.ndarray,
    slots: np.ndarray,
    generations: np.ndarray,
    tick: int,
    seed: int,
    sigma: float,
    rate: float,
) -> None:
    """Copy parents' rows to children's and mutate them on the way.

    rows     [>= N][stride]   parameters                            read, write
    parents  [K], children [K]  rows, int64; a child may be its own parent, no other overlap  read
    slots, generations [K]    keys of the children, uint32          read
    """
    if sigma == 0 or rate == 0:
        rows[children] = rows[parents]
        return
    for part in _parts(layout, len(children)):
        keys = (seed, slots[part], generations[part], tick)
        step = rng.normal(*keys, rng.stream("mutate"), layout.count).astype(layout.compute, copy=False)
        step = layout.compute.type(sigma) * step
        taken = np.ones(step.shape, bool)
        if rate < 1:
            first = select_start(layout.count)
            chance = rng.uniform(*keys, rng.stream("mutate"), first + layout.count)[:, first:]
            taken = chance < np.float32(rate)
        noise = _halves(*keys, layout.count) if layout.dtype.itemsize == 2 else None
        for block in layout.blocks:
            span, numbers = (
                slice(block.start, block.start + block.length),
                slice(block.first, block.first + block.length),
            )
            old = rows[parents[part], span].astype(layout.compute)
            new = np.where(taken[:, numbers], old + step[:, numbers], old)
            rows[children[part], span] = (
                new if noise is None else round_up_or_down(new, noise[:, numbers], layout.dtype)
            )


def cross(
    rows: np.ndarray,
    layout: Layout,
    first: np.ndarray,
    second: np.ndarray,
    children: np.ndarray,
    slots: np.ndarray,
    generations: np.ndarray,
    tick: int,
    seed: int,
    units: bool,
) -> None:
    """Each parameter of a child comes from the first or the second parent, evenly.

    units: whole units (a column of a weight and its bias) come from one parent. Arrays as for `inherit`; a child may be
    one of its own parents, no other overlap.
    """
    total = sum(layer.outputs for layer in layout.layers) if units else layout.count
    for part in _parts(layout, len(children)):
        word = rng.words(seed, slots[part], generations[part], tick, rng.stream("cross"), total)
        other = word >> np.uint32(31) == 1
        for block in layout.blocks:
            span = slice(block.start, block.start + block.length)
            if units:
                outputs = layout.layers[block.layer].outputs
                unit = sum(layer.outputs for layer in layout.layers[: block.layer])
                chosen = np.tile(other[:, unit : unit + outputs], block.length // outputs)
            else:
                chosen = other[:, block.first : block.first + block.length]
            rows[children[part], span] = np.where(chosen, rows[second[part], span], rows[first[part], span])


def move(rows: np.ndarray, layout: Layout, source: np.ndarray, target: np.ndarray) -> None:
    """Copy rows source [K] over rows target [K], int64; no row is in both, unless it is copied to itself."""
    rows[target] = rows[source]


def round_up_or_down(value: np.ndarray, noise: np.ndarray, dtype: np.dtype = BFLOAT16) -> np.ndarray:
    """bfloat16 or float16 from float32 and uniform 16-bit noise: up with the probability of the part cut off. Inf and
    NaN stay. float16 takes thirteen bits of the noise and is infinite from 65,536 on."""
    if dtype != BFLOAT16:
        return _half_up_or_down(np.ascontiguousarray(value, np.float32), noise)
    raw = np.ascontiguousarray(value, np.float32).view(np.uint32)
    finite = raw & np.uint32(0x7F800000) != np.uint32(0x7F800000)
    raw = raw + np.where(finite, noise, 0).astype(np.uint32)
    return (raw >> np.uint32(16)).astype(np.uint16).view(BFLOAT16)


def _half_up_or_down(value: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Below 2^-14 places no longer move with the exponent: there 2^-14 is added before the cut and taken off behind."""
    size = abs(value)
    small = size < np.float32(2.0**-14)
    with np.errstate(invalid="ignore"):
        moved = np.where(small, size + np.float32(2.0**-14), size).view(np.uint32) + (noise >> 3).astype(np.uint32)
    bits = (moved >> np.uint32(13)) - np.where(small, 113 << 10, 112 << 10).astype(np.uint32)
    bits = np.where(np.isfinite(value), np.minimum(bits, 0x7C00), np.where(np.isnan(value), 0x7E00, 0x7C00))
    return (bits | value.view(np.uint32) >> np.uint32(16) & np.uint32(0x8000)).astype(np.uint16).view(np.float16)


def _halves(seed: int, slots: np.ndarray, generations: np.ndarray, tick: int, count: int) -> np.ndarray:
    """uint32 [N, count] below 65,536: half-word p is in word (p // 32) * 16 + p % 16, high if p // 16 is odd."""
    groups = -(-count // 32)
    word = rng.words(seed, slots, generations, tick, rng.stream("round"), groups * 16).reshape(-1, groups, 1, 16)
    both = np.concatenate([word & np.uint32(0xFFFF), word >> np.uint32(16)], axis=2)
    return both.reshape(-1, groups * 32)[:, :count]


def _parts(layout: Layout, count: int) -> Iterator[slice]:
    step = max(1, _CHUNK // layout.count)
    return (slice(start, start + step) for start in range(0, count, step))
