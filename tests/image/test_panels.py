"""The panels, off the screen: what they draw, who gets the mouse, and that what is clicked happens in the world."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import swarm
from swarm.render import palette
from swarm.render.target import Target
from swarm.render.view import View
from tests.image.standin import crowd
from tests.image.test_release import living  # noqa: F401  a fixture

pytest.importorskip("imgui_bundle")

SIZE = (1280, 720)


class Shown:
    """A view with panels, and a hand that moves the mouse."""

    def __init__(self, gl, world, size=SIZE, **options):
        self.size, self.target = size, Target(gl, size)
        self.view = View(gl, world, size, panels=True, **options)
        self.panels = self.view.panels
        self.draw()

    def draw(self, frames=1):
        for _ in range(frames):
            self.view.renderer.show(None)
            self.view.draw(self.target.framebuffer, 1.0)

    def read(self):
        self.draw()
        return self.target.read().astype(int)

    def point(self, name, part=0.5):
        left, top, right, bottom = self.panels.spots[name]
        assert self.panels.mouse(left + part * (right - left), (top + bottom) / 2)
        self.draw()

    def click(self, name, part=0.5):
        self.point(name, part)
        assert self.panels.button(1, True)
        self.draw(2)
        self.panels.button(1, False)
        self.draw(2)

    def drag(self, name, part, to):
        self.point(name, part)
        self.panels.button(1, True)
        self.draw(2)
        self.point(name, to)
        self.draw()
        self.panels.button(1, False)
        self.draw(2)

    def type(self, words):
        self.panels.text(words)
        self.draw(2)

    def tap(self, key):
        for down in (True, False):
            self.panels.key(key, down)
            self.draw(2)

    def release(self):
        self.view.release()
        self.target.release()


@pytest.fixture
def show(gl):
    made = []

    def show(world=None, **options):
        world = world or swarm.scene("flock", agents=40, seed=1, backend="reference")
        made.append(Shown(gl, world, **options))
        return made[-1]

    yield show
    for shown in made:
        shown.release()


def grazers(**values):
    return swarm.scene("foragers", **{"agents": 40, "seed": 1, "backend": "reference", **values})


# ------------------------------------------------------------------ what is drawn


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_only_where_panels_stand_the_picture_changes(show, theme):
    shown = show(theme=theme)
    whole = shown.read()
    shown.panels.shown = False
    bare = shown.read()
    changed = np.abs(whole - bare).max(axis=2) > 2
    inside = np.zeros_like(changed)
    for left, top, right, bottom in shown.panels.boxes:
        inside[round(top) : round(bottom), round(left) : round(right)] = True
    assert not changed[~inside].any()
    assert changed[inside].any()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_panels_are_of_the_colour_of_the_theme_and_their_text_stands_out(show, theme):
    shown = show(theme=theme)
    left, top, right, bottom = (round(edge) for edge in shown.panels.boxes[-1])
    column = shown.read()[top + 4 : bottom - 4, left + 4 : right - 4]
    paper = np.array(palette.rgb(shown.view.theme.panel)) * 255
    assert np.abs(np.median(column.reshape(-1, 3), axis=0) - paper).max() <= 10
    ink = np.array(palette.rgb(shown.view.theme.text)) * 255
    assert (np.abs(column - ink).max(axis=2) <= 12).sum() > 50  # pixels of letters


def test_a_frame_twice_is_the_same_and_a_redraw_costs_no_build(show):
    shown = show()
    first = shown.read()
    builds = []
    shown.panels._build = builds.append
    shown.view.draw(shown.target.framebuffer, 0.0)
    assert np.array_equal(shown.target.read(), first)
    assert not builds
    shown.view.draw(shown.target.framebuffer, 1.0)
    assert builds


def test_the_other_drawing_is_not_disturbed(show):
    """Blending, scissor and viewport are as they were: hidden again, the picture is the one before."""
    shown = show()
    shown.panels.shown = False
    before = shown.read()
    shown.panels.shown = True
    shown.read()
    shown.panels.shown = False
    assert np.array_equal(shown.read(), before)


@pytest.mark.parametrize(
    ("size", "ui"), [((640, 360), 1.0), ((320, 240), 1.0), ((1920, 1080), 2.0), ((1280, 720), 2.0)]
)
def test_every_size_leaves_room_for_the_picture(show, size, ui):
    shown = show(size=size, ui=ui)
    shown.read()
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in shown.panels.boxes)
    assert area < 0.55 * size[0] * size[1]
    for left, top, right, bottom in shown.panels.boxes:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


def test_the_hint_is_not_hidden_by_the_bar(show):
    shown = show()
    bar = shown.panels.boxes[0]
    assert shown.view.renderer.hud.foot[1] < bar[1]
    shown.panels.shown = False
    shown.draw()
    assert shown.view.renderer.hud.foot is None


# ------------------------------------------------------------------ mouse and keys


def test_the_mouse_is_the_panels_own_over_them_and_nowhere_else(show):
    panels = show().panels
    for left, top, right, bottom in panels.boxes:
        assert panels.mouse((left + right) / 2, (top + bottom) / 2)
        assert panels.wheel(1.0)
    assert not panels.mouse(600, 300)
    assert not panels.wheel(1.0)
    assert not panels.button(1, True)
    assert not panels.mouse(*panels.where("Scene"))  # dragged in from outside: the picture's still
    assert not panels.button(1, False)
    assert panels.mouse(*panels.where("Scene"))
    panels.shown = False
    assert not panels.mouse(*panels.where("Scene"))
    assert not panels.button(1, True)


def test_tabs_by_clicks(show):
    shown = show()
    for tab in ("Scene", "Moments", "Brain", "Charts"):
        shown.click(tab)
        assert shown.panels.tab == tab


def test_the_bar_pauses_steps_and_sets_the_speed(show):
    shown = show()
    pace = shown.view.pace
    shown.click("pause")
    assert pace.paused
    shown.click("pause")
    assert not pace.paused
    shown.click("faster")
    assert pace.speed == 2
    shown.click("slower")
    shown.click("slower")
    assert pace.speed == 0.5
    shown.click("step")
    assert pace.paused
    assert pace.steps == 1


def test_keys_are_taken_while_text_is_typed_only(show):
    shown = show(budget=2**24)
    shown.click("Moments")
    assert not shown.panels.key("a", True)
    shown.panels.key("a", False)
    shown.click("name")
    assert shown.panels.key("b", True)
    shown.panels.key("b", False)
    shown.type("bloom")
    shown.tap("return")
    assert [kept.name for kept in shown.view.moments.kept] == ["bloom"]
    assert not shown.panels.text("more")


# ------------------------------------------------------------------ the scene's settings


def test_a_slider_acts_at_once(show):
    world, twin = (swarm.scene("flock", agents=40, seed=1, backend="reference") for _ in range(2))
    shown = show(world)
    shown.click("Scene")
    shown.drag("setting wind", 0.25, 0.9)
    wind = world.scene["settings"]["wind"]
    assert 60 < wind < 80  # of 0 .. 80
    for _ in range(3):
        world.step()
        twin.step()
    assert world.hash() != twin.hash()
    again = swarm.scene("flock", agents=40, seed=1, backend="reference", wind=wind)
    for _ in range(3):
        again.step()
    assert again.hash() == world.hash()


def test_a_switch_of_none_acts_too(show):
    world = grazers()
    shown = show(world)
    shown.click("Scene")
    assert world.tables["forager"].cap is None
    shown.click("switch cap")
    assert world.tables["forager"].cap == world.scene["settings"]["cap"] > 0


def test_what_acts_at_restart_waits_for_it(show):
    world = grazers(plants=50)
    shown = show(world)
    shown.click("Scene")
    shown.drag("setting agents", 0.05, 0.1)
    pending = shown.panels.panels["Scene"].pending["agents"]
    assert pending != 40
    assert world.tables["forager"].n == 40
    shown.click("restart")
    assert shown.view.world is not world
    assert shown.view.world.tables["forager"].n == pending
    assert shown.panels.panels["Scene"].pending == {}
    shown.click("another seed")
    assert shown.view.world.seed == 2


def test_a_value_that_the_scene_refuses_is_said_and_nothing_changes(show):
    shown = show(grazers())
    before = shown.view.world.hash()
    shown.panels.panels["Scene"].tune(shown.view, "living", -1.0)
    assert "living" in shown.view.message
    assert shown.view.world.hash() == before
    assert shown.view.world.scene["settings"]["living"] == 0.15


def test_agents_are_coloured_by_what_is_chosen(show):
    shown = show(grazers())
    shown.click("Scene")
    shown.click("colour by")
    names = tuple(shown.view.renderer.colourings(shown.view.world))
    assert {f"colour {name}" for name in names[:4]} <= shown.panels.spots.keys()
    shown.click(f"colour {names[2]}")
    assert shown.view.renderer.colouring == names[2]


def test_light_and_dark_by_a_switch(show, monkeypatch):
    shown = show()
    asked = []
    monkeypatch.setattr(shown.view, "theme_to", asked.append)
    shown.click("Scene")
    shown.click("light")
    assert asked == ["light"]


def test_a_world_without_scene_has_charts_and_no_settings(show):
    world = crowd(50, 80)
    world.worlds = 1
    world.scene = None
    shown = show(world)
    shown.click("Scene")
    assert not [name for name in shown.panels.spots if name.startswith("setting")]


# ------------------------------------------------------------------ time


def test_the_slider_goes_back_and_branches_are_drawn_together(show):
    world = grazers()
    shown = show(world, budget=2**26)
    hashes = {}
    for _ in range(40):
        hashes[world.tick] = world.hash()
        world.step()
        shown.view.idle()
    shown.draw(2)
    shown.click("time", 0.25)
    assert shown.view.pace.paused
    assert 5 <= world.tick <= 15
    assert world.hash() == hashes[world.tick]
    shown.panels.panels["Scene"].tune(shown.view, "meal", 3.0)
    fork = world.tick
    for _ in range(40):
        world.step()
        shown.view.idle()
        shown.view.figures.sample(world)
    from swarm.render.panels.charts import branches

    lines = branches(shown.view, {"forager": "#ff0000", "plant": "#00ff00"})
    bright = [line for line in lines if line.alpha == 1.0 and len(line.xs)]
    faint = [line for line in lines if line.alpha < 1.0 and len(line.xs) > 1]
    assert max(line.xs[-1] for line in bright) == world.tick
    assert min(line.xs[0] for line in bright) == 0
    assert [(line.xs[0] <= fork, line.xs[-1]) for line in faint] == [(True, 40.0)]
    shown.panels.tab = "Moments"
    shown.draw(2)


def test_moments_are_kept_visited_saved_and_let_go(show, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = grazers()
    shown = show(world, budget=2**26)
    shown.click("Moments")
    shown.click("keep it")
    for _ in range(20):
        world.step()
        shown.view.idle()
    shown.draw(2)
    shown.click("keep it")
    assert [kept.name for kept in shown.view.moments.kept] == ["tick 0", "tick 20"]
    shown.click("go tick 0", 0.2)
    assert world.tick == 0
    shown.click("save tick 20")
    (path,) = tmp_path.glob("*.safetensors")
    assert swarm.World.load(path, backend="reference").tick == 20
    shown.click("rename tick 0")
    shown.click("new name")
    shown.panels.key("a", True, ("ctrl",))
    shown.draw(2)
    shown.panels.key("a", False)
    shown.type("the beginning")
    shown.tap("return")
    assert [kept.name for kept in shown.view.moments.kept] == ["the beginning", "tick 20"]
    shown.click("forget the beginning")
    assert [kept.name for kept in shown.view.moments.kept] == ["tick 20"]


# ------------------------------------------------------------------ what goes wrong, and what is left


def test_without_imgui_one_line_says_so_and_the_view_works(gl, monkeypatch):
    monkeypatch.setitem(sys.modules, "imgui_bundle", None)
    target = Target(gl, (320, 200))
    view = View(gl, swarm.scene("flock", agents=5, backend="reference"), (320, 200), panels=True)
    try:
        assert view.panels is None
        assert "Remedy: pip install" in view.message
        assert "\n" not in view.message
        view.frame(target.framebuffer, 0.0)
    finally:
        view.release()
        target.release()


def test_an_error_in_one_panel_leaves_the_others_to_draw(show):
    shown = show()
    good = shown.panels.panels["Charts"]

    class Broken:
        def draw(self, imgui, view, width):
            imgui.begin_group()
            raise ZeroDivisionError("a bug")

    shown.panels.panels["Charts"] = Broken()
    with pytest.raises(ZeroDivisionError):
        shown.draw()
    shown.panels.panels["Charts"] = good
    shown.click("Scene")
    assert shown.panels.tab == "Scene"


def test_two_views_do_not_mix(show):
    first, second = show(), show(grazers())
    first.click("Scene")
    second.click("Moments")
    first.draw()
    assert first.panels.tab == "Scene"
    assert "setting wind" in first.panels.spots
    assert "setting wind" not in second.panels.spots


def test_a_thousand_resizes_leave_nothing_on_the_gpu(gl, show, living):  # noqa: F811
    shown = show()
    panels, fbo = shown.panels, shown.target.framebuffer
    fbo.use()
    for tab in ("Scene", "Charts"):  # all letters have been seen once
        panels.tab = tab
        for k in range(3):
            panels.draw((1280 + k, 720), 1.0)
    before = living()
    for k in range(1000):
        panels.draw((1280 - k // 2, 720 - k // 4), 1 / 30)
    assert living() == before


def test_panels_come_and_go_without_a_trace(gl, living):  # noqa: F811
    def use():
        shown = Shown(gl, swarm.scene("flock", agents=5, backend="reference"), (900, 300))
        shown.release()

    use()
    before = living()
    for _ in range(5):
        use()
    assert living() == before
