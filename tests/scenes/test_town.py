"""The town: its map, trained brains against random ones, the player, and walls that hold."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.scenes import SceneError, check, scene, town, town_map
from swarm.scenes.town import Body, Day, Player

SMALL = {"agents": 300, "seed": 2, "threads": 1}


@pytest.mark.parametrize("blocks", [3, 4, 7])
def test_every_goal_is_there_and_can_be_reached(blocks):
    for seed in range(3):
        world = scene("town", agents=40, blocks=blocks, seed=seed)
        town_ = world.resources["tiles town"]
        assert set(town.GOALS.values()) <= set(np.unique(town_).tolist())
        roads = town.Flow(town_map.tiles(blocks), town.GOALS)
        far = roads.maps(world).distance
        open_ = town_ != town_map.HOUSE
        assert np.isfinite(far.reshape(len(town.GOALS), *town_.shape)[:, open_]).all()


def test_trained_brains_bring_people_where_they_go_and_random_ones_do_not():
    near = {}
    for brains in ("trained", "random"):
        world = scene("town", **SMALL, brains=brains, day=1e6)  # it stays morning: everybody goes to work
        world.step()
        start = town.closeness(world).mean()
        for _ in range(450):
            world.step()
        check(world)
        near[brains] = town.closeness(world).mean() - start
    assert near["trained"] > 0.15
    assert near["trained"] > 3 * abs(near["random"])


def test_people_have_goals_by_the_hour():
    world = scene("town", agents=40, day=10.0)
    seen = []
    for hour in (0.2, 0.55, 0.9):
        world.tick = round(hour * 10 / world.dt)
        world.schedule[0](world, world.dt)
        seen.append(np.unique(world.tables["citizen"].column(Day.goal)).tolist())
    assert seen[0] == [town.WORK] and seen[1] == [town.MARKET, town.PARK]
    assert set(seen[2]) == {town.HOME, town.HOME + 1, town.HOME + 2, town.HOME + 3}


def test_you_walk_where_you_click_and_people_give_way():
    world = scene("town", **SMALL)
    x, y = world.tables["player"].column(Player.pos)[0].tolist()
    assert town.pointer(world, (x + 4, y), "press", 3) and not town.pointer(world, (x, y), "press", 1)
    assert town.key(world, "q") == ""
    for _ in range(120):
        world.step()
    assert np.allclose(world.tables["player"].column(Player.pos)[0], (x + 4, y), atol=0.5)
    assert town.key(world, "w") == "you walk"
    assert world.tables["player"].column(Player.wish)[0, 1] == pytest.approx(y + 4, abs=0.6)


def test_citizens_share_brains_and_strays_have_their_own():
    world = scene("town", **SMALL)
    citizens, strays = world.tables["citizen"], world.tables["stray"]
    assert citizens.shared and len(citizens.brains) == town.BRAINS and set(citizens.brain) == set(range(town.BRAINS))
    assert not strays.shared and len(strays.brains) == strays.n == 30
    assert len(np.unique(strays.brains.parameters, axis=0)) == 30


def test_check_sees_somebody_in_a_house():
    world = scene("town", **SMALL)
    row, column = np.argwhere(world.resources["tiles town"] == town_map.HOUSE)[0]
    world.tables["citizen"].column(Body.pos)[0] = column + 0.5, row + 0.5
    with pytest.raises(SceneError, match="in a house"):
        check(world)
