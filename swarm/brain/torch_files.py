"""Brains to PyTorch and back: the state_dict of `nn.Sequential(Linear, activation, Linear, ...)` as safetensors.

Layer k is `{2k}.weight` [O, I] and `{2k}.bias` [O], as torch names and turns them; an activation stands behind every
hidden layer (identity: `nn.Identity()`), so `load_state_dict(safetensors.torch.load_file(path))` fits. The file also
holds the architecture as metadata, which torch ignores. PyTorch is not needed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from swarm.backend.device import Backend, choose
from swarm.brain.brains import Brains
from swarm.brain.files import atomic, on_host
from swarm.brain.mlp import DTYPES, MLP, as_dtype
from swarm.errors import SaveError, SchemaError, SettingsError

_MORE = "Give the state_dict of an nn.Sequential of Linear layers, each followed by its activation."


def to_torch(brain: Brains, path: str | Path | None = None) -> dict[str, np.ndarray]:
    """The state_dict of one brain, copies in the brain's dtype; written to `path` as safetensors when that is given.

    brain: a pool of one, such as brains[7]. A file is written whole or not at all. Raises SettingsError for several
    brains, SaveError.
    """
    one = single(brain, "to_torch")
    tensors = {}
    for k, layer in enumerate(one.layout.layers):
        tensors[f"{2 * k}.weight"] = np.ascontiguousarray(one.weight(k)[0].T)
        if layer.bias >= 0:
            tensors[f"{2 * k}.bias"] = one.bias(k)[0].copy()
    if path is not None:
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        with atomic(path) as temporary:
            try:
                metadata = {"format": "pt", "swarm.architecture": json.dumps(one.mlp.describe())}
                save_file(tensors, temporary, metadata=metadata)
            except SafetensorError as error:
                raise SaveError(f"Cannot write '{path}': {error}. Free some space or choose another folder.") from None
    return tensors


def from_torch(
    source: str | Path | Mapping[str, Any] | Any,
    activation: Any = None,
    output: str | None = None,
    *,
    dtype: Any = None,
    backend: str | Backend = "auto",
    threads: int | None = None,
) -> Brains:
    """A pool of one brain from a safetensors file, a dict of arrays or tensors, or a torch module of Linear layers.

    Layers are taken in the order of the numbers in their names: `0.weight`, `2.weight`; `net.0.weight`; `fc1.weight`.
    activation, output: as for `MLP`; a state_dict does not say them, files of `to_torch` do. dtype: what the brain
    is stored in, by default that of the first weight. Layers without a bias get zeros where others have one.
    Raises SettingsError where the activation is not known, SchemaError for tensors that are no chain of Linear layers,
    SaveError for a file that cannot be read, NonFiniteError for NaN or infinite parameters.
    """
    if isinstance(source, (str, Path)):
        where, (metadata, tensors) = f"'{source}'", _read(source)
    else:
        where, metadata = "from_torch", {}
        state = getattr(source, "state_dict", None)
        held = source if state is None else state()
        if not isinstance(held, Mapping):
            raise SettingsError(f"from_torch: {type(source).__name__} is not a path, a module or a dict of arrays.")
        tensors = {str(name): _array(value) for name, value in held.items()}
    layers = _layers(tensors, where)
    widths = (layers[0][0].shape[1], *(weight.shape[0] for weight, _ in layers))
    bias = any(b is not None for _, b in layers)
    mlp = _architecture(widths, bias, activation, output, metadata, where)
    given = layers[0][0].dtype
    pool = Brains(mlp, 1, dtype=as_dtype(given if dtype is None else dtype), init="zeros", backend="reference")
    for k, (weight, shift) in enumerate(layers):
        pool.weight(k)[0] = weight.T.astype(pool.dtype)
        if shift is not None:
            pool.bias(k)[0] = shift.astype(pool.dtype)
    pool.check_finite()
    return pool.to(choose(backend, threads))


def single(brain: Brains, where: str) -> Brains:
    """The equal pool on the host that holds this one brain. Raises SettingsError unless it is one."""
    if not isinstance(brain, Brains):
        raise SettingsError(f"{where}: {type(brain).__name__} is not a brain. Give brains[7].")
    if len(brain) != 1:
        raise SettingsError(f"{where}: a file holds one network, these are {len(brain):,}. Give one: brains[7].")
    return on_host(brain[0])


def _architecture(
    widths: tuple[int, ...], bias: bool, activation: Any, output: str | None, metadata: Mapping[str, str], where: str
) -> MLP:
    told: dict[str, Any] = {}
    with suppress(KeyError, TypeError, ValueError):  # not a file of ours: the caller says what it is
        told = MLP(**json.loads(metadata["swarm.architecture"])).describe()
    if told and tuple(told["widths"]) != widths:
        raise SchemaError(f"{where}: the file speaks of layers {told['widths']}, its tensors have {list(widths)}.")
    if activation is None and len(widths) > 2:
        if not told:
            raise SettingsError(
                f"{where}: a state_dict does not say which activation stands behind its {len(widths) - 2} hidden "
                "layers. Say it: from_torch(..., activation='relu')."
            )
        activation = told["activation"]
    if output is None:
        output = told.get("output", "identity")
    return MLP(widths, "identity" if activation is None else activation, str(output), bias)


def _read(path: str | Path) -> tuple[Mapping[str, str], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            names = list(file.keys())
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise SaveError(
            f"'{path}' is truncated or not a safetensors file ({error}). Write it in PyTorch with "
            "safetensors.torch.save_file(model.state_dict(), path)."
        ) from None
    except OSError as error:
        raise SaveError(f"Cannot read '{path}': {error.strerror or error}. Check the path.") from None


def _array(value: Any) -> np.ndarray:
    """An array, or a tensor of PyTorch, which need not be imported for that."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # NumPy has none
            return value.float().numpy().astype(ml_dtypes.bfloat16)
        return value.numpy()
    return np.asarray(value)


def _layers(tensors: Mapping[str, np.ndarray], where: str) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """(weight [O, I], bias [O] or None) of each layer in order, with widths that fit each other."""
    layers, last = [], None
    stems = sorted({name.rpartition(".")[0] for name in tensors}, key=_natural)
    for stem in stems:
        parts = {name.rpartition(".")[2]: t for name, t in tensors.items() if name.rpartition(".")[0] == stem}
        label = f"{stem}.weight" if stem else "weight"
        if not {"weight"} <= set(parts) <= {"weight", "bias"}:
            raise SchemaError(f"{where}: '{stem}' has {', '.join(sorted(parts))}: not a Linear layer. {_MORE}")
        weight, bias = parts["weight"], parts.get("bias")
        if weight.ndim != 2 or 0 in weight.shape:
            raise SchemaError(f"{where}: '{label}' has the shape {list(weight.shape)}, not [outputs, inputs]. {_MORE}")
        if bias is not None and bias.shape != weight.shape[:1]:
            raise SchemaError(f"{where}: the bias of '{label}' {list(weight.shape)} has the shape {list(bias.shape)}.")
        for tensor in (weight, bias):
            if tensor is not None and tensor.dtype.name not in DTYPES:
                raise SchemaError(f"{where}: '{label}' is {tensor.dtype}. Convert it to one of {', '.join(DTYPES)}.")
        if last is not None and weight.shape[1] != last[1]:
            raise SchemaError(
                f"{where}: '{label}' takes {weight.shape[1]} inputs, but '{last[0]}' before it gives {last[1]}. {_MORE}"
            )
        last = label, weight.shape[0]
        layers.append((weight, bias))
    if not layers:
        raise SchemaError(f"{where}: there are no tensors. {_MORE}")
    return layers


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
