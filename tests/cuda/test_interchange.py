"""Arrays of other libraries go in without a copy, ours go out; worlds go from a card to the host and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swarm
from swarm import Component, Mutation, f32
from swarm.backend.device import Backend, choose
from swarm.errors import BackendError
from tests.cuda.twins import differing


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


def drift(world: swarm.World, dt: float) -> None:
    for agents in world.query(Body):
        agents[Body].pos += agents[Body].vel * np.float32(dt)
        agents[Body].pos %= np.float32(64)
        agents.birth(agents.uniform() < np.float32(0.1), Body(vel=(1.0, 0.5)))
        agents.kill(agents.uniform() < np.float32(0.1))


def make(backend: str) -> swarm.World:
    world = swarm.World(size=(64, 64), backend=backend, seed=3)
    brains = {"brains": swarm.MLP((3, 4, 2)), "mutation": Mutation(0.1)}
    world.spawn(40, Body(pos=world.scatter, vel=(1.0, 0.0)), name="a", **brains)
    world.resources["wind"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    world.resources["rain"] = 0.25
    world.schedule = (drift,)
    return world


class Exporter:
    """An array of another library on the card, with the CUDA array interface only."""

    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.array.__cuda_array_interface__


@pytest.fixture
def card() -> Backend:
    """The backend of a real card."""
    try:
        return choose("cuda")
    except BackendError as error:
        pytest.skip(f"no card: {error}")


@pytest.mark.gpu
@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_tensors_of_other_libraries_on_the_same_card(library: str, card: Backend):
    other, backend = pytest.importorskip(library), card
    made = other.ones((40, 2), **({"device": "cuda"} if library == "torch" else {}))
    world = make("cuda")
    agents = next(iter(world.query(Body)))
    agents[Body].vel = made
    assert (backend.host(agents[Body].vel) == 1).all()
    assert float(np.asarray(backend.host(backend.array(made))).sum()) == 80.0
    theirs = other.from_dlpack(agents[Body].pos) if library == "torch" else other.asarray(agents[Body].pos)
    assert tuple(theirs.shape) == (40, 2)


def test_a_column_has_both_interfaces(cuda_device: Any):
    world = make("cuda")
    column = next(iter(world.query(Body)))[Body].pos
    about = column.__cuda_array_interface__
    assert about["shape"] == (40, 2)
    assert about["data"][0] == world.tables["a"].storage[Body.pos].data.ptr
    assert hasattr(column, "__dlpack__")


@pytest.mark.gpu
def test_an_array_interface_is_taken_without_a_copy(card: Backend):
    world = make("cuda")
    there = world.backend.array(np.full((40, 2), 3.0, np.float32))
    taken = world.backend.array(Exporter(there))
    assert taken.data.ptr == there.data.ptr
    next(iter(world.query(Body)))[Body].vel = Exporter(there)
    assert (world.view(Body.vel)[1] == 3).all()


def test_device_arrays_are_spawned_assigned_and_written(cuda_device: Any):
    world = make("cuda")
    there = world.backend.array(np.linspace(0, 1, 80, dtype=np.float32).reshape(40, 2))
    agents = next(iter(world.query(Body)))
    agents[Body].vel = there
    assert np.array_equal(world.view(Body.vel)[1], world.backend.host(there))
    ids = world.spawn(40, Body(pos=there), name="b")
    assert type(ids) is np.ndarray
    assert np.array_equal(world.get(ids[3])[Body.pos], world.backend.host(there)[3])
    world.write(Body.vel, ids[0], there[7])
    assert np.array_equal(world.get(ids[0])[Body.vel], world.backend.host(there)[7])
    world.schedule = ()
    world.kill(world.backend.array(ids[:5]))
    world.step()
    assert world.counts()["b"] == 35


@pytest.mark.parametrize("way", [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")])
def test_a_saved_world_goes_on_elsewhere(way: tuple[str, str], cuda_device: Any, tmp_path: Path):
    whole, half = make(way[1]), make(way[0])
    for _ in range(3):
        half.step()
    half.save(tmp_path / "half")
    there = swarm.World.load(tmp_path / "half", components=[Body], schedule=(drift,), backend=way[1])
    assert there.backend.name == way[1]
    assert there.hash() == half.hash()
    for _ in range(3):
        there.step()
    for _ in range(6):
        whole.step()
    assert not differing(there, whole)
    assert there.hash() == whole.hash()


def test_loading_ends_what_was_recorded(cuda_device: Any, tmp_path: Path):
    from swarm import snapshot

    world, other = make("cuda"), make("cuda")
    other.save(tmp_path / "start")
    for _ in range(6):
        world.step()
    values, arrays = snapshot.read(tmp_path / "start")
    snapshot.restore(world, values, arrays, {"Body": Body})
    for _ in range(4):
        world.step()
        other.step()
    assert world.hash() == other.hash()


def test_resources_are_on_the_device_after_loading(cuda_device: Any, tmp_path: Path):
    world = make("cuda")
    world.resources["field"] = world.backend.array(np.arange(4.0))
    world.save(tmp_path / "saved")
    there = swarm.World.load(tmp_path / "saved", components=[Body], schedule=(drift,), backend="cuda")
    assert isinstance(there.resources["wind"], there.backend.xp.ndarray)
    assert there.resources["rain"] == 0.25
    assert there.backend.host(there.resources["field"]).tolist() == [0, 1, 2, 3]
    assert there.hash() == world.hash()


def test_a_device_lost_in_the_middle_leaves_the_last_file(hosted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class CUDARuntimeError(RuntimeError):
        """Named as CuPy's error is."""

    world = make("cuda")
    world.save(tmp_path / "saved")
    kept = (tmp_path / "saved").read_bytes()
    world.step()
    read, calls = hosted.read, []

    def breaks(array: Any) -> np.ndarray:
        calls.append(1)
        if len(calls) > 3:
            raise CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure")
        return read(array)

    monkeypatch.setattr(hosted, "read", breaks)
    try:
        with pytest.raises(BackendError, match="the last saved file stands"):
            world.save(tmp_path / "saved")
    finally:
        hosted.lost = ""
    monkeypatch.setattr(hosted, "read", read)
    assert (tmp_path / "saved").read_bytes() == kept
    assert swarm.World.load(tmp_path / "saved", components=[Body], backend="cpu").tick == 0


