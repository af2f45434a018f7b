"""sense on CUDA: what agents feel of themselves, senses side by side in one row, senses of the user's own, growth."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, Own, Sectors, bool_, f32, f64, i32, i64, u8, u32, u64
from swarm.ecs.component import Column
from swarm.stages.own_cuda import FEEL_BYTES
from tests.cuda.stages import run
from tests.cuda.twins import both, differing, host
from tests.unit.stages.worlds import Body, Energy, Plant, places, shuffle, world

pytestmark = pytest.mark.usefixtures("cuda_device")


class Feelings(Component):
    """A column of every kind of number."""

    pain = f32()
    mass = f64()
    awake = bool_()
    teeth = u8(3)
    age = i32()
    debt = i64(2)
    coins = u32()
    stars = u64()
    legs = Column(np.int16)
    ears = Column(np.int8)
    hairs = Column(np.uint16)


def feelings(rng: np.random.Generator, n: int) -> Feelings:
    """Numbers over all of their range, so that roundings to float32 show."""
    return Feelings(
        pain=rng.normal(size=n), mass=rng.normal(size=n) * 1e9, awake=rng.random(n) < 0.5,
        teeth=rng.integers(0, 256, (n, 3)), age=rng.integers(-(2**31), 2**31, n),
        debt=rng.integers(-(2**62), 2**62, (n, 2)), coins=rng.integers(0, 2**32, n),
        stars=rng.integers(0, 2**64, n, np.uint64), legs=rng.integers(-(2**15), 2**15, n),
        ears=rng.integers(-128, 128, n), hairs=rng.integers(0, 2**16, n),
    )  # fmt: skip


def columns_of(component: type[Component]) -> list[Column]:
    return [column for column in component.columns if column.parent is None]


@pytest.mark.parametrize("scale", [1.0, 0.1, -3e-5])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_numbers_of_every_kind(scale, backend):
    """Copied, or scaled as NumPy scales them: 32 bits and more in float64."""
    Mind = swarm.mind(actions=("x",), memory=1, **{c.name: Own(c, scale=scale) for c in columns_of(Feelings)})
    made = []
    for name in (backend, "cuda"):
        w = world(name)
        w.spawn(60, feelings(np.random.default_rng(1), 60), Mind(), name="one")
        w.spawn(7, feelings(np.random.default_rng(2), 7), Mind(), name="two")
        assert run(w, swarm.sense(Mind)) is None
        made.append(w)
    assert not differing(*made)
    assert made[0].tables["one"].column(Mind.senses).all(axis=0).any()


Mind = swarm.mind(
    food=Sectors(8, 9.0, of=Plant.pos), energy=Own(Energy.level, scale=0.3), kin=Sectors(8, 4.0, of=Body.pos),
    speed=Own(Body.vel), actions=("x", "y"), memory=3,
)  # fmt: skip
STAGES = swarm.index(Body.pos), swarm.index(Plant.pos), swarm.sense(Mind)


def crowd(backend: str) -> swarm.World:
    rng = np.random.default_rng(4)
    w = world(backend)
    w.spawn(150, Plant(pos=places(rng, 150, w.size)), name="plant")
    for name, count in (("one", 90), ("two", 33)):
        body = Body(pos=places(rng, count, w.size), vel=rng.normal(size=(count, 2)))
        w.spawn(count, body, Energy(level=rng.random(count)), Mind(), name=name)
    shuffle(w, 4)
    return w


def test_all_senses_of_a_row():
    made = [crowd(backend) for backend in ("cpu", "cuda")]
    assert [run(w, *STAGES) for w in made] == [None, None]
    assert not differing(*made)
    assert STAGES[2].on_cuda is not None


def test_memory_of_the_mind_can_be_felt():
    """A part of a wider column, of the mind itself."""
    Echo = swarm.mind("Echo", recall=Own(Mind.memory), actions=("x",))
    made = []
    for backend in ("cpu", "cuda"):
        w = world(backend)
        w.spawn(20, Mind(memory=np.arange(60).reshape(20, 3)), Echo(), name="minds")
        assert run(w, swarm.sense(Echo)) is None
        made.append(w)
    assert not differing(*made)
    assert host(made[1], made[1].tables["minds"].column(Echo.senses))[3].tolist() == [9, 10, 11]


def test_nothing_moves_in_later_ticks(cuda_device):
    w = crowd("cuda")
    run(w, *STAGES)
    epoch, reads = cuda_device.epoch, cuda_device.reads
    with w.backend.running():
        w.tick += 1
        for stage in STAGES:
            stage(w, w.dt)
    assert (cuda_device.epoch, cuda_device.reads) == (epoch, reads)


def test_recorded_and_replayed(cuda_device):
    """The launches of a tick, replayed after everybody moved, sense what they would have sensed."""
    w, fresh = crowd("cuda"), crowd("cpu")
    run(w, *STAGES)
    with w.backend.running():
        with cuda_device.capture() as graph:
            for stage in STAGES:
                stage(w, w.dt)
        for world in (w, fresh):
            for table in world.tables_with(Body.pos):
                table.column(Body.pos)[:] = table.column(Body.pos)[:, ::-1] * np.float32(0.5)
        graph.launch()
    run(fresh, *STAGES)
    assert not differing(fresh, w)


def test_columns_that_moved_are_found_again():
    """A table that grew has its columns elsewhere."""
    made = [crowd(backend) for backend in ("cpu", "cuda")]
    for w in made:
        run(w, *STAGES)
        rng = np.random.default_rng(9)
        w.spawn(300, Body(pos=places(rng, 300, w.size), vel=1), Energy(level=0.5), Mind(), name="two")
        assert run(w, *STAGES) is None
    assert not differing(*made)


def test_ticks_in_which_agents_come_and_go():
    """A Python system kills between recorded stages; children come from another. Rows move, the senses stay right."""

    def thin(world, dt):
        for agents in world.query(Body, Energy):
            agents.kill(agents[Energy].level < 0.02 * (world.tick + 1))
            agents.birth(agents[Energy].level > 0.97, Energy(level=0.3))

    def make(backend):
        w = crowd(backend)
        w.tables["one"].reserve(200, "the test")
        w.schedule = (*STAGES, swarm.move(Body.pos, Body.vel), thin)
        return w

    one, two = both(make, ticks=8)
    assert sum(table.died_total for table in one.tables.values()) > 5
    assert sum(table.born_total for table in one.tables.values()) > 5
    assert two._runner is not None
    assert getattr(two._runner._parts[0], "graph", None) is not None


class Height:
    """A sense of the user's own: how far up an agent stands."""

    width, reads, needs = 1, (Body.pos,), {}

    def labels(self, name):
        return [name]

    def describe(self):
        return {"sense": "height"}

    def fill(self, world, seeker, out, at):
        out[:, at] = seeker.table.column(Body.pos)[:, 1] / np.float32(world.size[1])
        return -1


