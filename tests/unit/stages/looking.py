"""Worlds of agents with one sense each, for the tests of senses; and the oracle's view of who is around."""

from __future__ import annotations

from typing import Any

import numpy as np

import swarm
from swarm import Component, bool_, f32, i32
from tests.unit.stages.worlds import Body, differences, host, run, world


class Facing(Component):
    angle = f32(unit="rad", default=0)
    way = f32(2, default=0)


class Voice(Component):
    at = f32(2, unit="m")
    message = f32(3, default=0)
    loud = bool_(default=True)
    level = f32(unit="J", default=0)
    kind = i32(default=0)


def looked(backend: str, sense: Any, seekers: Any, others: Any = None, size: Any = (64.0, 64.0), **values: Any) -> Any:
    """What agents at `seekers` [N, 2] sense, float32 [N, width]; others [M, 2] are voices with these values.

    Values called angle, way belong to the seekers, who are voices too where `others` is None.
    """
    Mind = swarm.mind(it=sense, actions=("x",))
    w = world(backend, size)
    mine = {name: values.pop(name) for name in ("angle", "way") if name in values}
    seekers = np.asarray(seekers, np.float32).reshape(-1, 2)
    with_voice = (Voice(at=seekers, **values),) if others is None else ()
    w.spawn(len(seekers), Body(pos=seekers), Facing(**mine), *with_voice, Mind(), name="body")
    if others is not None:
        others = np.asarray(others, np.float32).reshape(-1, 2)
        w.spawn(len(others), Voice(at=others, **values), name="voice")
    run(w, *(swarm.index(column, radius=reach) for column, reach in sense.needs.items()), swarm.sense(Mind, Body.pos))
    return host(w.tables["body"], Mind.senses).copy()


def around(seekers: np.ndarray, others: np.ndarray, size: Any, radius: float, same: bool = False) -> Any:
    """dx, dy, d2 float32 [N, M] and who is within the radius, bool [N, M]; nobody is near itself."""
    dx, dy = differences(seekers, others, size)
    d2 = dx * dx + dy * dy
    near = d2 < np.float32(radius) ** 2
    if same:
        np.fill_diagonal(near, False)
    return dx, dy, d2, near
