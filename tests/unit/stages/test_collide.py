"""collide: discs part as closed forms say, momentum is kept, and nobody ends inside an obstacle."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, Tiles, f32
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.worlds import Body, Wall, by_id, host, places, run, shuffle, world

Walls = Tiles("walls", cells=(16, 16))


class Disc(Component):
    radius = f32(unit="m", default=1)


class Rock(Component):
    place = f32(2, unit="m")
    size = f32(unit="m", default=2)


def discs(backend: str, pos, vel=0.0, radius=1.0, size=(64.0, 64.0), threads=None):
    w = world(backend, size, threads=threads)
    w.spawn(len(pos), Body(pos=np.asarray(pos, np.float32), vel=vel), Disc(radius=radius), name="disc")
    return w


def hit(w, **options):
    options = {"radius": Disc.radius, "widest": 2.0, "vel": Body.vel, **options}
    stage = swarm.collide(Body.pos, **options)
    run(w, *([swarm.index(Body.pos)] if stage.agents else []), stage)
    return host(w.tables["disc"], Body.pos), host(w.tables["disc"], Body.vel)


def test_two_equal_discs_part_symmetrically(backend: str):
    pos, _ = hit(discs(backend, [[10, 10], [11, 10], [30, 30], [30, 31.5], [50, 50]]))
    assert pos.tolist() == [[9.5, 10], [11.5, 10], [30, 29.75], [30, 31.75], [50, 50]]


def test_discs_touch_over_the_seam_unless_there_are_walls(backend: str):
    start = [[0.25, 5], [63.75, 5]]
    pos, _ = hit(discs(backend, start))
    assert pos.tolist() == [[1, 5], [63, 5]]
    pos, _ = hit(discs(backend, start), edge="wall")
    assert pos.tolist() == start


def test_an_elastic_collision_exchanges_the_velocities_along_the_line(backend: str):
    """Equal masses, head on and at an angle: the closed form."""
    angle = np.deg2rad(30)
    n = np.array([np.cos(angle), np.sin(angle)])
    vel = np.array([[3, 0], [-1, 0], [2, 1], [-1, 3]], np.float32)
    pos = np.array([[10, 10], [11.5, 10], [30, 30], [30, 30] + 1.5 * n], np.float32)
    _, after = hit(discs(backend, pos, vel), bounce=1.0)
    assert after[:2].tolist() == [[-1, 0], [3, 0]]
    along = (vel[2] - vel[3]) @ n
    assert np.allclose(after[2:], [vel[2] - along * n, vel[3] + along * n], atol=1e-6)


def test_without_bounce_they_go_on_together(backend: str):
    _, after = hit(discs(backend, [[10, 10], [11.5, 10]], np.array([[3, 2], [-1, 0]], np.float32)))
    assert after.tolist() == [[1, 2], [1, 0]]


def test_who_moves_apart_is_left_alone(backend: str):
    vel = np.array([[-3, 2], [1, 0]], np.float32)
    _, after = hit(discs(backend, [[10, 10], [11.5, 10]], vel), bounce=1.0)
    assert np.array_equal(after, vel)


def test_two_at_the_same_place_part_by_id(backend: str):
    pos, _ = hit(discs(backend, [[10, 10], [10, 10]]))
    assert pos.tolist() == [[9, 10], [11, 10]]


def crowd(backend: str, count: int = 600, threads=None, seed: int = 1):
    rng = np.random.default_rng(seed)
    size = (40.0, 30.0)
    vel = rng.normal(size=(count, 2)).astype(np.float32)
    radius = rng.uniform(0.3, 1.2, count).astype(np.float32)
    return discs(backend, places(rng, count, size, 0.25), vel, radius, size, threads)


@pytest.mark.parametrize("bounce", [0.0, 0.5, 1.0])
def test_a_crowd_keeps_its_momentum_and_never_gains_energy(backend: str, bounce: float):
    """Bounds: each velocity is rounded to float32 once, each impulse to 2^-24 m/s on both sides alike."""
    w = crowd(backend)
    before = host(w.tables["disc"], Body.vel).astype(float)
    _, after = hit(w, bounce=bounce)
    after = after.astype(float)
    assert (after != before).any(axis=1).sum() > 300
    assert np.abs(after.sum(axis=0) - before.sum(axis=0)).max() < 600 * 8 * 2.0**-24
    assert (after**2).sum() <= (before**2).sum() * (1 + 1e-6)
    if bounce == 0:
        assert (after**2).sum() < 0.9 * (before**2).sum()


def overlap(pos, radius, size):
    d = pos[:, None].astype(float) - pos[None].astype(float)
    d -= np.array(size) * np.rint(d / np.array(size))
    gap = radius[:, None] + radius[None] - np.hypot(*np.moveaxis(d, -1, 0))
    np.fill_diagonal(gap, 0)
    return np.maximum(gap, 0).sum()


def test_rounds_relax_a_crowd(backend: str):
    """A crowd that fits is spread: every round leaves less overlap than before."""
    rng = np.random.default_rng(5)
    left = []
    for rounds in (1, 4, 16):
        w = discs(backend, 15 + rng.random((80, 2)) * 20, radius=1.0)
        radius = host(w.tables["disc"], Disc.radius).astype(float)
        first = overlap(host(w.tables["disc"], Body.pos), radius, w.size)
        pos, _ = hit(w, rounds=rounds)
        left.append(overlap(pos, radius, w.size) / first)
    assert left[0] < 0.9
    assert left[2] < left[1] < left[0]
    assert left[2] < 0.2


def test_rows_and_threads_change_nothing(backend: str):
    found = []
    for order, threads in ((None, 1), (3, 1), (None, None)):
        w = crowd(backend, threads=threads)
        if order is not None:
            shuffle(w, order)
        hit(w, bounce=0.5, rounds=2)
        found.append([by_id(w.tables["disc"], w.tables["disc"].column(c)) for c in (Body.pos, Body.vel)])
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other))


def test_circles_push_all_the_way_and_give_velocity_back(backend: str):
    w = discs(backend, [[10, 10], [20, 20]], np.array([[-2, 1], [1, 1]], np.float32))
    w.spawn(2, Rock(place=np.array([[8, 10], [40, 40]], np.float32)), name="rock")
    stage = swarm.collide(
        Body.pos, 1.0, Body.vel, circles=(Rock.place, Rock.size), widest=2.0, bounce=0.5, agents=False
    )
    run(w, swarm.index(Rock.place), stage)
    assert host(w.tables["disc"], Body.pos).tolist() == [[11, 10], [20, 20]]
    assert host(w.tables["disc"], Body.vel).tolist() == [[1, 1], [1, 1]]


def test_segments_stop_from_both_sides_and_at_their_ends(backend: str):
    pos = np.array([[10, 10.5], [12, 9.25], [15.6, 10], [18, 10]], np.float32)
    vel = np.array([[1, -2], [1, 2], [-1, 0], [0, 0]], np.float32)
    w = discs(backend, pos, vel)
    w.spawn(1, Wall(a=np.float32([5, 10]), b=np.float32([15, 10])), name="wall")
    pos, vel = hit(w, segments=(Wall.a, Wall.b), bounce=1.0)
    assert np.allclose(pos, [[10, 11], [12, 9], [16, 10], [18, 10]])
    assert np.allclose(vel, [[1, 2], [1, -2], [1, 0], [0, 0]])


def maze(w):
    rows = ["#" * 16] + ["#" + "." * 6 + "##" + "." * 6 + "#"] * 7 + ["#" + "." * 14 + "#"] * 7 + ["#" * 16]
    Walls.load(w, rows)
    return np.array([[c == "#" for c in row] for row in reversed(rows)])


def crossing(p, q, a, b):
    """bool [N]: whether the ways from p to q [N, 2] cross the segment from a to b."""

    def left(u, v):
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    return (left(b - a, p - a) * left(b - a, q - a) < 0) & (left(q - p, a - p) * left(q - p, b - p) < 0)


@pytest.mark.parametrize("bounce", [0.0, 1.0])
def test_nobody_ends_inside_a_tile_or_a_wall(backend: str, bounce: float):
    """100 agents of 0.4 m run 40 ticks below 0.4 m a tick: no disc is 1% in a solid tile, none crosses a wall."""
    rng = np.random.default_rng(2)
    w = world(backend, (32.0, 32.0))
    solid = maze(w)
    pos = np.stack([rng.uniform(3, 12, 100), rng.uniform(3, 29, 100)], axis=1).astype(np.float32)
    pos = pos[np.abs(pos[:, 1] - pos[:, 0] - 3) > 0.6]
    angle = rng.uniform(0, 2 * np.pi, len(pos))
    vel = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    w.spawn(len(pos), Body(pos=pos, vel=vel.astype(np.float32)), Disc(radius=0.4), name="disc")
    w.spawn(1, Wall(a=np.float32([2, 5]), b=np.float32([13, 16])), name="wall")
    w.spawn(1, Wall(a=np.float32([13, 16]), b=np.float32([14.5, 17.5])), name="wall")
    stage = swarm.collide(
        Body.pos, 0.4, Body.vel, segments=(Wall.a, Wall.b), tiles=Walls, bounce=bounce, agents=False, edge="wall"
    )
    w.schedule = (swarm.move(Body.pos, Body.vel, edge="wall"), stage)
    for _ in range(40):
        w.step()
        before, pos = pos.astype(float), host(w.tables["disc"], Body.pos).astype(float)
        for a, b in (([2, 5], [13, 16]), ([13, 16], [14.5, 17.5])):
            assert not crossing(before, pos, np.array(a), np.array(b)).any()
        rows, columns = np.nonzero(solid)
        low = np.stack([columns, rows], axis=1) * 2.0
        gap = pos[:, None] - np.clip(pos[:, None], low, low + 2)
        assert np.hypot(gap[..., 0], gap[..., 1]).min() > 0.396


def test_a_fast_agent_does_not_tunnel_when_told_how_fast(backend: str):
    """8 m a tick through a segment and through a tile; beyond `fastest` nothing is promised."""
    vel = np.array([[64, 0], [64, 0], [0, -64], [64, 64]], np.float32)
    start = np.array([[6, 10], [6, 30], [30.5, 46], [50, 10]], np.float32)
    w = discs(backend, start, vel, radius=0.5)
    w.spawn(1, Wall(a=np.float32([10, 5]), b=np.float32([10, 35])), name="wall")
    Walls.edit(w, 7, 10, 1)
    stages = (
        swarm.move(Body.pos, Body.vel),
        swarm.collide(Body.pos, 0.5, Body.vel, segments=(Wall.a, Wall.b), tiles=Walls, fastest=100, agents=False),
    )
    run(w, *stages)
    pos = host(w.tables["disc"], Body.pos)
    assert np.allclose(pos[:2], [[9.5, 10], [9.5, 30]])
    assert pos[2, 0] == 30.5
    assert 44.5 - 1e-4 <= pos[2, 1] <= 45.6
    assert pos[3].tolist() == [58, 18]
    assert np.allclose(host(w.tables["disc"], Body.vel)[:2], 0)


def test_who_is_inside_a_tile_leaves_by_the_nearest_open_side(backend: str):
    w = discs(backend, [[9, 10.25], [11.25, 10]], radius=0.5)
    Walls.edit(w, 2, 2, 1)
    pos, _ = hit(w, tiles=Walls, agents=False)
    assert np.allclose(pos, [[7.5, 10.25], [12.5, 10]])


def test_collisions_are_told(backend: str):
    w = discs(backend, [[10, 10], [11, 10], [30, 30], [50, 8.75]])
    rock = w.spawn(1, Rock(place=np.float32([30, 32.5])), name="rock")
    wall = w.spawn(1, Wall(a=np.float32([45, 8]), b=np.float32([55, 8])), name="wall")
    ids = w.tables["disc"].ids().tolist()
    w.watch(swarm.Collision)
    w.schedule = (
        swarm.index(Body.pos),
        swarm.index(Rock.place),
        swarm.collide(Body.pos, 1.0, circles=(Rock.place, 2.0), segments=(Wall.a, Wall.b)),
    )
    w.step()
    assert [*w.events(swarm.Collision)] == [
        (ids[0], ids[1], 1.0), (ids[2], int(rock[0]), 0.5), (ids[3], int(wall[0]), 0.25),
    ]  # fmt: skip


def test_tables_without_the_columns_do_not_collide(backend: str):
    w = discs(backend, [[10, 10]])
    w.spawn(1, Body(pos=10.5), name="ghost")
    pos, _ = hit(w)
    assert pos.tolist() == [[10, 10]]


def test_bad_radii_and_positions_are_named(backend: str):
    w = discs(backend, [[10, 10], [20, 20]], radius=np.array([1, 3], np.float32))
    with pytest.raises(NonFiniteError, match=r"collide Body.pos: entity \d+ of table 'disc' has Disc.radius = 3.0"):
        hit(w)
    w = discs(backend, [[10, 10], [20, 20]])
    w.tables["disc"].column(Body.pos)[1, 0] = -1
    with pytest.raises(NonFiniteError, match=r"has Body.pos = \[-1"):
        hit(w, tiles=Walls, agents=False)


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match=r"Give widest=, the largest radius"):
        swarm.collide(Body.pos, Disc.radius)
    with pytest.raises(SettingsError, match=r"bounce is 1.5; more than 1 would make energy"):
        swarm.collide(Body.pos, 1.0, bounce=1.5)
    with pytest.raises(SettingsError, match="radius is -1"):
        swarm.collide(Body.pos, -1)
    with pytest.raises(SettingsError, match="nothing to run into"):
        swarm.collide(Body.pos, 1.0, agents=False)
    with pytest.raises(SettingsError, match=r"Give vel=Body.vel"):
        swarm.collide(Body.pos, 1.0, fastest=10)
    with pytest.raises(SettingsError, match="edge is 'open'"):
        swarm.collide(Body.pos, 1.0, edge="open")
    with pytest.raises(SchemaError, match=r"segments=\(Wall.a, Wall.b\)"):
        swarm.collide(Body.pos, 1.0, segments=Wall.a)
    with pytest.raises(SchemaError, match=r"tiles is 3. Give a tile map"):
        swarm.collide(Body.pos, 1.0, tiles=3)
    w = discs("reference", [[10, 10]])
    with pytest.raises(ScheduleError, match=r"index of Body.pos"):
        w.schedule = (swarm.collide(Body.pos, 1.0),)
    with pytest.raises(SettingsError, match="half round a world"):
        run(w, swarm.index(Body.pos), swarm.collide(Body.pos, 17.0))
