"""The view of a world: picture and ticks go on beside each other, and what is done to the world waits for it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import swarm
from swarm.errors import SettingsError
from swarm.render import deeds
from swarm.render.pace import SPEEDS
from swarm.render.target import Target
from swarm.render.view import View
from tests.image import windowed

SIZE = (320, 200)


@pytest.fixture
def target(gl):
    made = Target(gl, SIZE)
    yield made
    made.release()


@pytest.fixture
def view(gl):
    made = View(gl, windowed.world(), SIZE)
    yield made
    made.release()


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.001)


def test_a_slow_tick_holds_no_frame_up(view, target):
    """The tick waits for the test; frames are drawn meanwhile, and the camera moves in them."""
    go, step = threading.Event(), view.world.step
    view.world.step = lambda: (go.wait(20), step())
    view.frame(target.framebuffer, 1.0)
    assert not view.ticker.idle
    pictures = []
    for _ in range(3):
        view.camera.pan(7, 0)
        view.frame(target.framebuffer, 0.02)
        pictures.append(target.read().copy())
    assert view.world.tick == 0
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[1] != pictures[2]).any()
    go.set()
    view.settle()
    assert view.world.tick >= 1


def test_a_slow_picture_holds_no_tick_up(view, target):
    """While one frame is drawn the world makes the ticks that were due."""
    draw = view.renderer.draw

    def slowly(framebuffer):
        until(lambda: view.world.tick == 1)
        draw(framebuffer)

    view.renderer.draw = slowly
    view.frame(target.framebuffer, 0.02)
    assert view.world.tick == 1


def test_what_is_asked_for_during_a_tick_is_done_behind_it(view, target):
    go, step, seen = threading.Event(), view.world.step, []
    view.world.step = lambda: (go.wait(20), step())
    view.frame(target.framebuffer, 0.02)
    view.act(lambda: seen.append(view.world.tick))
    view.frame(target.framebuffer, 0.0)
    assert seen == []
    go.set()
    view.settle()
    view.frame(target.framebuffer, 0.0)
    assert seen == [1]


def test_an_error_in_a_deed_is_said_and_harms_nothing(view, target):
    def deed():
        raise SettingsError("this cannot be")

    view.act(deed)
    assert view.message == "this cannot be"
    view.frame(target.framebuffer, 0.02)
    view.settle()
    assert view.world.tick == 1


def test_the_world_is_not_driven_beyond_its_end(view, target):
    view.end = 5
    view.pace.level = len(SPEEDS) - 1
    for _ in range(30):
        view.frame(target.framebuffer, 0.02)
    view.settle()
    assert view.world.tick == 5


def test_a_step_is_one_tick_and_pauses(view, target):
    view.step()
    assert (view.world.tick, view.pace.paused) == (1, True)
    view.frame(target.framebuffer, 1.0)
    assert view.tick == view.world.tick == 1
    for tick in range(2, 30):
        view.step()
        assert (view.world.tick, view.pace.steps) == (tick, 0)


def test_a_world_built_by_hand_cannot_be_restarted_and_says_so(view):
    view.restart()
    assert "no scene built this world" in view.message


def test_themes_change_the_ground(view, target):
    view.pace.paused = True
    view.frame(target.framebuffer, 0.0)
    dark = target.read().mean()
    deeds.light(view)
    view.frame(target.framebuffer, 0.0)
    assert target.read().mean() > dark + 100
    with pytest.raises(SettingsError, match="Choose one of"):
        view.theme_to("pink")


def test_nobody_without_a_mind_is_worth_a_look(view):
    deeds.worthy(view)
    assert view.message == "nobody here has a mind to open."
    assert view.microscope is None


def test_restarts_leave_the_picture_as_it_was(gl, target):
    """A scene begun anew with its seed shows the pixels it began with."""
    view = View(gl, swarm.scene("foragers", agents=60, backend="reference"), SIZE)
    try:
        view.pace.paused = True
        view.renderer.hud = None
        view.frame(target.framebuffer, 0.0)
        first = target.read().copy()
        view.step()
        view.frame(target.framebuffer, 0.0)
        assert (target.read() != first).any()
        view.restart()
        view.frame(target.framebuffer, 0.0)
        assert view.world.tick == 0
        np.testing.assert_array_equal(target.read(), first)
        view.restart(seed=view.world.seed + 1)
        view.frame(target.framebuffer, 0.0)
        assert (target.read() != first).any()
    finally:
        view.release()


# --- worlds that are not as one thinks ----------------------------------------------------------------------------


@pytest.fixture
def views(gl, target):
    """A function that makes a view with a time machine."""
    made = []

    def build(world, **options):
        made.append(View(gl, world, SIZE, budget=1 << 26, **options))
        return made[-1]

    yield build
    for view in made:
        view.release()


def test_a_table_that_comes_later_is_drawn_and_is_gone_where_it_was_not_yet(views, target):
    world = swarm.World(size=(80, 50), tick=1 / 60, backend="reference", seed=1)
    view = views(world)
    view.pace.paused = True
    view.renderer.trails = True
    view.frame(target.framebuffer, 0.02)
    view.step()
    empty = view.renderer.looks
    world.spawn(30, windowed.Body(pos=world.scatter, vel=np.float32([1, 0])), name="late")
    world.schedule = (swarm.move(windowed.Body.pos, windowed.Body.vel),)
    view.changed()
    view.frame(target.framebuffer, 0.02)
    assert empty == ()
    assert [look.table for look in view.renderer.looks] == ["late"]
    assert view.renderer.sprites[0].columns.n == 30
    assert view.renderer.trails
    view.step()
    view.frame(target.framebuffer, 0.02)
    view.figures.sample(world)
    assert view.figures.tables["late"].count == 30
    deeds.go(view, 0)
    view.frame(target.framebuffer, 0.02)
    view.figures.sample(world)
    assert view.renderer.looks == ()
    assert list(view.figures.tables) == []


def test_several_worlds_in_one_are_shown_and_begun_anew(views, target):
    view = views(swarm.scene("foragers", agents=20, backend="reference", worlds=2, seed=5))
    view.pace.paused = True
    view.step()
    view.frame(target.framebuffer, 0.02)
    assert view.figures.tables["forager"].count == 40
    view.restart(seed=8)
    view.frame(target.framebuffer, 0.02)
    assert view.world.seeds.tolist() == [8, 9]
    assert (view.world.tick, view.world.worlds) == (0, 2)


def test_another_tick_length_is_the_paces_too(views, target):
    view = views(swarm.scene("foragers", agents=20, backend="reference", tick=0.1))
    view.restart(settings={"tick": 0.05})
    view.frame(target.framebuffer, 0.02)
    assert view.pace.dt == view.world.dt == 0.05
    moments = view.moments
    view.act(lambda: (moments.go(view.world, 0, moments.branches[0]), view.travelled()))
    assert view.pace.dt == view.world.dt == 0.1
    assert view.pace.alpha in (0.0, 1.0)


def test_going_back_to_a_world_of_another_size_draws_that_size(views, target):
    view = views(swarm.scene("foragers", agents=20, backend="reference"))
    view.pace.paused = True
    small = view.camera.world
    view.restart(settings={"agents": 80})
    view.frame(target.framebuffer, 0.02)
    assert view.camera.world > small
    view.act(lambda: (view.moments.go(view.world, 0, view.moments.branches[0]), view.travelled()))
    view.frame(target.framebuffer, 0.02)
    assert view.camera.world == small == tuple(view.world.size)
    assert view.renderer.sprites[-1].columns.n == 20


MOODY = """
from dataclasses import dataclass
import swarm
from swarm import Component, f32

