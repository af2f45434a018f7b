"""move on CUDA: equal bits with the CPU, parts of columns, limits, and faults that name the entity."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component
from swarm.ecs.component import Column
from swarm.errors import NonFiniteError
from tests.cuda.twins import both, columns
from tests.unit.stages.worlds import Body, places, world

pytestmark = pytest.mark.usefixtures("cuda_device")


@pytest.mark.parametrize("count", [0, 1, 2, 301])
@pytest.mark.parametrize("limit", [None, 2.5])
def test_equal_bits(count, limit):
    """Displacements from tiny to absurd, an odd number of rows, two tables."""
    size = (7.3, 2825.48)

    def make(backend):
        rng = np.random.default_rng(count)
        w = world(backend, size)
        for name in ("a", "b"):
            vel = (rng.normal(size=(count, 2)) * 10.0 ** rng.uniform(-40, 17, (count, 1))).astype(np.float32)
            w.spawn(count, Body(pos=places(rng, count, size), vel=vel), name=name)
        w.schedule = (swarm.move(Body.pos, Body.vel, limit=limit),)
        return w

    both(make, 3)


def _part(parent: Column, start: int) -> Column:
    return Column(np.float32, (2,), parent=parent, part=slice(start, start + 2))


class Wide(Component):
    state = Column(np.float32, (5,))
    pos = _part(state, 1)
    vel = _part(state, 3)


def test_columns_that_are_parts_of_a_row():
    def make(backend):
        rng = np.random.default_rng(3)
        w = world(backend)
        w.spawn(33, Wide(state=rng.normal(size=(33, 5)).astype(np.float32) + 30), name="wide")
        w.schedule = (swarm.move(Wide.pos, Wide.vel, limit=20.0),)
        return w

    _, w = both(make, 2)
    assert (columns(w)["wide/Wide.state"][:, 1:3] < 64).all()


@pytest.mark.parametrize(("value", "column"), [(np.nan, "vel"), (np.inf, "vel"), (3e38, "pos")])
@pytest.mark.parametrize("row", [4, 5, 8])
def test_a_velocity_that_leads_nowhere_is_named(value, column, row):
    w = world("cuda")
    w.dt = 8.0
    vel = np.zeros((9, 2), np.float32)
    vel[row, 1] = value
    ids = w.spawn(9, Body(pos=1.0, vel=vel), name="b")
    w.schedule = (swarm.move(Body.pos, Body.vel),)
    with pytest.raises(NonFiniteError, match=f"move Body.pos: entity {ids[row]} of table 'b' has Body.{column}"):
        w.step()


def test_the_first_of_several_faults_is_named():
    w = world("cuda")
    ids = w.spawn(600, Body(pos=1.0, vel=np.nan), name="b")
    w.schedule = (swarm.move(Body.pos, Body.vel),)
    with pytest.raises(NonFiniteError, match=f"entity {ids[0]} "):
        w.step()
