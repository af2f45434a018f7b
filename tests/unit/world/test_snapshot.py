"""Hash, fingerprint and files: what they cover, that they go by id, and what a bad file gets."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from swarm import MLP, Brains, Component, Mutation, World, bool_, f32, f64, i32, u8
from swarm.digest import difference, fingerprint, parts
from swarm.errors import SaveError, StaleError


class Body(Component):
    pos = f32(2, unit="m")
    mass = f64(default=2.0)
    kind = u8()
    on = bool_(3)


class Memo(Component):
    resets = True
    value = f32(3, default=0.5)


class Mark(Component):
    value = i32()


def live(world, dt):
    for agents in world.query(Body):
        agents[Body].pos = (agents[Body].pos + agents.normal(2) * dt) % np.float32(16)
        agents[Memo].value += agents.uniform(3)
        agents.birth(agents.uniform() < 0.2)
        agents.kill(agents.uniform() < 0.2)
    world.resources["ticks"] += 1
    world.resources["books"][0] += len(world.tables["own"])
    for agents in world.query(Mark):
        agents.birth([0], Mark(value=world.tick))
    world.scatter(1)


def make(backend="reference", seed=5, threads=None):
    world = World(size=(16, 16), tick=0.25, backend=backend, seed=seed, threads=threads)
    own = Brains(MLP((2, 3, 1)), 40, seed=1, backend="reference", dtype="bfloat16")
    body = Body(pos=world.scatter, kind=np.arange(40), on=(True, False, True))
    world.spawn(40, body, Memo, name="own", brains=own, mutation=Mutation(0.1, 0.5), cap=60)
    pool = Brains(MLP((1, 1)), 3, seed=2, backend="reference")
    world.spawn(4, Mark(value=7), name="shared", brains=pool, brain=[0, 1, 2, 0])
    mixed = [MLP((2, h)) for h in (1, 2, 1)]
    world.spawn(3, type("Lone", (Component,), {"x": f32()}), name="mixed", brains=mixed)
    world.resources |= {"ticks": 0, "books": np.zeros(3, np.int64), "ratio": 0.5}
    world.schedule = (live,)
    return world


def components(world):
    return [component for table in world.tables.values() for component in table.components]


@pytest.fixture
def world(backend):
    world = make(backend)
    for _ in range(7):
        world.step()
    return world


def test_the_hash_is_sixteen_digits_and_the_same_for_the_same_run(world):
    again = make(world.backend.name)
    for _ in range(7):
        again.step()
    assert len(world.hash()) == 16
    assert int(world.hash(), 16) >= 0
    assert again.hash() == world.hash()
    assert difference(world, again) is None
    other = make(world.backend.name, seed=6)
    for _ in range(7):
        other.step()
    assert other.hash() != world.hash()


def test_the_hash_goes_by_id_not_by_row(world):
    before = world.hash()
    for table in world.tables.values():
        table.permute(np.random.default_rng(3).permutation(table.n))
    assert world.hash() == before


CHANGES = {
    "own/Body.pos": lambda w: np.copyto(w.tables["own"].column(Body.pos)[3:4], 1),
    "own/Body.mass": lambda w: w.tables["own"].column(Body.mass).__setitem__(0, -2),
    "own/Body.on": lambda w: w.tables["own"].column(Body.on).__setitem__((1, 2), False),
    "own/Body.kind": lambda w: w.tables["own"].column(Body.kind).__setitem__(2, 99),
    "own/Memo.value": lambda w: w.tables["own"].column(Memo.value).__setitem__((4, 1), np.nan),
    "own/parents": lambda w: w.tables["own"].parents.__setitem__(0, 99),
    "own/born": lambda w: w.tables["own"].born.__setitem__(0, 99),
    "own/brains": lambda w: w.tables["own"].brains.parameters.__setitem__((2, 1), 0.25),
    "shared/brain": lambda w: w.tables["shared"].brain.__setitem__(0, 2),
    "shared/brains": lambda w: w.tables["shared"].brains.parameters.__setitem__((2, 1), 0.25),
    "mixed/brains 1": lambda w: w.tables["mixed"].brains.groups[1].parameters.__setitem__((0, 1), 0.25),
    "resources/books": lambda w: w.resources["books"].__setitem__(2, 1),
    "resources/ratio": lambda w: w.resources.update(ratio=0.25),
    "tick": lambda w: setattr(w, "tick", 8),
    "seed": lambda w: setattr(w, "seed", 8),
    "slots/generation": lambda w: w.ids.generation.__setitem__(1, 77),
    "slots/free": lambda w: w.ids.free.__setitem__(slice(1, 9), True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_shows_and_is_named(name):
    world, other = make(), make()
    for _ in range(3):
        world.step()
        other.step()
    before = fingerprint(world)
    CHANGES[name](world)
    assert world.hash() != other.hash()
    changed = [part for part, value in fingerprint(world).items() if before[part] != value]
    assert len(changed) == 1
    assert changed[0].startswith(name)
    found = difference(world, other)
    assert found is not None
    assert found.name == changed[0]
    assert found.name in str(found)


def test_the_first_entity_that_differs_is_named():
    world, other = make(), make()
    table = world.tables["own"]
    table.permute(np.arange(table.n)[::-1])
    ids = np.sort(table.ids())
    for id in (ids[30], ids[11]):
        world.write(Body.mass, int(id), 3.5)
    found = difference(world, other)
    assert found == ("own/Body.mass", int(ids[11]), 3.5, 2.0)
    assert str(found) == f"own/Body.mass of entity {ids[11]}: 3.5 against 2.0"
    world.kill(ids[2])
    world.step()
    other.step()
    other.tick = world.tick
    assert difference(world, other).entity == int(ids[2])


def test_two_changes_of_sign_do_not_cancel():
    """A sum of words times multipliers that did not spread the top bits would miss this."""
    world = make()
    before = world.hash()
    pos = world.tables["own"].column(Body.pos)
    pos[:] = -pos
    assert world.hash() != before
    pos[:, 0] = -pos[:, 0]
    assert world.hash() != before
    pos[:, 1] = -pos[:, 1]
    assert world.hash() == before


def test_the_parts_are_named_once():
    names = [part.name for part in parts(make())]
    assert len(names) == len(set(names))
    assert "own/Memo.value" in names


def test_a_saved_world_goes_on_as_if_nothing_had_happened(world, tmp_path):
    path = tmp_path / "world.safetensors"
    world.save(path)
    again = World.load(path, components(world), (live,), backend=world.backend.name)
    assert difference(world, again) is None
    assert again.hash() == world.hash()
    assert again.counts() == world.counts()
    assert again.resources["ticks"] == 7
    assert again.tables["own"].cap == 60
    assert again.tables["own"].mutation == Mutation(0.1, 0.5)
    assert again.tables["own"].born_total == world.tables["own"].born_total
    for _ in range(6):
        world.step()
        again.step()
    assert again.hash() == world.hash()
    dead = (1 << 32) + 1
    if dead not in world.tables["own"].ids():
        for w in (world, again):
            with pytest.raises(LookupError, match="died") as info:
                w.get(dead)
            assert "entity" in str(info.value)


def test_the_rows_keep_their_order(world, tmp_path):
    world.save(tmp_path / "w")
    again = World.load(tmp_path / "w", components(world), backend="reference")
    assert again.tables["own"].ids().tolist() == world.tables["own"].ids().tolist()


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # what is in a file is compared on the host
def test_any_tool_reads_the_file_and_it_holds_no_code(world, tmp_path):
    path = tmp_path / "world.safetensors"
    world.save(path)
    with safe_open(str(path), "numpy") as file:
        metadata = file.metadata()
        assert (file.get_tensor("table/own/Body.pos") == world.tables["own"].column(Body.pos)).all()
        assert "table/own/brains/layer0.weight" in file.keys()  # noqa: SIM118
    assert json.loads(metadata["world"])["tick"] == 7
    assert "def " not in metadata["world"]


def test_saving_is_whole_or_not_at_all(world, tmp_path, monkeypatch):
    path = tmp_path / "world.safetensors"
    world.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(SaveError, match="No space left on device"):
        world.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["world.safetensors"]


def test_a_bad_place_is_refused(world, tmp_path):
    with pytest.raises(SaveError, match="Cannot write"):
        world.save(tmp_path / "nowhere" / "world")
    with pytest.raises(SaveError, match=r"Cannot read|No such file"):
        World.load(tmp_path / "none", [])


@pytest.mark.parametrize("keep", [0, 5, 200, -1, -1000])
def test_a_truncated_file_says_so(world, tmp_path, keep):
    path = tmp_path / "world.safetensors"
    world.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SaveError, match="truncated or not a safetensors file"):
        World.load(path, components(world))


def test_a_foreign_file_says_so(tmp_path):
    save_file({"x": np.zeros(3)}, tmp_path / "other")
    with pytest.raises(SaveError, match="holds no world of ours"):
        World.load(tmp_path / "other", [])
    (tmp_path / "text").write_text("hello, this is not a world at all " * 9)
    with pytest.raises(SaveError, match="truncated or not a safetensors file"):
        World.load(tmp_path / "text", [])
    save_file({"x": np.zeros(3)}, tmp_path / "old", metadata={"format": "swarm.world", "version": "0"})
    with pytest.raises(SaveError, match="version 0"):
        World.load(tmp_path / "old", [])
    broken = {"format": "swarm.world", "version": "1", "world": "{"}
    save_file({"x": np.zeros(3)}, tmp_path / "broken", metadata=broken)
    with pytest.raises(SaveError, match="description is broken"):
        World.load(tmp_path / "broken", [])
    save_file({"x": np.zeros(3)}, tmp_path / "empty", metadata={**broken, "world": "{}"})
    with pytest.raises(SaveError, match="description is broken"):
        World.load(tmp_path / "empty", [])


def test_a_world_built_by_hand_asks_for_its_code(world, tmp_path):
    world.save(tmp_path / "w")
    with pytest.raises(SaveError, match=r"World.load\(path, components=\[Body, Lone, Mark, Memo\], schedule=\(...\)\)"):
        World.load(tmp_path / "w")
    with pytest.raises(SaveError, match=r"its component Memo is missing here"):
        World.load(tmp_path / "w", [Body, Mark])


def test_a_changed_component_says_what_changed(world, tmp_path):
    world.save(tmp_path / "w")
    changed = type("Mark", (Component,), {"value": i32(2)})
    with pytest.raises(SaveError, match=r"Mark.value changed since it was saved: int32 in the file, int32\[2\] here"):
        World.load(tmp_path / "w", [*components(world), changed])
    renamed = type("Mark", (Component,), {"worth": i32()})
    with pytest.raises(SaveError, match=r"Mark.value changed since it was saved: int32 in the file, not there here"):
        World.load(tmp_path / "w", [*components(world), renamed])


def test_a_scene_rebuilds_itself(world, tmp_path, monkeypatch):
    world.scene = {"path": "mine", "settings": {"agents": 40}, "source": "0"}
    world.save(tmp_path / "w")
    asked, source = [], "0"

    def rebuild(scene, backend, threads):
        asked.append((scene, backend))
        fresh = make(backend)
        lone = world.tables["mixed"].components
        fresh.tables["mixed"].components = lone
        fresh.scene = {**scene, "source": source}
        return fresh

    monkeypatch.setattr("swarm.scenes.rebuild", rebuild)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = World.load(tmp_path / "w", backend=world.backend.name)
    assert asked == [(world.scene, world.backend.name)]
    assert again.hash() == world.hash()
    again.step()
    world.step()
    assert again.hash() == world.hash()
    source = "1"
    with pytest.warns(UserWarning, match=r"Scene 'mine' was changed since this file was saved \(source 0, now 1\)"):
        assert World.load(tmp_path / "w").scene == {**world.scene, "source": "1"}


def test_what_is_queued_is_not_lost_in_a_file(world, tmp_path):
    world.kill(world.tables["own"].ids()[:1])
    with pytest.raises(SaveError, match="Births or deaths are queued at tick 7"):
        world.save(tmp_path / "w")
    assert not list(tmp_path.iterdir())
    world.step()
    world.save(tmp_path / "w")


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # arrays of a card have no guard
def test_views_from_before_loading_are_stale(world, tmp_path):
    from swarm import snapshot

    pos = next(world.query(Body))[Body].pos
    values, arrays = snapshot.state(world)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    known = {c.__name__: c for c in components(world)}
    before = world.hash()
    world.step()
    snapshot.restore(world, values, arrays, known)
    assert world.hash() == before
    with pytest.raises(StaleError):
        pos + 1