class Body(Component):
    pos = f32(2, unit="m")

@dataclass(frozen=True)
class Settings:
    agents: int = 10
    backend: str = "reference"
    seed: int = 0
    odds: float = 1.0

TUNE = ("odds",)

def build(s):
    world = swarm.World(size=(40, 30), tick=0.1, backend=s.backend, seed=s.seed)
    world.spawn(int(s.agents / s.odds), Body(pos=world.scatter), name="agent")
    return world
"""


def test_a_build_that_fails_is_said_and_the_world_goes_on(views, target, tmp_path):
    from swarm.scenes.tune import tune

    (tmp_path / "moody.py").write_text(MOODY)
    world = swarm.scene(str(tmp_path / "moody.py"))
    view = views(world)
    view.restart(settings={"odds": 0.0})
    assert "ZeroDivisionError: float division by zero, in build of scene" in view.message
    view.act(tune, world, "odds", 0.0)
    assert "ZeroDivisionError" in view.message
    view.frame(target.framebuffer, 0.15)
    view.settle()
    assert view.world is world
    assert (world.tick, world.scene["settings"]["odds"]) == (1, 1.0)
    view.restart(settings={"odds": 0.5})
    assert view.world.tables["agent"].n == 20


def test_who_is_let_go_is_given_back_to_its_brain(views, target):
    world = swarm.scene("foragers", agents=20, backend="reference", lifespan=None, living=0.01)
    view = views(world)
    one, two = (int(id) for id in world.tables["forager"].ids()[:2])
    for let_go in (0, two):
        view.select(one)
        deeds.drive(view)
        scope = view.microscope
        assert scope.driving
        view.select(one)  # a click on the same one changes nothing
        assert view.microscope is scope
        view.select(let_go)
        assert not world.inspect(one).overridden
    world.override(two, [1.0, 0.0])  # by somebody else
    view.select(two)
    view.select(0)
    assert world.inspect(two).overridden


def test_a_refused_journey_leaves_the_world_running(views, target, tmp_path):
    world = windowed.world()
    world.record(tmp_path / "a.csv", agents=swarm.count("agent"))
    view = views(world)
    view.frame(target.framebuffer, 0.1)
    view.settle()
    tick = world.tick
    deeds.go(view, 0)
    assert "a.csv" in view.message
    assert (world.tick, view.pace.paused) == (tick, False)
    world.records.close()
    deeds.go(view, 0)
    assert (world.tick, view.pace.paused) == (0, True)


def test_the_microscope_looks_again_where_the_world_has_changed_at_the_same_tick(views):
    from tests.image import senses

    world = senses.world()
    view = views(world)
    view.pace.paused = True
    table = world.tables["agent"]
    view.select(int(table.ids()[0]))
    before = view.microscope.version
    table.column(senses.Body.pos)[0] += 1.0
    view.changed()
    view.idle()
    assert view.microscope.version > before
    again = view.microscope.version
    view.refresh()
    view.idle()
    assert view.microscope.version == again  # the picture is drawn anew, the agent is the same


@pytest.mark.parametrize("how", ["id", "slot", "slot and generation"])
def test_an_agent_is_selected_as_it_is_shown(gl, how):
    import swarm
    from swarm.errors import DeadError

    view = View(gl, swarm.scene("foragers", agents=20, backend="reference"), SIZE)
    try:
        id = int(view.world.tables["forager"].ids()[3])
        slot, generation = id >> 32, id & 0xFFFFFFFF
        names = {"id": str(id), "slot": str(slot), "slot and generation": f"{slot}.{generation}"}
        deeds.select(view, names[how])
        assert view.microscope.id == id
        with pytest.raises(DeadError):
            deeds.select(view, f"{slot}.{generation + 7}")
    finally:
        view.release()
