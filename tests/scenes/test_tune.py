"""Settings that act on a running world: as if the world had been built with them, and saved files go on with them."""

from __future__ import annotations

import dataclasses
import textwrap

import pytest

from swarm import snapshot
from swarm.errors import ScheduleError, SettingsError
from swarm.scenes import check, load, scene, settings_of
from swarm.scenes.tune import tunable, tune
from swarm.world import World

SCENES = {
    "foragers": {"agents": 60},
    "predators": {"agents": 80},
    "flock": {"agents": 60},
    "ants": {"agents": 60},
    "town": {"agents": 60},
    "wolfsheep": {"agents": 80},
}
EVERY = [(path, name) for path in SCENES for name in tunable(path)]
TICKS = 12


def other(path: str, name: str):
    """A value that the setting does not have by default."""
    value = getattr(settings_of(path), name)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    return 40 if value is None else 0.5 * value if value < 1 else 1.25 * value


def small(path: str, **values) -> World:
    return scene(path, **{**SCENES[path], "seed": 3, "backend": "reference", **values})


def run(world: World, ticks: int = TICKS) -> str:
    for _ in range(ticks):
        world.step()
    return world.hash()


@pytest.mark.parametrize(("path", "name"), EVERY)
def test_tuned_is_built_with_it(path, name):
    """The same state under the tuned rules and under those of a world built with the value has the same future.

    The state is one that has gone on for a while: what the value does to the first tick is none of tuning's business.
    """
    value = other(path, name)
    begun, built = small(path), small(path, **{name: value})
    run(begun)
    values, arrays = snapshot.state(begun)
    values["scene"] = built.scene
    for table, made in zip(values["tables"], built.tables.values()):  # rules, which files keep beside the state
        table["mutation"] = None if made.mutation is None else dataclasses.asdict(made.mutation)
        table["cap"] = made.cap
    known = {c.__name__: c for table in built.tables.values() for c in table.components}
    snapshot.restore(built, values, arrays, known)
    before = begun.hash()
    tune(begun, name, value)
    assert begun.hash() == before == built.hash()  # no state has changed
    assert begun.scene == built.scene
    assert run(begun) == run(built)
    check(begun)


@pytest.mark.parametrize("path", SCENES)
def test_some_setting_matters(path):
    """The test above is no tautology: under some other value the future is another."""
    plain = run(small(path))
    futures = []
    for name in tunable(path):
        world = small(path)
        tune(world, name, other(path, name))
        futures.append(run(world))
    assert any(future != plain for future in futures)


@pytest.mark.parametrize(("path", "name"), [("foragers", "mutation"), ("flock", "wind"), ("ants", "fade")])
def test_a_tuned_world_that_was_saved_goes_on_the_same(path, name, tmp_path):
    world = small(path)
    run(world)
    tune(world, name, other(path, name))
    run(world, 3)
    world.save(tmp_path / "a.safetensors")
    again = World.load(tmp_path / "a.safetensors", backend="reference")
    assert again.scene["settings"][name] == other(path, name)
    assert run(again) == run(world)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("living", -1.0, "living"),
        ("living", "plenty", "living"),
        ("regrow", 0, "regrow"),
        ("crowd", 20.0, "does not act on a running world"),
        ("livin", 1.0, "Did you mean 'living'"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(name, value, says):
    world, twin = small("foragers"), small("foragers")
    schedule, made_by = world.schedule, dict(world.scene)
    with pytest.raises(SettingsError, match=says):
        tune(world, name, value)
    assert world.schedule is schedule and world.scene == made_by
    assert run(world) == run(twin)


def test_a_world_built_by_hand_has_no_settings():
    with pytest.raises(SettingsError, match="no scene"):
        tune(World(10.0, backend="reference"), "living", 1.0)


def test_within_a_tick_nothing_is_tuned():
    world = small("foragers")
    world.schedule = (*world.schedule, lambda world, dt: tune(world, "living", 1.0))
    with pytest.raises(ScheduleError, match="between two ticks"):
        world.step()


def test_what_was_set_by_hand_stays_unless_it_is_asked_for():
    world = small("foragers")
    mutation = dataclasses.replace(world.tables["forager"].mutation, sigma=0.5)
    world.tables["forager"].mutation, world.tables["forager"].cap = mutation, 70
    tune(world, "living", 0.3)
    assert world.tables["forager"].mutation == mutation and world.tables["forager"].cap == 70
    tune(world, "mutation", 0.2)
    assert world.tables["forager"].mutation.sigma == 0.2


def test_numbers_among_the_resources_are_rules_too(tmp_path):
    """As the template keeps them; what the world counts there itself stays."""
    from swarm.scenes import new

    path = tmp_path / "mine.py"
    new.write(path)
    world = scene(str(path), agents=20, backend="reference")
    world.resources["counted"] = 5
    assert tune(world, "living", 0.7) is True
    assert world.resources == {"living": 0.7, "counted": 5}
    assert tune(world, "cap", 30) is False
    assert world.tables["grazer"].cap == 30
    built = scene(str(path), agents=20, backend="reference", living=0.7, cap=30)
    built.resources["counted"] = 5
    assert run(world) == run(built)


def test_minds_made_by_every_build_are_told_apart(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            import swarm
            from swarm import Component, Own, f32

            class Body(Component):
                pos, vel = f32(2, unit="m"), f32(2, unit="m/s")

            @dataclass(frozen=True)
            class Settings:
                agents: int = 5
                speed: float = 1.0
                backend: str = "reference"

            TUNE = ("speed",)

            def build(s):
                world = swarm.World(20, backend=s.backend)
                mind = swarm.mind(speed=Own(Body.vel), actions=("x",))
                world.spawn(s.agents, Body(pos=world.scatter), mind, brains=swarm.MLP((mind.inputs, 1)), name="a")
                world.schedule = (swarm.sense(mind), swarm.think(mind), swarm.move(Body.pos, Body.vel, limit=s.speed))
                return world
            """
        )
    )
    world = scene(str(path))
    with pytest.raises(SettingsError, match="Make it once"):
        tune(world, "speed", 2.0)
    assert world.scene["settings"]["speed"] == 1.0


def test_a_scene_whose_list_is_wrong_is_named(monkeypatch):
    monkeypatch.setattr(load("flock"), "TUNE", ("wnd",))
    with pytest.raises(SettingsError, match=r"'wnd', which is no setting\. Did you mean 'wind'"):
        tunable("flock")
