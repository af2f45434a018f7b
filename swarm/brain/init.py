"""First weights: He, Glorot, LeCun and uniform, drawn by each brain's own key.

A brain with slot s and generation g, born at tick t, draws parameter p (counted without padding) from stream "init" of
(seed, s, g, t): it has the same weights in any population, whatever its row, dtype or company. 16-bit rows take the
float32 value rounded to nearest; float64 rows hold float32-grained draws.

    he       normal, variance 2 / I                 He et al., ICCV 2015 (relu and its kin)
    glorot   normal, variance 2 / (I + O)           Glorot and Bengio, AISTATS 2010 (tanh, sigmoid)
    lecun    normal, variance 1 / I                 LeCun et al., "Efficient BackProp", 1998 (selu)
    uniform  weights and biases in +-1 / sqrt(I)    the default of PyTorch's Linear
    zeros    all zero
    auto     per layer what suits its activation: he, lecun for selu, glorot for tanh, sigmoid and identity

Biases are zero except under `uniform`. `init_cpu.fill` and `init_cuda.fill` have the same signature and equal bits;
with this reference, uniform draws have equal bits, normal ones agree within 1e-6 standard deviations (in 16 bits a last
place may differ).
"""

from __future__ import annotations

import difflib
import math
from functools import cache

import numpy as np

from swarm.backend import rng
from swarm.brain.activations import ACTIVATIONS
from swarm.brain.mlp import Layout
from swarm.errors import SettingsError

SCHEMES = ("auto", "he", "glorot", "lecun", "uniform", "zeros")
_SUITS = {"selu": "lecun", "tanh": "glorot", "sigmoid": "glorot", "identity": "glorot"}
_CHUNK = 1 << 22  # values drawn at a time


def check_scheme(scheme: str) -> str:
    """`scheme` itself. Raises `SettingsError` when it is unknown."""
    if scheme in SCHEMES:
        return scheme
    near = difflib.get_close_matches(str(scheme).lower(), SCHEMES, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SettingsError(f"init: {scheme!r} is unknown.{hint} Choose one of {', '.join(SCHEMES)}.")


@cache
def scales(layout: Layout, scheme: str) -> tuple[float, ...]:
    """Per block of the layout: the standard deviation of its normals, or the bound of its uniforms; 0 = stays zero."""
    found = []
    for block in layout.blocks:
        layer = layout.layers[block.layer]
        name = _SUITS.get(ACTIVATIONS[layer.activation], "he") if scheme == "auto" else check_scheme(scheme)
        if name == "zeros" or (block.is_bias and name != "uniform"):
            found.append(0.0)
        elif name == "he":
            found.append(math.sqrt(2.0 / layer.inputs))
        elif name == "glorot":
            found.append(math.sqrt(2.0 / (layer.inputs + layer.outputs)))
        else:
            found.append(1.0 / math.sqrt(layer.inputs))
    return tuple(found)


def fill(
    rows: np.ndarray,
    layout: Layout,
    at: np.ndarray,
    slots: np.ndarray,
    generations: np.ndarray,
    tick: int,
    seed: int,
    scheme: str,
) -> None:
    """Draw brains anew.

    rows [>= N][stride]  parameters; gaps are left alone  write
    at   [K]             rows to fill, int64              read
    slots, generations [K]  their keys, uint32            read
    """
    sizes = scales(layout, scheme)
    draw = rng.uniform if scheme == "uniform" else rng.normal
    step = max(1, _CHUNK // layout.count)
    for start in range(0, len(at), step):
        part = slice(start, start + step)
        z = draw(seed, slots[part], generations[part], tick, rng.stream("init"), layout.count)
        z = z.astype(layout.compute, copy=False)
        if scheme == "uniform":
            z = 2 * z - 1
        for block, scale in zip(layout.blocks, sizes):
            values = z[:, block.first : block.first + block.length] * layout.compute.type(scale)
            rows[at[part], block.start : block.start + block.length] = values.astype(layout.dtype)
