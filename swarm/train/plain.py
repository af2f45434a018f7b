"""Settings of a training as plain values for a file, and back: numbers, text, arrays, and our own dataclasses.

What is none of these, such as a function, is kept by its name alone, and whoever reads the file has to give it again.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from swarm.train import optimizers, schedules
from swarm.train.folds import Folds

_KINDS = {
    kind.__name__: kind
    for kind in (
        *optimizers.OPTIMIZERS.values(), *schedules.SCHEDULES.values(), schedules.Product, schedules.Sequence, Folds,
    )
}  # fmt: skip


class Named:
    """Something that a file knows by its name alone."""

    def __init__(self, name: str) -> None:
        self.name = name


def pack(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` for JSON; arrays go into `arrays` under names that begin with `name`."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, (list, tuple)):
        parts = [pack(part, f"{name}.{k}", arrays) for k, part in enumerate(value)]
        return {type(value).__name__ if type(value) in (list, tuple) else "list": parts}
    if isinstance(value, dict):
        return {"dict": [[pack(k, name, arrays), pack(v, f"{name}.{k}", arrays)] for k, v in value.items()]}
    if type(value) in _KINDS.values():
        held = {f.name: pack(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in _own(value)}
        return {"kind": type(value).__name__, "values": held}
    if hasattr(value, "__array__"):
        return pack(np.asarray(value), name, arrays)
    return {"named": name_of(value)}


def unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What `pack` packed; `Named` for what only has a name. Raises KeyError for what it never writes."""
    if not isinstance(value, dict):
        return value
    (form, held), *_ = value.items()
    if form == "array":
        return arrays[held]
    if form == "named":
        return Named(held)
    if form == "kind":
        return _KINDS[held](**{k: unpack(v, arrays) for k, v in value["values"].items()})
    if form == "dict":
        return {unpack(k, arrays): unpack(v, arrays) for k, v in held}
    return {"list": list, "tuple": tuple}[form](unpack(part, arrays) for part in held)


def same(one: Any, other: Any) -> bool:
    """Whether two settings mean the same; lists, tuples and arrays of equal numbers do."""
    return _bare(one) == _bare(other)


def _bare(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_bare(part) for part in value]
    if isinstance(value, dict):
        return {k: _bare(part) for k, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: {f.name: _bare(getattr(value, f.name)) for f in _own(value)}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.name if isinstance(value, Named) else name_of(value)


def name_of(value: Any) -> str:
    """The name of a function or class, or of the class of anything else."""
    known = value if hasattr(value, "__qualname__") else type(value)
    return f"{known.__module__}.{known.__qualname__}"


def _own(value: Any) -> list:
    return [field for field in fields(value) if field.init]
