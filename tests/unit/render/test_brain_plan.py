"""Where the parts of a brain stand: nothing overlaps, everything is inside, and labels say where a sense looks."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.render.panels.brain_network import spotlight
from swarm.render.panels.brain_plan import Plan, picture, plan, short, way

WIDTH = 302.0


def looked(groups: dict[str, list[str]], layers: list[int], actions: int, memory: int = 0, geometry=None):
    """A stand-in for a microscope: groups of senses with their labels, widths of the layers."""
    words = [f"{name} {text}".strip() for name, texts in groups.items() for text in texts]
    return SimpleNamespace(
        groups={name: len(texts) for name, texts in groups.items()},
        senses=np.zeros(len(words)),
        names=tuple(f"action {k}" for k in range(actions)),
        layers=tuple(np.zeros(width) for width in layers),
        thought=SimpleNamespace(inputs=np.zeros(len(words) + memory)) if layers else None,
        inspection=SimpleNamespace(senses=[SimpleNamespace(label=w) for w in words], geometry=geometry or {}),
    )


def inside(p: Plan) -> None:
    width, tall = p.size
    for place, r in zip(p.places, p.radius):
        assert (place[:, 1] - r >= -0.5).all()
        assert (place[:, 1] + r <= tall + 0.5).all()
        assert (place[:, 0] + r <= width).all()
        if len(place) > 1:
            gaps = np.hypot(*(place[:, None] - place[None]).T)[~np.eye(len(place), dtype=bool)]
            assert gaps.min() >= 1.6 * r
    for boxes in (p.values, p.effects):
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (p.values[:, 2] <= p.effects[:, 0] + 1e-9).all()
    for one, two in zip(p.places, p.places[1:]):
        if len(one) and len(two):
            assert one[:, 0].max() < two[:, 0].min()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.lists(st.integers(1, 90), max_size=3),
    st.integers(1, 12),
    st.integers(0, 6),
    st.sampled_from([1.0, 1.5, 2.0]),
)
def test_everything_is_inside_and_apart(counts, hidden, actions, memory, u):
    groups = {f"g{g}": [f"{k} x" for k in range(count)] for g, count in enumerate(counts)}
    m = looked(groups, [*hidden, actions + memory], actions, memory)
    p = plan(m, WIDTH * u, u)
    inside(p)
    assert [len(place) for place in p.places] == [sum(counts) + memory, *hidden, actions + memory]
    assert p.groups[-1][1] == sum(counts) + memory
    assert all(np.diff(p.places[0][:, 1]) > 0)


def test_senses_and_groups_have_names_and_directions():
    p = plan(looked({"food": ["0..180 deg", "180..360 deg"], "energy": ["(J)"]}, [4, 2], 2), WIDTH, 1.0)
    assert [label.text for label in p.labels] == ["food", "0\u2013180°", "180\u2013360°", "energy"]
    assert p.labels[1].way == (0.0, math.pi)
    ahead = plan(looked({"eye": ["-45 deg", "45 deg"]}, [4, 2], 2, geometry={"eye": {"frame": "Body.vel"}}), WIDTH, 1.0)
    assert ahead.labels[1].way == pytest.approx((math.pi / 4, math.pi / 4))


def test_pictures_stand_as_pictures():
    words = [f"{k // 8},{k % 8}" for k in range(64)]
    assert np.array_equal(picture(words), [(k // 8, k % 8) for k in range(64)])
    patch = [f"{x:+d} {y:+d} (1)" for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert picture(patch).tolist()[:3] == [[2, 0], [2, 1], [2, 2]]  # the lowest y is the lowest row
    for others in (words[:-1], ["0..45 deg"] * 9, words[:4], ["x", "y"]):
        assert picture(others) is None
    p = plan(looked({"ink": words}, [16, 10], 10), WIDTH, 1.0)
    inside(p)
    assert p.cells.all()


def test_labels():
    assert short("speed x (m/s)") == "speed x"
    assert short("food -22.5..22.5 deg Energy.level (J)") == "food -22.5\u201322.5° Energy.level"
    assert way("present (absent: all 0)", 0.0) is None
    assert way("-22.5..22.5 deg", 90.0) == pytest.approx((math.radians(67.5), math.radians(112.5)))


def test_agents_without_brain_have_senses_and_actions_only():
    p = plan(looked({"trail": ["40 deg", "0 deg"]}, [], 2), WIDTH, 1.0)
    assert [len(place) for place in p.places] == [2, 2]


def test_the_light_on_a_sense_follows_it_through_the_network():
    one, two = np.array([[1.0, 3.0, 0.0], [5.0, 5.0, 5.0]]), np.array([[2.0, -1.0], [4.0, 0.0], [7.0, 7.0]])
    first, second = spotlight((one, two), 0, 0)
    assert first.tolist() == [[1, 3, 0], [0, 0, 0]]
    assert np.allclose(second, two * np.array([[1 / 3], [1], [0]]))
    first, second = spotlight((one, two), 2, 1)  # an action: what leads to it
    assert second.tolist() == [[0, -1], [0, 0], [0, 7]]
    assert np.allclose(first, one * np.array([1 / 7, 0, 1]))
