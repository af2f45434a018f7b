"""What can be told of a network and its training: names, types and ranges, the same in Python, TOML and on the
command line.

Most settings belong to a network: networks that differ in them train side by side in one population. Some belong to a
population (`SHARED`): networks that differ in those train one population after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from swarm.brain.activations import ACTIVATIONS
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train.optimizers import OPTIMIZERS
from swarm.train.sampling import SAMPLINGS
from swarm.train.schedules import SCHEDULES, CosineRate, Schedule, StepRate, WarmupRate


@dataclass(frozen=True)
class Setting:
    """kind: float, int, bool, str or tuple (the widths of hidden layers); lowest <= number < below; or words."""

    kind: type
    default: Any = None  # None: the optimizer's own
    lowest: float = 0.0
    below: float = np.inf
    words: Sequence[str] = ()


SETTINGS: dict[str, Setting] = {
    "hidden": Setting(tuple, (32,)),
    "activation": Setting(str, "relu", words=tuple(ACTIVATIONS)),
    "learning_rate": Setting(float),
    "momentum": Setting(float, below=1),
    "nesterov": Setting(bool),
    "decay": Setting(float, below=1),
    "beta1": Setting(float, below=1),
    "beta2": Setting(float, below=1),
    "epsilon": Setting(float),
    "weight_decay": Setting(float),
    "clip": Setting(float),
    "dropout": Setting(float, 0.0, below=1),
    "noise": Setting(float, 0.0),
    "optimizer": Setting(str, "sgd", words=tuple(OPTIMIZERS)),
    "schedule": Setting(str, "constant", words=tuple(SCHEDULES)),
    "sampling": Setting(str, "own", words=SAMPLINGS),
    "batch_size": Setting(int, 64, lowest=1),
    "epochs": Setting(int, 1, lowest=1),
}
SHARED = ("optimizer", "schedule", "sampling", "batch_size", "epochs")
HYPER = tuple(name for name in SETTINGS if any(name in {f.name for f in fields(kind)} for kind in OPTIMIZERS.values()))


def setting(name: str, where: str) -> Setting:
    """Raises SettingsError for an unknown name, naming the nearest."""
    if name not in SETTINGS:
        raise SettingsError(f"{where}: there is no setting '{name}'.{suggest(name, SETTINGS)}")
    return SETTINGS[name]


def value(name: str, given: Any, where: str) -> Any:
    """One value of a setting from a Python or TOML value, or from text. Raises SettingsError."""
    known = setting(name, where)
    if name == "clip" and given in (None, "none", "None"):
        return None
    try:
        made = _CONVERT[known.kind](given)
    except (TypeError, ValueError):
        wanted = _WANTED[known.kind]
        raise SettingsError(f"{where}: {name} = {given!r} is not {wanted}.") from None
    if known.words and made not in known.words:
        raise SettingsError(f"{where}: {name} = {made!r} is unknown.{suggest(made, known.words)}")
    if known.kind in (float, int):
        _check_range(name, known, made, where)
    return made


def _check_range(name: str, known: Setting, made: float, where: str) -> None:
    open_ended = name == "clip"  # 0 would stop every step
    if not (known.lowest <= made < known.below) or (open_ended and made == 0):
        low = "above 0" if open_ended else f"{known.lowest:g} or more"
        high = f" and below {known.below:g}" if np.isfinite(known.below) else ""
        raise SettingsError(f"{where}: {name} = {made:g} must be {low}{high}.")


def belongs(name: str, optimizer: str, where: str) -> None:
    """Raises SettingsError for a hyper-parameter that this optimizer does not have."""
    if name in HYPER and name not in (known := [field.name for field in fields(OPTIMIZERS[optimizer])]):
        raise SettingsError(f"{where}: {optimizer} has no {name}. It has {', '.join(known)}.")


def schedule(name: str, steps: int) -> Schedule | None:
    """The schedule of this name for a run of `steps` batches; None keeps the rate."""
    if name == "constant":
        return None
    if name == "step":
        return StepRate(max(1, -(-steps // 3)))
    return CosineRate() if name == "cosine" else WarmupRate(max(1, steps // 20)).then(CosineRate())


def text(made: Any) -> str:
    """A value as `value` reads it and people write it: hidden layers as 32-16, numbers short."""
    if isinstance(made, tuple):
        return "-".join(map(str, made)) or "none"
    if isinstance(made, bool):
        return str(made).lower()
    return f"{made:.4g}" if isinstance(made, float) else str(made)


def _float(given: Any) -> float:
    if isinstance(given, bool):
        raise TypeError
    return float(given)


def _int(given: Any) -> int:
    if isinstance(given, bool) or (isinstance(given, float) and not given.is_integer()):
        raise TypeError
    return int(given)


def _bool(given: Any) -> bool:
    if isinstance(given, str):
        return {"true": True, "false": False}.get(given.lower()) or _false(given)
    if given not in (True, False):
        raise TypeError
    return bool(given)


def _false(given: str) -> bool:
    if given.lower() != "false":
        raise ValueError
    return False


def _str(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _hidden(given: Any) -> tuple[int, ...]:
    """Widths from 32, "32-16", (32, 16); none from "none", ()."""
    if isinstance(given, str):
        given = () if given.lower() == "none" else given.split("-")
    widths = tuple(_int(width) for width in (given if isinstance(given, (list, tuple)) else (given,)))
    if any(width < 1 for width in widths):
        raise ValueError
    return widths


_CONVERT: dict[type, Any] = {float: _float, int: _int, bool: _bool, str: _str, tuple: _hidden}
_WANTED = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a word",
    tuple: 'the widths of hidden layers, such as 32, "32-16" or "none"',
}
