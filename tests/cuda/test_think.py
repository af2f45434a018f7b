"""think on CUDA: the CPU's bits tick after tick, recorded or not, with brains of all kinds; faults say who and what."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Brains, Own
from swarm.brain import forward_cuda
from swarm.brain.mlp import DTYPES
from swarm.errors import NonFiniteError, ScheduleError, SchemaError
from tests.cuda.twins import both, columns
from tests.unit.stages.worlds import Body, Energy, world

pytestmark = pytest.mark.usefixtures("cuda_device")
Mind = swarm.mind(energy=Own(Energy.level), speed=Own(Body.vel), actions=("x", "y", "z"), memory=2)
NET = MLP((Mind.inputs, 7, Mind.outputs), output="tanh")
Plain = swarm.mind(energy=Own(Energy.level), actions=("x", "y"))


def thinkers(backend: str, count: int = 50, brains=NET, tables: int = 1, **spawn) -> swarm.World:
    """Agents that sense themselves and remember; what they do is left in their outputs."""
    w = world(backend)
    for k in range(tables):
        rng = np.random.default_rng(3 + k)
        own = brains(backend) if callable(brains) else brains
        vel = rng.normal(size=(count, 2)).astype(np.float32)
        agents = Body(pos=np.float32(1), vel=vel), Energy(level=rng.integers(0, 9, count)), Mind()
        w.spawn(count, *agents, name=f"t{k}", brains=own, **spawn)
    w.schedule = (swarm.sense(Mind), swarm.think(Mind))
    return w


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("worth", [1, 1 << 20], ids=["compiled for", "run-time sizes"])
def test_brains_of_their_own(dtype, worth, monkeypatch):
    monkeypatch.setattr(forward_cuda, "WORTH", worth)
    _, w = both(lambda backend: thinkers(backend, 37, tables=2, dtype=dtype), 5)
    found = columns(w)
    assert (found["t1/Mind.inputs_"][:, 3:] == found["t1/Mind.outputs_"][:, 3:]).all()
    assert np.abs(found["t1/Mind.outputs_"]).max() > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pool", [1, 9, 700])
def test_pools_that_agents_share(pool, dtype):
    rows = np.random.default_rng(0).integers(0, pool, 200).astype(np.int32)

    def make(backend):
        return thinkers(backend, 200, lambda b: Brains(NET, pool, seed=1, backend=b, dtype=dtype), brain=rows)

    both(make, 5)


@pytest.mark.parametrize("hidden", [range(1, 31), [3, 70, 3]], ids=["thirty", "two"])
def test_brains_of_several_architectures(hidden):
    mlps = [MLP((Mind.inputs, h, Mind.outputs)) for h in hidden]
    both(lambda backend: thinkers(backend, len(mlps), mlps), 5)


def test_one_readback_a_tick_and_recorded_launches(hosted):
    w = thinkers("cuda")
    for _ in range(6):
        w.step()
    before = hosted.reads
    for _ in range(3):
        w.step()
    assert hosted.reads == before + 3


def test_results_do_not_depend_on_the_order_of_threads(hosted):
    rows = np.random.default_rng(0).integers(0, 9, 80).astype(np.int32)
    found = []
    for order in ("ascending", "descending", 5):
        hosted.order = order
        w = thinkers("cuda", 80, lambda b: Brains(NET, 9, seed=1, backend=b), brain=rows)
        w.step()
        found.append({name: array.tobytes() for name, array in columns(w).items()})
    assert found[0] == found[1] == found[2]


def test_an_output_that_is_not_finite_names_entity_and_brain():
    w = thinkers("cuda", 300)
    ids = w.backend.host(w.tables["t0"].ids())
    w.tables["t0"].brains.parameters[271:280] = np.nan
    w.tick = 12
    with pytest.raises(NonFiniteError, match=f"entity {ids[271]} of table 't0'.*tick 12.*a parameter of its brain"):
        w.step()


@pytest.mark.parametrize("worth", [1, 1 << 20], ids=["compiled for", "run-time sizes"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_without_memory_the_brains_look_at_their_outputs_themselves(worth, dtype, monkeypatch):
    monkeypatch.setattr(forward_cuda, "WORTH", worth)
    w = world("cuda")
    w.spawn(40, Body(pos=1.0), Energy(), Plain(), name="t0", brains=MLP((Plain.inputs, 5, Plain.outputs)), dtype=dtype)
    w.schedule = (swarm.sense(Plain), swarm.think(Plain))
    for _ in range(5):
        w.step()
    ids = w.backend.host(w.tables["t0"].ids())
    w.tables["t0"].brains.parameters[31:36] = np.inf
    with pytest.raises(NonFiniteError, match=f"entity {ids[31]} of table 't0'.*tick 5.*a parameter of its brain"):
        w.step()


def test_a_sense_that_is_not_finite_is_named():
    w = thinkers("cuda", 10)
    ids = w.backend.host(w.tables["t0"].ids())
    w.tables["t0"].column(Energy.level)[7] = np.nan
    with pytest.raises(NonFiniteError, match=rf"entity {ids[7]} .*The sense 'energy \(J\)' must be finite"):
        w.step()


@pytest.mark.parametrize("number", [4, -1, 2**31 - 1])
def test_a_brain_number_that_does_not_exist(number):
    w = thinkers("cuda", 6, lambda b: Brains(NET, 4, backend=b), brain=np.zeros(6, np.int32))
    ids = w.backend.host(w.tables["t0"].ids())
    w.tables["t0"].brain[2] = number
    with pytest.raises(SchemaError, match=f"entity {ids[2]} .* has brain {number} .*holds 4"):
        w.step()


def test_tables_that_cannot_think():
    w = world("cuda")
    w.spawn(3, Body(pos=1.0), Energy(), Mind(), name="forager")
    w.schedule = (swarm.sense(Mind), swarm.think(Mind))
    with pytest.raises(ScheduleError, match="table 'forager' has no brains"):
        w.step()
    w = thinkers("cuda", brains=MLP((4, 3, Mind.outputs)))
    with pytest.raises(SchemaError, match="has 5 senses and memory, its brains take 4"):
        w.step()


def test_no_agents_think_nothing():
    w = thinkers("cuda", 0)
    w.step()
    assert w.tick == 1
