"""Worlds in one have the hashes they have alone: tick by tick, on any threads, permuted, saved, and after a reset."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import check, many, repeat, scene
from swarm.world import World

W, TICKS, SEED = 3, 64, 7
VALUES = {"agents": 30, "cap": 34, "lifespan": 60, "rich": 0.6, "regrow": 20}  # the cap turns some away

MIXING = """
from dataclasses import dataclass
import swarm
from swarm import Component, f32

class Body(Component):
    pos = f32(2, unit="m")
    mood = f32()

@dataclass(frozen=True)
class Settings:
    agents: int = 20
    seed: int = 1
    backend: str = "auto"
    threads: int | None = None

def calm(world, dt):
    for agents in world.query(Body):
        agents[Body].mood = agents.uniform()
        agents.birth(agents.uniform() < 0.05)

def share(world, dt):
    for agents in world.query(Body):
        agents[Body].mood += len(agents)

def build(settings):
    world = swarm.World(size=(50, 50), seed=settings.seed, backend=settings.backend, threads=settings.threads)
    world.spawn(settings.agents, Body(pos=world.scatter), name="walker")
    world.schedule = (calm, share)
    return world

def score(world):
    return world.tables["walker"].n
"""


def alone(backend: str, seed: int, ticks: int = 0, **values) -> World:
    world = scene("foragers", **VALUES, backend=backend, seed=seed, **values)
    for _ in range(ticks):
        world.step()
    return world


def joined(backend: str, ticks: int = 0, **values) -> World:
    world = scene("foragers", worlds=W, **VALUES, backend=backend, seed=SEED, **values)
    for _ in range(ticks):
        world.step()
    return world


def hashes(world: World) -> list[str]:
    return [world.hash(k) for k in range(world.worlds)]


@pytest.fixture(scope="module", params=["reference", "cpu"])
def expected(request):
    """The backend, and the hashes of the worlds alone, tick by tick."""
    worlds = [alone(request.param, SEED + k) for k in range(W)]
    found = []
    for _ in range(TICKS):
        for world in worlds:
            world.step()
        found.append([world.hash() for world in worlds])
    assert len(set(found[-1])) == W
    return request.param, found


def test_every_tick_of_every_world(expected):
    backend, found = expected
    world = joined(backend)
    for t in range(TICKS):
        world.step()
        assert hashes(world) == found[t], f"tick {t}"
    foragers = world.tables["forager"]
    assert min(foragers.born_total.sum(), foragers.died_total.sum(), foragers.refused_total.sum()) > 0
    check(world)
    for k in range(W):
        check(world.apart(k))
    for t in (*range(3), 50):  # ids never given out are not there in any world either
        assert world.ids.free.reshape(-1, W)[:, t % W].sum() == world.ids.spare[t % W]


def test_another_number_of_threads_and_permuted_rows(expected):
    backend, found = expected
    world, rng = joined(backend, threads=1), np.random.default_rng(0)
    for t in range(TICKS):
        if t % 9 == 0:
            for table in world.tables.values():
                table.permute(rng.permutation(table.n))
        world.step()
    assert hashes(world) == found[-1]


def test_saved_and_loaded(expected, tmp_path):
    backend, found = expected
    world = joined(backend, 20)
    world.save(tmp_path / "many.safetensors")
    loaded = World.load(tmp_path / "many.safetensors", backend=backend)
    assert loaded.worlds == W and loaded.seeds.tolist() == world.seeds.tolist() and loaded.hash() == world.hash()
    assert loaded.tables["forager"].born_total.tolist() == world.tables["forager"].born_total.tolist()
    for _ in range(TICKS - 20):
        loaded.step()
    assert hashes(loaded) == found[-1]
    check(loaded)


def test_a_world_apart_goes_on_as_it_would_among_the_others(expected):
    backend, found = expected
    apart = joined(backend, 20).apart(1)
    assert apart.hash() == found[19][1] and apart.tick == 20 and apart.seed == SEED + 1
    for _ in range(TICKS - 20):
        apart.step()
    assert apart.hash() == found[-1][1]
    check(apart)


def test_a_reset_world_is_what_it_is_alone_from_its_start(expected, tmp_path):
    backend, found = expected
    world = joined(backend, 25)
    world.reset(1)
    world.reset([0], seeds=[SEED + 2])
    assert world.ticks.tolist() == [0, 0, 25] and world.seeds.tolist() == [SEED + 2, SEED + 1, SEED + 2]
    assert hashes(world) == [alone(backend, SEED + 2).hash(), alone(backend, SEED + 1).hash(), found[24][2]]
    world.save(tmp_path / "many.safetensors")
    world = World.load(tmp_path / "many.safetensors", backend=backend)
    for _ in range(TICKS - 25):
        world.step()
    at = TICKS - 25 - 1
    assert hashes(world) == [found[at][2], found[at][1], found[-1][2]]
    check(world)


def test_reset_by_mask_and_of_one_world(expected):
    backend, found = expected
    world = joined(backend, 5)
    world.reset(np.array([True, True, True]))
    world.step()
    assert hashes(world) == found[0]
    single = alone(backend, SEED, 7)
    single.reset(0)
    single.step()
    assert single.hash() == found[0][0]


def test_one_world_is_a_plain_world(expected):
    backend, found = expected
    world = scene("foragers", worlds=1, **VALUES, backend=backend, seed=SEED)
    assert world.worlds == 1 and world.seeds == SEED
    world.step()
    assert world.hash() == world.hash(0) == found[0][0]


def test_the_hash_of_all_covers_every_world(expected):
    backend, _ = expected
    first, again = joined(backend, 3), joined(backend, 3)
    assert first.hash() == again.hash()
    again.reset(2, seeds=[99])
    assert first.hash() != again.hash()


@pytest.mark.parametrize("path", ["foragers", "flock"])
def test_check_runs_three_worlds_against_each_alone(path):
    _, finding = many.compare(path, {"agents": 40, "backend": "cpu"}, 12)
    assert finding is None


def test_a_system_that_mixes_worlds_is_found(tmp_path):
    path = tmp_path / "mixing.py"
    path.write_text(MIXING)
    _, finding = repeat.compare(str(path), {"backend": "reference"}, 5, "worlds")
    assert finding is not None and finding.tick == 0 and finding.system == "share"
    assert "walker/Body.mood" in str(finding)


def test_scores_of_worlds_one_by_one(tmp_path):
    path = tmp_path / "scored.py"
    path.write_text(MIXING)
    world = scene(str(path), seeds=[3, 5], backend="reference")
    for _ in range(5):
        world.step()
    assert world.score().tolist() == [world.counts(0)["walker"], world.counts(1)["walker"]]
    assert world.score().sum() == world.counts()["walker"] > 40