def test_the_brain_of_one_entity_shares_the_memory(cuda_device: Any):
    world = make("cuda")
    ids, _ = world.view(Body.pos)
    brain = world.brain(ids[4])
    answer = world.backend.host(brain(world.backend.array(np.ones((1, 3), np.float32))))
    on_cpu = make("cpu").brain(ids[4])(np.ones((1, 3), np.float32))
    assert np.array_equal(answer, on_cpu)


# ---------------------------------------------------------------------- pools that were made elsewhere


@pytest.mark.parametrize("home", ["reference", "cuda"])
@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16", "mixed", "shared"])
def test_a_pool_moves_to_the_world_it_is_given_to(cuda_device: Any, kind: str, home: str):
    """Trained on the processor, at home on the card, and the other way round: rows, births and hashes are the same."""

    def made(backend: str) -> tuple[swarm.World, swarm.Brains]:
        world = swarm.World(size=(64, 64), backend=backend, seed=3)
        dtype = kind if kind.startswith(("float", "bfloat")) else "float32"
        nets = [swarm.MLP((3, h, 2)) for h in (4, 5, 4, 6)] if kind == "mixed" else swarm.MLP((3, 4, 2))
        count = {} if kind == "mixed" else {"count": 4}
        pool = swarm.Brains(nets, **count, seed=1, backend=home, dtype=dtype)
        table = {"brain": [2, 0, 0, 3]} if kind == "shared" else {"mutation": swarm.Mutation(0.1)}
        world.spawn(4, Body(pos=world.scatter), name="a", brains=pool, **table)
        return world, pool

    def breed(world: swarm.World, dt: float) -> None:
        for agents in world.query(Body):
            agents.birth([0, 1, 1])
            agents.kill([2])

    (one, mine), (two, theirs) = made("cpu"), made("cuda")
    assert two.tables["a"].brains is theirs
    assert mine.backend is one.backend
    assert theirs.backend is two.backend
    assert one.hash() == two.hash()
    for world in (one, two):
        world.schedule = (breed,)
        for _ in range(4):
            world.step()
    assert one.hash() == two.hash()
    answers = [world.brain(world.view(Body.pos)[0][5])(np.ones((1, 3), np.float32)) for world in (one, two)]
    assert answers[0].tobytes() == two.backend.host(answers[1]).tobytes()
