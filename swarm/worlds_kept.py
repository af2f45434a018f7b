"""Resources of many worlds in one: how those of each go in and come out.

of a scene, of fields      value [W, ...]      a number or an array of each world, all of one shape
thought <mind>             int64 [slots]       by slot, as `stages.rate` keeps it: slots of all worlds in turn
overrides                  u64 [K] ids, and the actions of each, as `ecs.override` keeps them
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swarm.ecs.override import ACTIONS, IDS
from swarm.errors import SettingsError
from swarm.stages.rate import KEPT

Resources = dict[str, Any]
_HALF = np.uint64(32)  # bits of a generation in an id


def join(each: Sequence[Resources]) -> Resources:
    """The resources of all these worlds in one. Raises `SettingsError` for those that are not alike."""
    count, found = len(each), {}
    for name in dict.fromkeys(name for one in each for name in one):
        if name.startswith(KEPT):
            held = [np.asarray(one.get(name, ())) for one in each]
            last = found[name] = np.full(max(map(len, held)) * count, -1)
            for k, array in enumerate(held):
                last[k::count][: len(array)] = array
            found[name] = _trimmed(last)
        elif name not in (IDS, ACTIONS):
            found[name] = np.stack([_like(name, one.get(name), each[0].get(name)) for one in each])
    driven = [(k, one[IDS], one[ACTIONS]) for k, one in enumerate(each) if IDS in one]
    if driven:
        ids = np.concatenate([_shifted(who, count, k) for k, who, _ in driven])
        wide = max(actions.shape[1] for *_, actions in driven)
        every = [np.pad(actions, ((0, 0), (0, wide - actions.shape[1]))) for *_, actions in driven]
        order = np.argsort(ids)
        found[IDS], found[ACTIONS] = ids[order], np.concatenate(every)[order]
    return found


def apart(resources: Resources, k: int, count: int) -> Resources:
    """Copies of those of world k of `count`, as they are alone."""
    found = {}
    for name, value in resources.items():
        if count == 1:
            found[name] = value.copy() if hasattr(value, "copy") else value
        elif name.startswith(KEPT):
            last = _trimmed(value[k::count].copy())
            found |= {name: last} if len(last) else {}
        elif name not in (IDS, ACTIONS):
            found[name] = value[k].copy()
    if count > 1 and IDS in resources:
        slots = resources[IDS] >> _HALF
        mine = slots % np.uint64(count) == k
        if mine.any():
            ids = resources[IDS][mine]
            found[IDS] = slots[mine] // np.uint64(count) << _HALF | ids & np.uint64(0xFFFFFFFF)
            found[ACTIONS] = resources[ACTIONS][mine]
    return found


def need_alike(resources: Resources, fresh: Resources) -> None:
    """Raise `SettingsError` unless a world that is built anew has the resources that the others have."""
    for name, value in resources.items():
        if name.startswith(KEPT) or name in (IDS, ACTIONS):
            continue
        if name not in fresh:
            raise SettingsError(
                f"reset: resource '{name}' was made by a system; a world built anew does not have it. Make it in the "
                "scene's build, a field by Field.of(world)."
            )
        _like(name, fresh[name], value[0])


def reset(resources: Resources, k: int, count: int, fresh: Resources) -> None:
    """Put those of a world that is built anew in the place of world k's; nobody has thought or is driven there."""
    for name in [name for name in resources if name.startswith(KEPT)]:
        resources[name][k::count] = -1
        resources[name] = _trimmed(resources[name])
    if IDS in resources:
        others = (resources[IDS] >> _HALF) % np.uint64(count) != k
        for name in (IDS, ACTIONS):
            resources[name] = resources[name][others]
        if not others.any():
            del resources[IDS], resources[ACTIONS]
    for name, value in fresh.items():
        resources[name][k] = value


def _shifted(ids: np.ndarray, count: int, k: int) -> np.ndarray:
    """Ids u64 of world k alone as they are among `count`."""
    return ((ids >> _HALF) * np.uint64(count) + np.uint64(k)) << _HALF | ids & np.uint64(0xFFFFFFFF)


def _trimmed(last: np.ndarray) -> np.ndarray:
    """Up to the last slot that has thought."""
    return last[: 1 + int(np.max(np.flatnonzero(last >= 0), initial=-1))]


def _like(name: str, value: Any, first: Any) -> np.ndarray:
    """A resource as an array. Raises `SettingsError` if it is not of the kind of the first world's."""
    array, other = np.asarray(value), np.asarray(first)
    if array.dtype.kind not in "biufc" or array.shape != other.shape or array.dtype != other.dtype:
        raise SettingsError(
            f"resource '{name}' is {array.dtype} {array.shape} in one world, {other.dtype} {other.shape} in another. "
            "Resources of several worlds are numbers or arrays of one shape."
        )
    return array
