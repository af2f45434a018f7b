"""Random worlds that graze, move and split, three ticks each: CUDA and the CPU are equal in all bits, hashes too."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import swarm
from tests.cuda.twins import same
from tests.parity.test_stages import build, radius_of
from tests.unit.stages.worlds import Body, Energy, Plant

pytestmark = pytest.mark.usefixtures("cuda_device")


def some(rng: np.random.Generator) -> tuple[dict, tuple]:
    """A random case for `build` and a schedule for it."""

    def of(*choices):
        return choices[rng.integers(len(choices))]

    case = {
        "seed": int(rng.integers(2**32)),
        "size": of((64.0, 64.0), (20.0, 33.0), (7.3, 400.0), (1000.0, 9.0)),
        "reach": of(0.5, 0.4, 0.3, 0.21, 0.1, 0.02),
        "bodies": of(0, 1, 2, 17, 200),
        "plants": of(0, 1, 2, 40, 200),
        "step": of(0.0, 0.25, 1.0),
    }
    radius, cap, share = radius_of(case), of(256, 256, 5), of("nearest", "equal")
    indexed = of(True, False)
    if indexed and of(True, False):  # they eat each other
        graze = swarm.graze(
            Body.pos, Body.pos, into=Energy.level, reach=radius, gain=of(Energy.level, 0.5), share=share
        )
    else:
        graze = swarm.graze(
            Body.pos, Plant.pos, into=Energy.level, reach=radius, gain=of(Plant.energy, 0.25),
            ripe=of(Plant.ripe, None), share=share,
        )  # fmt: skip
    schedule = (
        swarm.index(Plant.pos, radius=radius, cap=cap),
        *([swarm.index(Body.pos, radius=radius, cap=of(256, 4))] * indexed),
        graze,
        swarm.move(Body.pos, Body.vel, limit=of(None, 0.5, 1e-3)),
        swarm.split(Energy.level, above=of(1.0, 2.5), pos=of(Body.pos, None), spread=of(0, 0.3, 5.0)),
    )
    return case, schedule


@pytest.mark.parametrize("seed", range(4))
def test_random_worlds(seed):
    rng = np.random.default_rng(seed)
    for _ in range(6):
        case, schedule = some(rng)
        made = [build(backend, case) for backend in ("cpu", "cuda")]
        for world in made:
            world.tick, world.schedule = case["seed"] % 1000, schedule
            for table in world.tables.values():
                table.cap = None if case["seed"] % 2 else max(1, table.n + case["seed"] % 50)
        for t in range(3):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # crowded cells are wanted here
                for world in made:
                    world.step()
            same(*made, f"{case}, tick {t}")
        refused = [[table.refused_total for table in world.tables.values()] for world in made]
        assert refused[0] == refused[1]
        assert made[0].hash() == made[1].hash()
