"""The demos of pair functions show what they say: contagion needs contact, and hues follow their neighbours'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import swarm

DEMOS = Path(__file__).resolve().parents[2] / "demos"


def demo(name: str, number: str, smaller: str) -> dict:
    """A demo up to where it opens a window, with fewer agents."""
    source = (DEMOS / f"{name}.py").read_text()
    assert number in source
    made: dict = {"__name__": name}
    exec(compile(source.replace(number, smaller).partition("if len(sys.argv)")[0], f"{name}.py", "exec"), made)
    return made


@pytest.fixture(scope="module")
def infection() -> dict:
    return demo("infection", "3_000", "2_000")


@pytest.fixture(scope="module")
def hue() -> dict:
    return demo("hue", "4_000", "300")


def test_the_sick_never_become_fewer(infection: dict):
    world, sick = infection["world"], []
    for _ in range(400):
        world.step()
        sick.append(int(world.tables["person"].column(infection["Health"].sick).sum()))
    assert (np.diff(sick) >= 0).all()
    assert 10 < sick[-1] < 2000  # it spreads, step by step


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_nobody_falls_ill_from_beyond_the_radius(infection: dict, backend: str):
    Body, Health = infection["Body"], infection["Health"]
    world = swarm.World(size=(20, 20), tick=0.1, backend=backend, seed=1)
    for x, name in ((0.5, "far"), (10, "near")):  # 2 m apart, and 1 m
        pos = np.array([[x, 5], [x + (2 if name == "far" else 1), 5]], np.float32)
        world.spawn(2, Body(pos=pos), Health(sick=[True, False]), name=name)
    world.schedule = (
        swarm.index(Body.pos), swarm.meet(infection["contagion"], into=Health.risk), infection["catch"],
    )  # fmt: skip
    for _ in range(60):
        world.step()
    assert world.tables["near"].column(Health.risk).tolist() == [2, 2]  # 4 * (1 - 1 / 2)
    assert world.tables["near"].column(Health.sick).tolist() == [True, True]
    assert world.tables["far"].column(Health.sick).tolist() == [True, False]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_three_agents_feel_the_mean_of_their_neighbours(hue: dict, backend: str):
    """One in the middle sees both others, who see only him."""
    Body, Mind = hue["Body"], hue["Mind"]
    world = swarm.World(size=(20, 20), backend=backend, seed=1)
    pos = np.array([[3, 5], [5, 5], [7, 5]], np.float32)
    hues = np.array([0.0, 0.5, 2.0], np.float32)
    world.spawn(3, Body(pos=pos, hue=hues), Mind(), name="agent")
    world.schedule = (swarm.index(Body.pos), swarm.sense(Mind))
    world.step()
    a, b, c = hues.astype(float)
    want = [np.sin(b - a), (np.sin(a - b) + np.sin(c - b)) / 2, np.sin(b - c)]
    np.testing.assert_allclose(world.tables["agent"].column(Mind.senses)[:, 0], want, rtol=1e-6)


def test_hues_come_to_agree_with_those_around(hue: dict):
    """The mean cosine of the difference to one's neighbours rises from about 0."""
    world, Body = hue["world"], hue["Body"]

    def agreement() -> float:
        near = world.neighbours(Body.pos, 3)
        angle = world.tables["agent"].column(Body.hue)
        return float(np.cos(angle[near.j] - angle[near.i]).mean())

    before = agreement()
    for _ in range(120):
        world.step()
    assert abs(before) < 0.3
    assert agreement() > before + 0.3
