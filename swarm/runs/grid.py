"""What a table of runs is made of: every combination of the settings' values, times the seeds, and their controls."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.scenes import chosen, load

CONTROLS = ("neutral",)
_LONGEST = 120  # letters of a run's name


@dataclass(frozen=True)
class Job:
    """One run that is asked for. `name`: of its folder; `of`: of the run whose control it is."""

    name: str
    values: dict[str, Any]
    control: str = ""
    of: str = ""


def jobs(scene: str, values: Mapping[str, Any], seeds: str | None, control: str | None) -> list[Job]:
    """The runs of a table, each before its control.

    values: settings; a text with commas, or a list, stands for several values unless the setting is a tuple itself.
    seeds: such as "0..29" or "1,5,7". Every run's settings are checked. Raises `SettingsError`.
    """
    if control is not None and control not in CONTROLS:
        raise SettingsError(f"--control {control}: no such control.{suggest(control, CONTROLS)}")
    if seeds is not None and "seed" in values:
        raise SettingsError("--seed and --seeds say two things. Leave one out.")
    axes = {name: _values(scene, name, value) for name, value in values.items()}
    if seeds is not None:
        axes["seed"] = numbers(seeds)
    found = []
    for combination in itertools.product(*axes.values()):
        given = dict(zip(axes, combination))
        chosen(scene, given)
        name = name_of(scene, given)
        found.append(Job(name, given))
        if control is not None:
            found.append(Job(f"{name}-{control}", given, control, name))
    names = [job.name for job in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"The run '{twice}' is asked for twice. Name each value once.")
    return found


def numbers(text: str) -> list[int]:
    """ "0..3,7" -> [0, 1, 2, 3, 7]. Raises `SettingsError`."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:\.\.\s*(\d+)\s*)?", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise SettingsError(f"--seeds {text}: give numbers and ranges, such as 0..29 or 1,5,7.")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def name_of(scene: str, given: Mapping[str, Any]) -> str:
    """A folder's name that says the scene and what was given, such as "my_world-living=0.1-seed=3"."""
    stem = re.split(r"[\\/]", scene)[-1].removesuffix(".py").replace(".py:", "-").replace(":", "-")
    words = [f"{name}={value}" for name, value in given.items() if name not in ("threads", "backend")]
    whole = "-".join([stem, *words])
    safe = re.sub(r"[^\w.=,+-]", "_", whole)
    if safe == whole and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _values(scene: str, name: str, value: Any) -> list[Any]:
    kind = next((str(f.type) for f in fields(load(scene).Settings) if f.name == name), "")
    if re.search(r"\b(tuple|list|Sequence)\b", kind):
        several = isinstance(value, list) and any(isinstance(one, list) for one in value)
        return list(value) if several else [value]
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, list):
        if not all(value_ != "" for value_ in value) or not value:
            raise SettingsError(f"{name}={value!r}: a value is missing. For example: --set {name}=1,2")
        return list(_once(value))
    return [value]


def _once(values: list[Any]) -> Iterator[Any]:
    return iter(dict.fromkeys(values))
