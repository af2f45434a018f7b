"""What the selected agent senses, as shapes: lengths and angles by closed forms from what the senses said."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.render import focus, walls
from swarm.render.shapes import SECTOR, STROKE
from swarm.render.theme import DARK, LIGHT
from tests.image import senses


def look(name):
    """The world after a tick, what its first agent sensed by one sense, and the shapes of it."""
    world = senses.world(name)
    world.step()
    inspection = world.inspect(int(world.tables["agent"].ids()[0]))
    return world, inspection, focus.shapes(inspection, DARK)


def strokes(rows, thin=3.0):
    """The lines among the rows, and the dots."""
    kind, width = rows[:, 8] == STROKE, rows[:, 9]
    return rows[kind & (width < thin)], rows[kind & (width >= thin)]


def angle(ways):
    return np.degrees(np.arctan2(ways[:, 1], ways[:, 0]))


def test_a_ray_is_as_long_as_its_closeness_says():
    _, seen, rows = look("ahead")
    lines, dots = strokes(rows)
    close = np.array([s.value for s in seen.senses[:7]])
    assert np.hypot(*lines[:, 2:4].T) == pytest.approx(9 * (1 - close), abs=1e-3)
    assert angle(lines[:, 2:4]) == pytest.approx(seen.geometry["ahead"]["angles"], abs=0.05)  # it looks to +x
    assert len(dots) == (close > 0).sum() > 0
    ends = dots[:, 0:2]
    assert ends == pytest.approx(lines[close > 0][:, 2:4], abs=1e-5)


def test_rays_turn_with_the_heading():
    world = senses.world("ahead")
    id = int(world.tables["agent"].ids()[0])
    world.write(senses.Body.vel, id, np.float32([0, 0.5]))
    world.step()
    rows = focus.shapes(world.inspect(id), DARK)
    lines, _ = strokes(rows)
    facts = world.inspect(id).geometry["ahead"]
    assert angle(lines[:, 2:4]) == pytest.approx(np.asarray(facts["angles"]) + 90, abs=0.05)


def test_the_nearest_ones_are_pointed_at():
    _, _, rows = look("mates")
    lines, dots = strokes(rows)
    before = senses.world("mates").tables["agent"].column(senses.Body.pos).astype(float)
    gap = before[1:] - before[0]
    gap -= np.rint(gap / senses.SIZE) * senses.SIZE
    order = np.argsort(np.hypot(*gap.T))[:2]
    assert lines[:, 2:4] == pytest.approx(gap[order], abs=1e-4)
    assert dots[:, 0:2] == pytest.approx(gap[order], abs=1e-4)


def test_an_arc_lies_where_the_nearest_of_its_sector_is():
    _, seen, rows = look("kin")
    close = np.array([s.value for s in seen.senses[:8]])
    arcs = rows[(rows[:, 8] == SECTOR) & (rows[:, 3] > 0)]
    assert arcs[:, 2] == pytest.approx(8 * (1 - close[close > 0]), abs=1e-4)
    first = np.flatnonzero(close > 0) * 45.0
    assert np.degrees(arcs[:, 10]) == pytest.approx(first, abs=1e-3)
    assert np.degrees(arcs[:, 11]) == pytest.approx(first + 45, abs=1e-3)


def test_feelers_reach_as_far_as_they_do():
    _, seen, rows = look("feelers")
    lines, dots = strokes(rows, thin=2.0)
    assert np.hypot(*lines[:, 2:4].T) == pytest.approx(3.0)
    assert angle(lines[:, 2:4]) == pytest.approx([-40, 0, 40], abs=1e-3)
    felt = [s.value for s in seen.senses[:3]]
    assert np.argmax(dots[:, 7]) == np.argmax(felt)


def test_the_slope_points_uphill():
    _, seen, rows = look("slope")
    lines, _ = strokes(rows)
    assert angle(lines[:, 2:4]) == pytest.approx(np.degrees(np.arctan2(seen.senses[1].value, seen.senses[0].value)))


def test_hearing_reaches_its_radius():
    _, _, rows = look("voices")
    assert (rows[:, 2] == 12).all()


def test_every_sense_with_a_place_has_a_colour_of_its_own():
    world = senses.world()
    world.step()
    seen = world.inspect(int(world.tables["agent"].ids()[0]))
    for theme in (DARK, LIGHT):
        named = focus.colours(seen, theme)
        assert set(named) == set(senses.SENSES)
        assert len(set(named.values())) == len(named)
    assert len(focus.shapes(seen, DARK)) > 20


def test_who_has_no_mind_has_no_shapes():
    world = senses.world()
    world.step()
    assert len(focus.shapes(world.inspect(int(world.tables["stone"].ids()[0])), DARK)) == 0


def test_obstacles_are_found_where_systems_name_them():
    world = senses.world()
    found = walls.find(world)
    assert found.segments == ((senses.Wall.a, senses.Wall.b),)
    assert found.circles == ((senses.Rock.pos, senses.Rock.radius),)
    assert found.tiles == (senses.GROUND,)
    rows = walls.shapes(world, found, DARK)
    lines = rows[rows[:, 8] == STROKE]
    ways = [[0, 12], [-12, 4], [6, 0]]  # the last one the short way, over the edge
    assert lines[:, 2:4].tolist() == ways
    discs = rows[rows[:, 8] == SECTOR]
    assert sorted(discs[:, 2]) == pytest.approx(sorted([1.2, 0.8, 2.0, 1.5, 1.0] * 2))
    (heat,) = walls.solid(world, found, DARK)
    assert heat.values.sum() == 4 * 6


def test_a_world_without_obstacles_has_none():
    world = senses.world("kin")
    world.schedule = tuple(system for system in world.schedule if not hasattr(system, "obstacles"))
    assert not walls.find(world).any
