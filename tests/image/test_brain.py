"""The brain's panel on software GL, driven by the mouse: what is seen, and that what is clicked is done."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import MLP, Own, Sectors
from swarm.render.panels import brain
from swarm.render.target import Target
from swarm.render.view import View
from tests.unit.stages.worlds import Body, Energy

pytest.importorskip("imgui_bundle")

SIZE = (1000, 760)
Mind = swarm.mind(
    kin=Sectors(4, radius=20, of=Body.pos), energy=Own(Energy.level), speed=Own(Body.vel),
    actions=("push_x", "push_y"), memory=1,
)  # fmt: skip


def steer(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel[:] = agents[Mind].actions


def build() -> swarm.World:
    world = swarm.World(size=(64, 64), tick=0.125, backend="reference", seed=3)
    brains = MLP((Mind.inputs, 12, Mind.outputs), output="tanh")
    world.spawn(40, Body(pos=world.scatter, vel=0.5), Energy(level=2), Mind(), name="agent", brains=brains)
    world.schedule = (
        swarm.index(Body.pos),
        swarm.sense(Mind),
        swarm.think(Mind),
        steer,
        swarm.move(Body.pos, Body.vel),
    )
    return world


class Desk:
    """A view off the screen, its agent selected, a mouse, and its picture."""

    def __init__(self, gl, ui: float = 1.0, theme: str = "dark") -> None:
        size = (round(SIZE[0] * ui), round(SIZE[1] * ui))
        self.world, self.target = build(), Target(gl, size)
        self.view = View(gl, self.world, size, ui=ui, theme=theme, panels=True)
        self.view.pace.paused = True
        self.who = self.world.tables["agent"].ids().tolist()[7]
        for agents in self.world.query(Body):
            agents.birth([7, 7, 8])
        for _ in range(6):
            self.world.step()
            self.view.idle()
        self.view.select(self.who)
        self.frame()

    def frame(self, count: int = 2) -> np.ndarray:
        for _ in range(count):
            self.view.frame(self.target.framebuffer, 0.1)
        return self.target.read().astype(float)

    @property
    def network(self):
        return brain.of(self.view).network

    def at(self, layer: int, unit: int) -> tuple[float, float]:
        """px of a unit."""
        x, y = self.network.plan.places[layer][unit]
        return self.network.origin[0] + x, self.network.origin[1] + y

    def point(self, x: float, y: float) -> np.ndarray:
        self.view.panels.mouse(x, y)
        return self.frame()

    def click(self, x: float, y: float) -> np.ndarray:
        self.point(x, y)
        for down in (True, False):
            assert self.view.panels.button(1, down)
            self.frame(1)
        return self.point(5, 5)

    def release(self) -> None:
        self.view.release()
        self.target.release()


@pytest.fixture
def desk(gl):
    made = Desk(gl)
    yield made
    made.release()


def colour(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    return picture[round(y), round(x), :3]


def warmth(picture: np.ndarray, x: float, y: float) -> float:
    """Red over blue: orange above 0, blue below."""
    red, _, blue = colour(picture, x, y)
    return float(red - blue)


@pytest.mark.parametrize(("ui", "theme"), [(1.0, "dark"), (2.0, "light")])
def test_units_have_the_colour_of_what_they_do(gl, ui, theme):
    desk = Desk(gl, ui, theme)
    try:
        picture, m = desk.frame(), desk.view.microscope
        values = m.layers[0]
        clear = np.flatnonzero(np.abs(values) > 0.3)
        assert len(clear) > 3
        for k in clear.tolist():
            assert warmth(picture, *desk.at(1, k)) * values[k] > 0
        for k in range(2):
            if abs(m.layers[-1][k]) > 0.2:
                assert warmth(picture, *desk.at(2, k)) * m.layers[-1][k] > 0
    finally:
        desk.release()


def test_bars_show_what_a_sense_does_to_the_chosen_action(desk):
    m, network = desk.view.microscope, desk.network
    for action in (0, 1):
        if network.action != action:
            desk.click(*desk.at(2, action))
        assert network.action == action
        picture = desk.frame()
        (x, y), effect = network.origin, m.slopes[0][action] * m.thought.inputs
        k = int(np.argmax(np.abs(effect)))
        left, top, right, bottom = network.plan.effects[k]
        side = (left + right) / 2 + np.sign(effect[k]) * (right - left) / 8
        assert warmth(picture, x + side, y + (top + bottom) / 2) * effect[k] > 0
    desk.click(*desk.at(2, 1))
    assert network.action is None  # all flows


def test_a_click_cuts_and_another_puts_back(desk):
    world, m = desk.world, desk.view.microscope
    before = world.brain(desk.who).flat().tobytes()
    k = int(np.argmax(np.abs(m.layers[0])))
    assert abs(warmth(desk.frame(), *desk.at(1, k))) > 60
    desk.click(*desk.at(1, k))
    desk.click(*desk.at(0, 2))
    assert m.ablated == {(1, k), (0, 2)}
    assert not world.brain(desk.who).weight(1)[0, k].any()
    assert abs(warmth(desk.frame(), *desk.at(1, k))) < 40  # hollow, crossed out in grey
    desk.click(*desk.at(1, k))
    desk.click(*desk.at(0, 2))
    assert m.ablated == frozenset()
    assert world.brain(desk.who).flat().tobytes() == before


def test_pointing_at_a_unit_shows_its_own_lines(desk):
    y = desk.network.origin[1]
    left, right = desk.at(0, 0)[0] + 6, desk.at(1, 0)[0] - 6

    def lit(picture: np.ndarray) -> float:
        part = picture[round(y) : round(y + desk.network.plan.size[1]), round(left) : round(right), :3]
        return float((part.max(axis=2) > 70).mean())

    all_lines = lit(desk.point(5, 5))
    assert 0 < lit(desk.point(*desk.at(1, 3))) < all_lines


def test_a_relative_that_is_clicked_is_looked_at(desk):
    children = [r.id for r in desk.view.microscope.family.children]
    assert len(children) == 2
    panel, u = brain.of(desk.view), desk.view.ui
    desk.click(*panel.kin[children[1]])
    assert desk.view.microscope.id == children[1]
    assert desk.view.microscope.family.parents[0].id == desk.who
    desk.click(*panel.kin[desk.who])
    assert (desk.view.microscope.id, u) == (desk.who, 1.0)


def test_a_brain_is_copied_into_the_next_agent_that_is_clicked(desk):
    panel, view = brain.of(desk.view), desk.view
    other, bystander = desk.world.tables["agent"].ids().tolist()[20:22]
    before = desk.world.brain(bystander).flat().tobytes()
    panel.giving = view.microscope
    desk.frame()
    view.select(bystander)  # by a key: that one is only looked at
    desk.frame()
    assert panel.giving is None
    assert desk.world.brain(bystander).flat().tobytes() == before
    view.select(desk.who)
    panel.giving = view.microscope
    desk.frame()
    view.pointed = other
    view.select(other)
    desk.frame()
    assert panel.giving is None
    assert desk.world.brain(other).flat().tobytes() == desk.world.brain(desk.who).flat().tobytes()
    assert "has the brain of" in view.message


def test_nothing_is_copied_into_a_world_that_was_begun_anew(desk):
    panel, view, other = brain.of(desk.view), desk.view, desk.world.tables["agent"].ids().tolist()[20]
    before = desk.world.brain(other).flat().tobytes()
    panel.giving = view.microscope
    view.show_world(desk.world)  # as a restart does with another one
    view.select(other)
    desk.frame()
    assert panel.giving is None
    assert desk.world.brain(other).flat().tobytes() == before


def test_saved_and_loaded_by_a_path_that_is_typed(desk, tmp_path):
    panel, path = brain.of(desk.view), str(tmp_path / "one.safetensors")
    panel.ask("save", desk.view.microscope)
    panel.path = path
    desk.frame()
    desk.frame()  # scrolled there
    desk.click(*panel.done)
    assert (tmp_path / "one.safetensors").exists()
    desk.world.brain(desk.who).parameters[:] = 0
    panel.ask("load", desk.view.microscope)
    panel.path = path
    desk.frame()
    desk.frame()
    desk.click(*panel.done)
    assert desk.world.brain(desk.who).parameters.any()
    panel.ask("load", desk.view.microscope)
    panel.path = str(tmp_path / "none")
    desk.frame()
    desk.frame()
    desk.click(*panel.done)
    assert "none" in desk.view.message
    assert panel.asking == ""


def test_the_dead_and_the_driven_are_drawn(desk):
    view = desk.view
    view.act(view.microscope.drive, desk.world, [1.0, -1.0])
    desk.world.step()
    view.idle()
    driven = desk.frame()
    desk.world.kill(desk.who)
    desk.world.step()
    view.idle()
    dead = desk.frame()
    assert not view.microscope.alive
    assert np.abs(driven - dead).max() > 50


def test_nobody_selected(desk):
    desk.view.select(0)
    desk.frame()
    assert desk.view.microscope is None


def test_agents_without_brain(gl):
    world = swarm.World(size=(64, 64), tick=0.125, backend="reference", seed=3)
    rule = swarm.mind("Rule", speed=Own(Body.vel), actions=("turn",))
    world.spawn(4, Body(pos=world.scatter, vel=1), rule(), name="ruled")
    world.spawn(4, Body(pos=world.scatter, vel=1), Energy(), name="thing")
    world.schedule = (swarm.sense(rule),)
    target = Target(gl, SIZE)
    view = View(gl, world, SIZE, panels=True)
    try:
        for name in ("ruled", "thing"):
            view.select(world.tables[name].ids().tolist()[0])
            view.frame(target.framebuffer, 0.1)
            assert view.microscope.inspection.table == name
            assert target.read().std() > 0
    finally:
        view.release()
        target.release()
