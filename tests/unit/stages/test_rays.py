"""Rays: closed forms of a wall, a disc, a corner and the seam; a brute-force oracle in float64 with all images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swarm
from swarm import Component, Rays, f32
from swarm.errors import ScheduleError, SchemaError, SettingsError
from tests.unit.stages.looking import Facing
from tests.unit.stages.worlds import Body, Energy, Wall, differences, host, places, run, shuffle, world

WALL = (Wall.a, Wall.b)


class Rock(Component):
    at = f32(2, unit="m")
    radius = f32(unit="m", default=1)
    hue = f32(default=0)


def seen(backend: str, sense: Rays, seekers: Any, rocks: Any = (), walls: Any = (), size: Any = (64.0, 64.0), **more):
    """What agents at `seekers` [N, 2] see; rocks [K, 3] are (x, y, radius), walls [M, 4] both ends."""
    Mind = swarm.mind(it=sense, actions=("x",))
    w = world(backend, size)
    seekers = np.asarray(seekers, np.float32).reshape(-1, 2)
    rocks, walls = np.asarray(rocks, np.float32).reshape(-1, 3), np.asarray(walls, np.float32).reshape(-1, 4)
    facing = {name: more.pop(name) for name in ("angle", "way") if name in more}
    w.spawn(len(seekers), Body(pos=seekers), Facing(**facing), Mind(), name="body")
    w.spawn(len(rocks), Rock(at=rocks[:, :2], radius=rocks[:, 2], **more), name="rock")
    w.spawn(len(walls), Wall(a=walls[:, :2], b=walls[:, 2:]), Energy(level=np.arange(len(walls)) + 1), name="wall")
    run(w, *(swarm.index(column, radius=reach) for column, reach in sense.needs.items()), swarm.sense(Mind, Body.pos))
    return host(w.tables["body"], Mind.senses).copy()


def closeness(distance, radius):
    return np.float32(1) - np.float32(distance) / np.float32(radius)


@pytest.mark.parametrize("distance", [0.5, 3.0, 7.75, 8.0, 9.0])
def test_a_wall_ahead(backend: str, distance: float):
    wall = [(20 + distance, 15, 20 + distance, 25)]
    got = seen(backend, Rays(4, 8.0, walls=WALL), [(20, 20)], walls=wall)
    assert got.tolist() == [[max(0, closeness(distance, 8)), 0, 0, 0]]


def test_a_wall_at_an_angle(backend: str):
    """The line x + y = 44 lies 4 ahead of (20, 20) along x and along y, and sqrt(8) away at 45 degrees."""
    got = seen(backend, Rays(8, 8.0, walls=WALL), [(20, 20)], walls=[(14, 30, 30, 14)])
    assert np.allclose(got, [[0.5, 1 - 8**0.5 / 8, 0.5, 0, 0, 0, 0, 0]], atol=1e-7)


def test_a_disc_ahead_tangent_missed_and_behind(backend: str):
    """At a distance of 5, radius 2: met at 3; the ray that only touches it is a hit; a hair farther off is none."""
    sense = Rays(2, 8.0, of=Rock.at, size=Rock.radius, largest=3)
    assert seen(backend, sense, [(20, 20)], [(25, 20, 2)]).tolist() == [[closeness(3, 8), 0]]
    assert seen(backend, sense, [(20, 20)], [(25, 22, 2)]).tolist() == [[closeness(5, 8), 0]]
    assert seen(backend, sense, [(20, 20)], [(25, 22.00001, 2)]).tolist() == [[0, 0]]
    assert seen(backend, sense, [(20, 20)], [(15, 20, 2)]).tolist() == [[0, closeness(3, 8)]]


def test_inside_a_disc_every_ray_meets_it_at_once(backend: str):
    sense = Rays(5, 8.0, of=Rock.at, size=Rock.radius, largest=3)
    assert seen(backend, sense, [(20, 20)], [(21, 20, 2)]).tolist() == [[1, 1, 1, 1, 1]]


def test_a_disc_reaches_into_sight_from_beyond_the_radius(backend: str):
    sense = Rays(1, 8.0, of=Rock.at, size=Rock.radius, largest=4)
    assert seen(backend, sense, [(20, 20)], [(30, 20, 4)]).tolist() == [[closeness(6, 8)]]
    assert seen(backend, sense, [(20, 20)], [(32, 20, 4)]).tolist() == [[0]]


@pytest.mark.parametrize("across", [0, 1e-6, -1e-6])
def test_nothing_slips_through_a_corner(backend: str, across: float):
    """Two walls that share an end straight ahead, pointing away to both sides: the ray meets one or the other."""
    walls = [(25.1, 20 + across, 28, 27), (28, 13, 25.1, 20 + across)]
    got = seen(backend, Rays(1, 8.0, walls=WALL), [(20, 20)], walls=walls)
    assert got[0, 0] == pytest.approx(1 - 5.1 / 8, abs=1e-6)


def test_fences_hold_all_rays():
    """Many agents inside a ring of 40 walls with shared ends: no ray gets out, on both backends alike."""
    angle = np.linspace(0, 2 * np.pi, 41)[:-1]
    ring = np.stack([32 + 6 * np.cos(angle), 32 + 6 * np.sin(angle)], 1).astype(np.float32)
    walls = np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1)
    inside = places(np.random.default_rng(0), 300, (7, 7)) + np.float32(28.5)
    both = [seen(name, Rays(40, 16.0, walls=WALL), inside, walls=walls) for name in ("reference", "cpu")]
    assert np.array_equal(*both)
    assert (both[0] > 0).all()
    at_posts = seen("cpu", Rays(40, 16.0, walls=WALL), [(32, 32)], walls=walls)  # every ray aims at a shared end
    assert np.allclose(at_posts, 1 - 6 / 16, atol=1e-5)


def test_along_a_wall(backend: str):
    """A ray that runs along a segment meets its nearer end; whoever stands on it is at distance 0."""
    walls = [(23, 20, 26, 20)]
    for x, want in ((20, (closeness(3, 8), 0)), (29, (0, closeness(3, 8))), (24, (1, 1)), (40, (0, 0))):
        assert seen(backend, Rays(2, 8.0, walls=WALL), [(x, 20)], walls=walls).tolist() == [list(want)]


def test_across_the_seam(backend: str):
    sense = Rays(4, 8.0, of=Rock.at, size=Rock.radius, largest=2, walls=WALL, hits=False)
    got = seen(backend, sense, [(62, 1)], [(3, 1, 1)], [(60, 60, 1, 60)])
    assert got.tolist() == [[closeness(4, 8), 0, 0, closeness(5, 8)]]


def test_a_long_wall_is_seen_from_both_sides_of_the_torus(backend: str):
    """A wall of half the world, and a radius of half the world: one ray meets it here, the other its image."""
    got = seen(backend, Rays(4, 32.0, walls=WALL), [(40, 10)], walls=[(20, 0, 20, 30)])
    assert got.tolist() == [[0, 0, closeness(20, 32), 0]]
    got = seen(backend, Rays(4, 32.0, walls=WALL), [(50, 10)], walls=[(20, 0, 20, 30), (48, 40, 52, 40)])
    assert np.allclose(got, [[0, closeness(30, 32), closeness(30, 32), 0]])


def test_what_was_hit(backend: str):
    """The nearest source of each ray; at the same distance the first one given."""
    sense = Rays(4, 8.0, of=(Body.pos, Rock.at), size=(0.5, Rock.radius), largest=2, walls=WALL)
    rocks, walls = [(25, 20, 1), (14, 20, 1)], [(23, 25, 17, 25), (16, 19, 16, 21), (25, 10, 30, 10)]
    got = seen(backend, sense, [(20, 20), (20, 15)], rocks, walls).reshape(2, 4, 4)
    assert np.allclose(got[0, 0], [closeness(4, 8), closeness(5, 8), closeness(4, 8), closeness(4.5, 8)])
    assert got[0, 1:].tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0]]
    tie = Rays(2, 8.0, of=Rock.at, size=Rock.radius, largest=2, walls=WALL)
    got = seen(backend, tie, [(20, 20)], [(25, 20, 1)], [(24, 18, 24, 22)]).reshape(3, 2)
    assert got.tolist() == [[0.5, 0], [1, 0], [0, 0]]


def test_the_value_of_what_was_hit(backend: str):
    """A column of rocks, then one of walls; of two at the same distance the elder's. Others give 0."""
    rocks, walls = [(25, 20, 1), (25, 20, 1), (23, 20, 0.5)], [(16, 18, 16, 22), (16, 15, 16, 23), (17, 15, 23, 15)]
    sense = Rays(4, 8.0, of=Rock.at, size=Rock.radius, largest=2, walls=WALL, hits=(Rock.hue, 2.0))
    got = seen(backend, sense, [(20, 20)], rocks[:2], walls, hue=np.float32([3, 4]))
    assert got.tolist() == [[0.5, 0, 0.5, closeness(5, 8), 6, 0, 0, 0]]
    got = seen(backend, sense, [(20, 20)], rocks, walls, hue=np.float32([3, 4, 5]))
    assert got.tolist() == [[closeness(2.5, 8), 0, 0.5, closeness(5, 8), 10, 0, 0, 0]]
    sense = Rays(4, 8.0, of=Rock.at, size=Rock.radius, largest=2, walls=WALL, hits=Energy.level)
    assert seen(backend, sense, [(20, 20)], rocks, walls)[0, 4:].tolist() == [0, 0, 1, 3]


