"""Settings of a scene as something to turn: of which kind, from where to where, in which steps.

Bounds are those that the scene declares (`msgspec.Meta`). Where there is none on a side, the default gives the scale:
above a default d > 0 it goes to 4 d, or, for what must be above 0, from d / 10 to 10 d in equal ratios. A value outside
can still be typed: what fits is decided by the settings themselves.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Meta

from swarm.scenes import load, settings_of
from swarm.scenes.listing import listed, parts
from swarm.scenes.tune import tunable

DECADES = 50.0  # a range whose ends have this ratio is walked in equal ratios
REACH, MORE = 10.0, 4.0  # how far beyond the default, in ratios and for what may be 0


@dataclass(frozen=True)
class Knob:
    """One setting. low and high bound what is offered, not what is allowed."""

    name: str
    kind: str  # "real", "whole", "switch", "choice" or "text"
    default: Any
    low: float = 0.0
    high: float = 1.0
    log: bool = False  # equal ratios along the way
    choices: tuple[str, ...] = ()
    optional: bool = False  # may be None
    live: bool = False  # acts on a running world
    unit: str = ""
    meaning: str = ""


def knobs(path: str) -> list[Knob]:
    """The settings of a scene in the order in which it declares them. Raises `SettingsError` for a bad scene."""
    cls, live, defaults = load(path).Settings, tunable(path), settings_of(path)
    hints, words = get_type_hints(cls, include_extras=True), {row.name: row for row in listed(path)}
    made = []
    for field in dataclasses.fields(cls):
        hint, default, row = hints[field.name], getattr(defaults, field.name), words[field.name]
        about = {"live": field.name in live, "unit": row.unit, "meaning": row.meaning, "optional": _optional(hint)}
        choices = tuple(str(c) for part in parts(hint) if get_origin(part) is Literal for c in get_args(part))
        kinds = [part for part in parts(hint) if part in (bool, int, float)]
        if choices:
            made.append(Knob(field.name, "choice", default, choices=choices, **about))
        elif kinds and not isinstance(default, (tuple, list, str)):
            made.append(_number(field.name, kinds[0], default, hint, getattr(defaults, "agents", 100), about))
        else:
            made.append(Knob(field.name, "text", default, **about))
    return made


def _number(name: str, kind: type, default: Any, hint: Any, scale: int, about: dict[str, Any]) -> Knob:
    if kind is bool:
        return Knob(name, "switch", default, **about)
    metas = [part for part in parts(hint) if isinstance(part, Meta)]
    low = next((bound for m in metas for bound in (m.gt, m.ge) if bound is not None), None)
    high = next((bound for m in metas for bound in (m.lt, m.le) if bound is not None), None)
    positive = any(m.gt == 0 for m in metas) or (kind is int and low == 1)
    at = abs(float(scale if default is None else default)) or 1.0
    if low is not None and (default is None or not positive):
        begin = low
    else:
        begin = at / REACH if positive else -MORE * at
    end = high if high is not None else at * (REACH if positive else MORE)
    if kind is int:
        begin = max(round(begin), low if low is not None else round(begin))
        end = high if high is not None else max(round(end), round(begin) + 10)
    log = begin > 0 and end / begin >= DECADES
    return Knob(name, "whole" if kind is int else "real", default, float(begin), float(end), log, **about)


def _optional(hint: Any) -> bool:
    return any(type(None) in get_args(part) for part in parts(hint) if get_origin(part) in (Union, types.UnionType))