def test_a_sense_of_the_users_own():
    """It works on arrays of the device, and is not recorded."""
    Tall = swarm.mind("Tall", energy=Own(Energy.level), height=Height(), kin=Sectors(8, 5, of=Body.pos), actions=("x",))
    sense = swarm.sense(Tall)
    made = []
    for backend in ("cpu", "cuda"):
        w = world(backend)
        w.spawn(50, Body(pos=places(np.random.default_rng(5), 50, w.size)), Energy(level=0.25), Tall(), name="tall")
        assert run(w, swarm.index(Body.pos), sense) is None
        made.append(w)
    assert sense.on_cuda is None
    assert not differing(*made)


def test_half_precision_has_no_kernel():
    class Half(Component):
        level = Column(np.float16)

    Soft = swarm.mind("Soft", level=Own(Half.level, scale=0.5), actions=("x",))
    w = world("cuda")
    w.spawn(5, Half(level=np.arange(5)), Soft(), name="soft")
    sense = swarm.sense(Soft)
    assert sense.on_cuda is None
    assert run(w, sense) is None
    assert host(w, w.tables["soft"].column(Soft.senses))[:, 0].tolist() == [0, 0.5, 1, 1.5, 2]


def test_the_struct_is_as_large_as_python_says(hosted):
    out = hosted.xp.zeros(1, np.int32)
    text = '#include "own.cu"\nKERNEL sizes(int* out) { out[0] = sizeof(Feel); }\n'
    hosted.kernels(text, FEELS=1)["sizes"](1, out, block=32)
    assert hosted.read(out).tolist() == [FEEL_BYTES]
