"""The view of a world: picture and ticks go on beside each other, and what is done to the world waits for it."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

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
    import swarm

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