def test_nobody_hits_itself_but_those_in_the_same_place(backend: str):
    assert seen(backend, Rays(3, 8.0, of=Body.pos, size=0.5), [(20, 20)]).tolist() == [[0, 0, 0]]
    got = seen(backend, Rays(3, 8.0, of=Body.pos, size=0.5), [(20, 20), (20, 20)])
    assert got.tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(("heading", "values"), [(Facing.angle, {"angle": np.pi / 2}), (Facing.way, {"way": (0, 0.1)})])
def test_heading_and_field_of_view(backend: str, heading, values):
    """Facing +y with three rays over 180 degrees: to the right is +x, to the left -x, nothing behind."""
    sense = Rays(3, 8.0, walls=WALL, heading=heading, fov=np.pi)
    walls = [(22, 15, 22, 25), (15, 24, 25, 24), (14, 15, 14, 25), (15, 19, 25, 19)]
    got = seen(backend, sense, [(20, 20)], walls=walls, **values)
    assert np.allclose(got, [[closeness(2, 8), closeness(4, 8), closeness(6, 8)]], atol=1e-6)
    assert sense.labels("eyes") == ["eyes -90 deg", "eyes 0 deg", "eyes 90 deg"]


def oracle(seekers, rocks, walls, n, radius, size, angle):
    """Closeness [N, n] in float64, segments in all images: arrays [N, n, discs] and [N, n, segments]."""
    sides, turn = np.float64(size), 2 * np.pi * np.arange(n) / n + angle[:, None]
    ux, uy = np.cos(turn)[..., None], np.sin(turn)[..., None]
    dx, dy = (d.astype(float)[:, None] for d in differences(seekers, rocks[:, :2], size))
    along, across = dx * ux + dy * uy, dx * uy - dy * ux
    gap = rocks[:, 2].astype(float) ** 2 - across**2
    root = np.sqrt(np.maximum(gap, 0))
    hit = (gap >= 0) & (along + root >= 0)
    nearest = np.where(hit, np.maximum(along - root, 0), np.inf).min(-1, initial=np.inf)
    a, b = walls[:, :2].astype(float), walls[:, 2:].astype(float)
    ex, ey = ((b - a) - sides * np.rint((b - a) / sides)).T
    for image in np.ndindex(5, 5):
        wx, wy = (a + (np.array(image) - 2) * sides - seekers.astype(float)[:, None]).transpose(2, 0, 1)[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (wx * ey - wy * ex) / (ux * ey - uy * ex)
            s = (wx * uy - wy * ux) / (ux * ey - uy * ex)
        hit = (t >= 0) & (s >= 0) & (s <= 1)
        nearest = np.minimum(nearest, np.where(hit, t, np.inf).min(-1, initial=np.inf))
    return np.maximum(0, 1 - nearest / radius)


@pytest.mark.parametrize("n", [1, 8, 21])
@pytest.mark.parametrize("size", [(50.0, 70.0), (13.0, 40.0)])
def test_against_the_oracle(backend: str, n: int, size):
    """Within 2^-12 of float64. Where a ray barely touches, one may hit and the other miss: fewer than one in 200."""
    rng = np.random.default_rng(n)
    radius = 0.4 * min(size)
    seekers, rocks = places(rng, 60, size), np.column_stack([places(rng, 60, size), rng.uniform(0, 1, 60)])
    walls = np.column_stack([places(rng, 20, size), places(rng, 20, size)]).astype(np.float32)
    angle = rng.uniform(-4, 4, 60).astype(np.float32)
    sense = Rays(n, radius, of=Rock.at, size=Rock.radius, largest=1.0, walls=WALL, heading=Facing.angle, hits=False)
    got = seen(backend, sense, seekers, rocks.astype(np.float32), walls, size, angle=angle)
    want = oracle(seekers, rocks.astype(np.float32), walls, n, radius, size, angle.astype(float))
    assert (np.abs(got - want) > 2.0**-12).mean() < 1 / 200
    assert (want > 0).mean() > 0.2


def test_rows_in_another_order_see_the_same(backend: str):
    seen_ = []
    Mind = swarm.mind(
        it=Rays(8, 8.0, of=Body.pos, size=1.0, walls=WALL, hits=(Energy.level, 0.1)), actions=("x",)
    )  # fmt: skip
    for turn in range(2):
        rng = np.random.default_rng(1)
        w = world(backend)
        w.spawn(500, Body(pos=places(rng, 500, (64, 64), 1.0)), Energy(level=rng.random(500)), Mind(), name="body")
        w.spawn(30, Wall(a=places(rng, 30, (64, 64), 4.0), b=places(rng, 30, (64, 64), 4.0)), name="wall")
        if turn:
            shuffle(w, 3)
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
        table = w.tables["body"]
        seen_.append(w.backend.host(table.column(Mind.senses))[np.argsort(w.backend.host(table.ids()))])
    assert np.array_equal(*seen_)
    assert (seen_[0][:, 8:] > 0).any()


def test_labels_geometry_and_cost():
    sense = Rays(4, 8.0, of=Rock.at, size=Rock.radius, largest=2, walls=WALL)
    Mind = swarm.mind(eyes=sense, actions=("x",))
    assert Mind.inputs == 12
    assert Mind.input_labels[:5] == (
        "eyes 0 deg",
        "eyes 90 deg",
        "eyes 180 deg",
        "eyes 270 deg",
        "eyes 0 deg is Rock.at",
    )
    assert Mind.input_labels[8] == "eyes 0 deg is Wall.a..b"
    about = Mind.describe()["senses"]["eyes"]
    assert (about["angles"], about["radius"], about["hits"]) == ([0, 90, 180, 270], 8.0, "kinds")
    assert sense.needs == {Rock.at: 10.0}
    assert sense.cost(world(), 100).bytes > 0
    assert Rays(4, 8.0, walls=WALL).cost(world(), 100).bytes > 0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Rays(0, 8, of=Rock.at), SettingsError),
        (lambda: Rays(4, 0, of=Rock.at), SettingsError),
        (lambda: Rays(4, 8), SettingsError),
        (lambda: Rays(4, 8, of=Rock.radius), SchemaError),
        (lambda: Rays(4, 8, of=Rock.at, size=-1), SettingsError),
        (lambda: Rays(4, 8, of=Rock.at, size=(1, 2)), SettingsError),
        (lambda: Rays(4, 8, of=Rock.at, size=Rock.at), SchemaError),
        (lambda: Rays(4, 8, walls=Wall.a), SchemaError),
        (lambda: Rays(4, 8, walls=(Wall.a, Rock.hue)), SchemaError),
        (lambda: Rays(4, 8, of=Rock.at, fov=7), SettingsError),
        (lambda: Rays(4, 8, of=Rock.at, hits=Rock.at), SchemaError),
        (lambda: Rays(4, 8, of=Rock.at, largest=0), SettingsError),
    ],
)
def test_bad_rays_are_refused(make, error):
    with pytest.raises(error, match="Rays"):
        make()


def test_what_only_the_world_can_tell():
    with pytest.raises(SettingsError, match="half round"):
        seen("reference", Rays(4, 33.0, walls=WALL), [(1, 1)])
    sense = Rays(4, 8.0, of=Rock.at, size=Rock.radius, largest=2)
    for bad in (-1, 3, np.nan):
        with pytest.raises(SettingsError, match=r"of table 'rock' has Rock.radius = .* largest"):
            seen("reference", sense, [(1, 1)], [(2, 2, 1), (3, 3, bad)])
    Mind = swarm.mind(it=Rays(4, 8.0, walls=WALL), actions=("x",))
    w = world()
    w.spawn(2, Body(pos=1), Mind(), name="seeker")
    with pytest.raises(ScheduleError, match=r"Wall.a, which is in no table"):
        run(w, swarm.sense(Mind))
