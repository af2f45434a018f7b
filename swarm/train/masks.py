"""Which parameters train: frozen ones keep their value, pruned ones are 0 and stay 0.

`fit(..., freeze=..., prune=...)` take the same forms, 1 or True where a parameter is frozen or pruned:

    [0, 1]                          whole layers, weights and biases, by number; negative from the end
    {0: True, 1: mask}              by layer: True, or an array that broadcasts to the weights [N, I, H]
    {0: (mask, None)}               a pair is for weights [N, I, H] and biases [N, H]; None is nothing
    array [P] or [N, P]             as `brains.parameters`, gaps included (they are ignored)

In a mixed pool layers are named, since `parameters` differ; an array that broadcasts serves every architecture, and an
axis of N is that of the whole pool. A frozen parameter takes no part in the clipped norm and does not decay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from swarm.brain.brains import Brains
from swarm.brain.mlp import Layout
from swarm.errors import SettingsError


def chosen(brains: Brains, mask: Any, where: str) -> list[np.ndarray | None]:
    """For each group of `brains`, bool [n | 1, stride] of the parameters that `mask` names, or None.

    `where` opens the error's text. Raises SettingsError for a mask that does not fit.
    """
    if mask is None:
        return [None for _ in brains.groups]
    if isinstance(mask, Mapping):
        layers = dict(mask)
    elif isinstance(mask, Sequence) and all(isinstance(k, (int, np.integer)) for k in mask) and _few(brains, mask):
        layers = {int(k): True for k in mask}
    else:
        return [_rows(brains, mask, where)]
    return [_layers(brains, group, layers, where) for group in brains.groups]


def _few(brains: Brains, mask: Sequence) -> bool:
    """Whether a list of whole numbers names layers; a list as long as `parameters` is a mask."""
    return len(brains.groups) > 1 or len(mask) != brains.layout.size


def compute_layout(group: Brains) -> Layout:
    """The layout that a pool of this architecture trains in: its own, or that of its float32 copy."""
    return group.layout if group.dtype == group.layout.compute else group.mlp.layout(group.layout.compute)


def _rows(brains: Brains, mask: Any, where: str) -> np.ndarray:
    if len(brains.groups) > 1:
        raise SettingsError(
            f"fit: {where}: a mixed pool has no `parameters` of its own. Name layers, {where}=[0] or"
            f" {where}={{0: mask}}, or train each of brains.groups."
        )
    group = brains.groups[0]
    given, size = _binary(mask, where), group.layout.size
    if given.shape not in ((size,), (1, size), (len(brains), size)):
        raise SettingsError(
            f"fit: {where} has the shape {given.shape}; give layers such as {where}=[0], or [{size}] or"
            f" [{len(brains)}, {size}] as brains.parameters."
        )
    given, layout = given.reshape(-1, size), compute_layout(group)
    out = np.zeros((len(given), layout.stride), bool)
    for to, at in zip(layout.blocks, group.layout.blocks, strict=True):
        out[:, to.start : to.start + to.length] = given[:, at.start : at.start + at.length]
    return out


def _layers(brains: Brains, group: Brains, layers: dict[Any, Any], where: str) -> np.ndarray:
    layout, whole = compute_layout(group), len(brains)
    depth, parts = len(layout.layers), []
    for name, value in layers.items():
        if not isinstance(name, (int, np.integer)) or not -depth <= name < depth:
            raise SettingsError(
                f"fit: {where}: {name!r} is no layer of {group.mlp}, which has layers 0 .. {depth - 1}."
            )
        layer = layout.layers[name]
        pair = value if isinstance(value, tuple) else (value, True if value is True else None)
        if len(pair) != 2:
            raise SettingsError(f"fit: {where}: layer {name} has {len(pair)} masks. Give a pair: (weights, biases).")
        for kind, given, start, shape in (
            ("weights", pair[0], layer.weight, (layer.inputs, layer.outputs)),
            ("biases", pair[1], layer.bias, (layer.outputs,)),
        ):
            if given is not None and start >= 0:
                words = f"{where}: the mask for the {kind} of layer {name} of {group.mlp}"
                parts.append((start, int(np.prod(shape)), _fitted(given, shape, whole, group.positions, words)))
    own = max((len(part) for _, _, part in parts), default=1)
    out = np.zeros((own, layout.stride), bool)
    for start, length, part in parts:
        out[:, start : start + length] |= part
    return out


def _fitted(given: Any, shape: tuple[int, ...], whole: int, positions: np.ndarray, words: str) -> np.ndarray:
    """bool [n | 1, elements] of a mask that broadcasts to [N, *shape]."""
    mask = _binary(given, words)
    own = mask.ndim == len(shape) + 1 and len(mask) != 1
    try:
        full = np.broadcast_to(mask, ((whole if own else 1), *shape))
    except ValueError:
        axes = ", ".join(map(str, (whole, *shape)))
        raise SettingsError(f"fit: {words} has the shape {mask.shape}; it must broadcast to [{axes}].") from None
    return (full[positions] if own else full).reshape(-1, int(np.prod(shape)))


def _binary(mask: Any, words: str) -> np.ndarray:
    array = np.asarray(mask)
    if array.dtype.kind not in "biuf" or not ((array == 0) | (array == 1)).all():
        raise SettingsError(f"fit: {words} must hold 0 and 1 (or False and True).")
    return array.astype(bool)


def trains(frozen: np.ndarray | None, pruned: np.ndarray | None) -> np.ndarray | None:
    """uint8 [n | 1, stride], 1 where a parameter is neither frozen nor pruned; None where all train."""
    if frozen is None and pruned is None:
        return None
    held = pruned if frozen is None else frozen if pruned is None else frozen | pruned
    assert held is not None
    return (~held).astype(np.uint8)
