"""Senses of others on the CPU against the reference, in random worlds: equal bits, since all operations are the same.

The worlds of `tests/parity/test_stages.py`: down to one cell per axis, positions on a lattice (ties, exact angles, the
same places, rays along walls) or anywhere, several tables, caps, rows out of id order; one world or three side by side.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swarm
from swarm import Heard, Nearest, Rays, Sectors
from swarm.stages import frame, frame_cpu
from tests.parity.test_stages import assert_equal, build, radius_of, relaxed, worlds
from tests.unit.stages.looking import Facing
from tests.unit.stages.worlds import Body, Energy, Plant, Wall, places

WALL = (Wall.a, Wall.b)


def felt(case: dict, sense, apart: int = 1):
    """Fill this sense on both backends; the senses must have equal bits."""
    Mind = swarm.mind(it=sense, actions=("x",))
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
        for backend in ("reference", "cpu"):
            w = build(backend, case)
            rng = np.random.default_rng(case["seed"])
            n, size, step = case["bodies"] // 2, w.size, case["step"]
            facing = Facing(angle=rng.uniform(-9, 9, n), way=rng.integers(-2, 3, (n, 2)))
            w.spawn(n, Body(pos=places(rng, n, size, step)), Energy(level=2), facing, Mind(), name="minds")
            w.spawn(40, Wall(a=places(rng, 40, size, step), b=places(rng, 40, size, step)), name="wall")
            w.ids.worlds = apart
            looks = {
                Body.pos: 0.1 * min(size)
            } | sense.needs  # their own grid gives the order in which they are visited
            indices = [swarm.index(column, radius=reach, cap=case["cap"]) for column, reach in looks.items()]
            w.schedule = (*indices, swarm.sense(Mind, Body.pos))
            with w.backend.running():
                for stage in w.schedule:
                    stage(w, w.dt)
            made.append(w)
    assert_equal(*made, Mind.senses)


@pytest.mark.parametrize("scale", [1e-3, 3.0, 1e4])
def test_frames(scale: float):
    """Angles and directions as unit vectors; the first that is not finite is named."""
    rng = np.random.default_rng(0)
    angle, way = rng.normal(size=5000).astype(np.float32), rng.integers(-3, 4, (5000, 2)).astype(np.float32)
    for kernel, values in (("turn", angle * np.float32(scale)), ("unit", way * np.float32(scale))):
        one, two = np.zeros((2, 5000, 2), np.float32)
        by = frame.turned(0.3)
        assert getattr(frame, kernel)(values, by, one) == getattr(frame_cpu, kernel)(values, by, two) == -1
        assert np.array_equal(one, two)
        assert np.allclose(np.hypot(*one.T), 1, atol=1e-6)
        values[[70, 31]] = np.nan, np.inf
        assert getattr(frame, kernel)(values, by, one) == getattr(frame_cpu, kernel)(values, by, two) == 31


turns = st.sampled_from([None, None, Facing.angle, Facing.way])
few = st.sampled_from([1, 1, 3])


@relaxed
@given(worlds, st.sampled_from([1, 2, 5]), turns, st.booleans(), few)
def test_nearest(case: dict, k: int, heading, flagged: bool, apart: int):
    where = Plant.ripe if flagged else None
    felt(case, Nearest(k, radius_of(case), Plant.pos, ((Plant.energy, 0.3), Plant.ripe), heading, where), apart)


@relaxed
@given(
    worlds, st.sampled_from([1, 3, 8, 8]), st.sampled_from(["closeness", "count", "distance", "sum", "mean"]), turns,
    st.booleans(), few,
)  # fmt: skip
def test_sectors(case: dict, n: int, reduce: str, heading, flagged: bool, apart: int):
    column = Plant.energy if reduce in ("sum", "mean") else None
    where = Plant.ripe if flagged else None
    felt(case, Sectors(n, radius_of(case), Plant.pos, reduce, column, heading, where), apart)


@relaxed
@given(worlds, st.sampled_from(["sum", "nearest"]), few)
def test_heard(case: dict, reduce: str, apart: int):
    felt(case, Heard(2, radius_of(case), of=Body.pos, message=(Body.vel, 0.1), reduce=reduce), apart)


@relaxed
@given(
    worlds, st.sampled_from([1, 4, 8, 17]), turns, st.sampled_from([True, False, Energy.level, Plant.energy]),
    st.sampled_from([0.1, 0.9, None]), st.sampled_from([2 * np.pi, 2 * np.pi, 1.0]), few,
)  # fmt: skip
def test_rays(case: dict, n: int, heading, hits, share: float | None, fov: float, apart: int):
    """Agents of one size, plants as large as their energy (at most 4), walls; or walls alone."""
    radius = radius_of(case) * (share or 1)
    room = min(case["size"]) / 2 - radius
    if share is None or room < 4:
        felt(case, Rays(n, radius, walls=WALL, fov=fov, heading=heading, hits=hits is True), apart)
    else:
        felt(
            case,
            Rays(n, radius, (Body.pos, Plant.pos), (room / 3, Plant.energy), WALL, fov, heading, hits, largest=4),
            apart,
        )
