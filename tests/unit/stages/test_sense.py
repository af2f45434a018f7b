"""sense: sectors and own values against a brute-force oracle; the torus in its smallest sizes."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Own, Sectors
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.worlds import BACKENDS, Body, Energy, Plant, differences, host, places, run, world


def expected(seekers, others, size, radius, n, count, same):
    """Angles by arctan2 in float64: positions must not lie on a boundary."""
    dx, dy = differences(seekers, others, size)
    d2 = dx * dx + dy * dy
    near = d2 < np.float32(radius) ** 2
    if same:
        np.fill_diagonal(near, False)
    angle = np.arctan2(dy.astype(float), dx.astype(float)) % (2 * np.pi)
    sector = np.minimum((angle / (2 * np.pi / n)).astype(int), n - 1)
    out = np.zeros((len(seekers), n), np.float32)
    for k in range(n):
        mine = near & (sector == k)
        if count:
            out[:, k] = mine.sum(axis=1)
        else:
            closest = np.where(mine, d2, np.inf).min(axis=1, initial=np.inf).astype(np.float32)
            out[:, k] = np.where(
                closest < np.inf, 1 - np.sqrt(np.where(closest < np.inf, closest, 0)) / np.float32(radius), 0
            )
    return out


def looked(backend, seekers, others, size, radius, n=8, reduce="closeness", kin=False, index_self=True):
    """What `seekers` sense of `others`, or of each other if `kin`."""
    w = world(backend, size)
    w.spawn(len(others), Plant(pos=others), name="plant")
    Mind = swarm.mind(near=Sectors(n, radius, of=Body.pos if kin else Plant.pos, reduce=reduce), actions=("x",))
    w.spawn(len(seekers), Body(pos=seekers), Mind(), name="body")
    indices = [swarm.index(Plant.pos, radius=radius)] + [swarm.index(Body.pos, radius=radius)] * (kin or index_self)
    run(w, *indices, swarm.sense(Mind))
    return host(w.tables["body"], Mind.senses).copy()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 12])
@pytest.mark.parametrize("reduce", ["closeness", "count"])
@pytest.mark.parametrize("kin", [False, True])
def test_sectors_against_the_oracle(backend: str, n: int, reduce: str, kin: bool):
    rng = np.random.default_rng(n)
    size = (50.0, 70.0)
    seekers, others = places(rng, 150, size), places(rng, 250, size)
    got = looked(backend, seekers, others, size, 9.0, n, reduce, kin)
    want = expected(seekers, seekers if kin else others, size, 9.0, n, reduce == "count", kin)
    assert np.array_equal(got, want)
    assert (want > 0).any()


def test_seekers_without_an_index_of_their_own(backend: str):
    rng = np.random.default_rng(5)
    seekers, others = places(rng, 60, (50, 70)), places(rng, 90, (50, 70))
    got = looked(backend, seekers, others, (50.0, 70.0), 9.0, index_self=False)
    assert np.array_equal(got, expected(seekers, others, (50.0, 70.0), 9.0, 8, False, False))


@pytest.mark.parametrize("n", [8, 4, 16])
def test_boundaries_belong_to_the_sector_they_open(backend: str, n: int):
    """Multiples of 45 degrees are exact, whatever the distance."""
    angles = [(3, 0), (3, 3), (0, 3), (-3, 3), (-3, 0), (-3, -3), (0, -3), (3, -3)]
    for k, way in enumerate(angles):
        for scale in (1, 0.1, 1.7):
            here = np.array([[20.0, 20.0]], np.float32)
            there = (here + np.array(way, np.float32) * np.float32(scale)).astype(np.float32)
            if not np.array_equal(np.abs(there - here)[0] > 0, np.array(way) != 0):
                continue
            dx, dy = (there - here)[0]
            if way[0] and way[1] and abs(dx) != abs(dy):
                continue  # rounding moved it off the diagonal
            got = looked(backend, here, there, (64.0, 64.0), 12.0, n)
            assert np.flatnonzero(got[0]).tolist() == [int(k * n / 8)]


@pytest.mark.parametrize("n", [1, 3, 8])
def test_the_same_place_is_sector_0(backend: str, n: int):
    here = np.array([[20.0, 20.0], [20.0, 20.0]], np.float32)
    got = looked(backend, here, np.empty((0, 2), np.float32), (64.0, 64.0), 5.0, n, kin=True)
    assert np.array_equal(got, np.eye(1, n, dtype=np.float32).repeat(2, axis=0))


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("reduce", ["closeness", "count"])
def test_two_agents_on_tiny_toruses(backend: str, cells: int, reduce: str):
    """Every pair is found once, over the seam too, with one cell or several per axis."""
    size = (20.0, 20.0)
    radius = min(10.0, 20 / cells * 0.99)
    rng = np.random.default_rng(cells)
    for _ in range(20):
        pair = places(rng, 2, size)
        got = looked(backend, pair, np.empty((0, 2), np.float32), size, radius, 8, reduce, kin=True)
        assert np.array_equal(got, expected(pair, pair, size, radius, 8, reduce == "count", True))


def test_across_the_seam_and_the_corner(backend: str):
    for here, there, sector, distance in [
        ((0.5, 10), (39.5, 10), 4, 1.0),
        ((39.5, 10), (0.5, 10), 0, 1.0),
        ((10, 0.5), (10, 39.0), 6, 1.5),
        ((0.5, 0.5), (39.5, 39.5), 5, 2**0.5),
    ]:
        got = looked(backend, np.array([here], np.float32), np.array([there], np.float32), (40.0, 40.0), 4.0)
        assert np.flatnonzero(got[0]).tolist() == [sector]
        assert got[0, sector] == np.float32(1) - np.sqrt(np.float32(distance * distance)) / np.float32(4)


@pytest.mark.parametrize(
    ("side", "parts", "one", "two"),
    [(7.3, 53, 0.5509433746337891, 0.6886792182922363), (7.3, 80, 5.839999675750732, 5.931249618530273)],
)
def test_rounding_of_cells_hides_nobody(backend: str, side: float, parts: int, one: float, two: float):
    """With cells exactly as wide as the radius these two, nearer than it, would be two cells apart by rounding."""
    radius = float(np.float32(side)) / parts
    pair = np.array([[one, 1], [two, 1]], np.float32)
    assert (pair[1, 0] - pair[0, 0]) ** 2 < np.float32(radius) ** 2
    others = places(np.random.default_rng(0), 9000, (side, side))
    others[:, 1] = 3 + others[:, 1] / 2  # far away, so that memory allows for many cells
    got = looked(backend, np.concatenate([pair, others]), pair, (side, side), radius, reduce="count", kin=True)
    assert got[:2].sum(axis=1).tolist() == [1, 1]


def test_radius_of_half_the_world(backend: str):
    """Just below half the world is seen, exactly half is not: 1 - d / radius is 0 there."""
    here = np.array([[0, 0]], np.float32)
    for there, seen in (((9.999, 0), True), ((10, 0), False), ((10.001, 0), True)):
        got = looked(backend, here, np.array([there], np.float32), (20.0, 20.0), 10.0, reduce="count")
        assert got.sum() == seen


def test_own_values_scaled_and_integer(backend: str):
    w = world(backend)
    Mind = swarm.mind(
        energy=Own(Energy.level), speed=Own(Body.vel, scale=0.5), flag=Own(Plant.ripe), actions=("x",), memory=2
    )
    vel = np.array([[1, 2], [3, 4]], np.float32)
    w.spawn(2, Body(vel=vel), Energy(level=7), Plant(ripe=np.array([True, False])), Mind(), name="body")
    run(w, swarm.sense(Mind))
    assert host(w.tables["body"], Mind.senses).tolist() == [[7, 0.5, 1, 1], [7, 1.5, 2, 0]]
    assert host(w.tables["body"], Mind.memory).tolist() == [[0, 0], [0, 0]]


def test_an_agent_outside_the_world_is_named(backend: str):
    w = world(backend)
    Mind = swarm.mind(food=Sectors(8, 4, of=Plant.pos), actions=("x",))
    w.spawn(3, Plant(pos=w.scatter), name="plant")
    ids = w.spawn(5, Body(pos=w.scatter), Mind(), name="body")
    w.tables["body"].column(Body.pos)[3, 0] = np.nan
    with pytest.raises(NonFiniteError, match=f"entity {ids[3]} of table 'body' has Body.pos"):
        run(w, swarm.index(Plant.pos), swarm.sense(Mind))


def test_two_tables_share_a_mind_and_a_grid():
    rng = np.random.default_rng(8)
    Mind = swarm.mind(kin=Sectors(8, 9, of=Body.pos), actions=("x",))
    one, two = places(rng, 80, (64, 64)), places(rng, 70, (64, 64))
    want = expected(np.concatenate([one, two]), np.concatenate([one, two]), (64.0, 64.0), 9.0, 8, False, True)
    for backend in BACKENDS:
        w = world(backend)
        w.spawn(80, Body(pos=one), Mind(), name="red")
        w.spawn(70, Body(pos=two), Energy(), Mind(), name="blue")
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
        got = np.concatenate([host(t, Mind.senses) for t in w.tables.values()])
        assert np.array_equal(got, want)


def test_an_index_is_needed():
    w = world()
    Mind = swarm.mind(food=Sectors(8, 4, of=Plant.pos), actions=("x",))
    w.spawn(3, Plant(pos=w.scatter), name="plant")
    w.spawn(5, Body(pos=w.scatter), Mind(), name="body")
    with pytest.raises(ScheduleError, match=r"index of Plant.pos"):
        w.schedule = (swarm.sense(Mind),)


def test_which_position_is_asked_when_it_is_not_clear():
    class Other(swarm.Component):
        pos = swarm.f32(2, default=0)

    w = world()
    Mind = swarm.mind(food=Sectors(8, 4, of=Plant.pos), actions=("x",))
    w.spawn(3, Plant(pos=w.scatter), name="plant")
    w.spawn(2, Body(pos=w.scatter), Other(), Mind(), name="body")
    with pytest.raises(ScheduleError, match=r"several position columns: Body.pos, Other.pos"):
        run(w, swarm.index(Plant.pos), swarm.sense(Mind))
    run(w, swarm.index(Plant.pos), swarm.sense(Mind, pos=Body.pos))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Sectors(0, 4, of=Plant.pos), SettingsError),
        (lambda: Sectors(8, -4, of=Plant.pos), SettingsError),
        (lambda: Sectors(8, 4, of=Plant.energy), SchemaError),
        (lambda: Sectors(8, 4, of=Plant.pos, reduce="sum"), SettingsError),
        (lambda: Own("level"), SchemaError),
        (lambda: Own(Energy.level, scale=float("inf")), SettingsError),
    ],
)
def test_bad_senses_are_refused(make, error):
    with pytest.raises(error):
        make()
