"""Sectors of every reduction, with a heading, with a filter: against an oracle by angles, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Sectors
from swarm.errors import ScheduleError, SchemaError, SettingsError
from swarm.stages.frame import turned, unit
from tests.unit.stages.looking import Facing, Voice, around, looked
from tests.unit.stages.worlds import Body, Energy, places, run, shuffle, world

SIZE = (50.0, 70.0)
CARRIED = {"sum", "mean"}


def expected(seekers, others, radius, n, reduce, level, angle, loud):
    """By arctan2 in float64. Sums in float64: they differ from ours by roundings."""
    dx, dy, d2, near = around(seekers, others, SIZE, radius)
    near &= loud
    first = 0.0 if angle is None else angle[:, None] - np.pi / n
    sector = np.floor(((np.arctan2(dy.astype(float), dx) - first) % (2 * np.pi)) / (2 * np.pi / n)).astype(int) % n
    out = np.zeros((len(seekers), n))
    for k in range(n):
        mine = near & (sector == k)
        count, share = mine.sum(1), np.sqrt(np.where(mine, d2, np.inf).min(1)) / np.float32(radius)
        carried = np.where(mine, level, 0).sum(1)
        out[:, k] = {
            "count": count, "closeness": np.where(count, 1 - share, 0), "distance": np.where(count, share, 1),
            "sum": carried, "mean": carried / np.maximum(count, 1),
        }[reduce]  # fmt: skip
    return out


@pytest.mark.parametrize("n", [1, 5, 8])
@pytest.mark.parametrize("reduce", ["closeness", "count", "distance", "sum", "mean"])
@pytest.mark.parametrize("turned_", [False, True])
def test_against_the_oracle(backend: str, n: int, reduce: str, turned_: bool):
    rng = np.random.default_rng(n)
    seekers, others = places(rng, 150, SIZE), places(rng, 250, SIZE)
    level, loud = rng.normal(size=250).astype(np.float32), rng.random(250) < 0.8
    angle = rng.uniform(-9, 9, 150).astype(np.float32)
    sense = Sectors(
        n, 9.0, of=Voice.at, reduce=reduce, column=Voice.level if reduce in CARRIED else None,
        heading=Facing.angle if turned_ else None, where=Voice.loud,
    )  # fmt: skip
    got = looked(backend, sense, seekers, others, SIZE, level=level, loud=loud, angle=angle)
    want = expected(seekers, others, 9.0, n, reduce, level, angle.astype(float) if turned_ else None, loud)
    exact = reduce == "count" or (reduce not in CARRIED and not turned_)
    assert np.allclose(got, want, atol=1e-6 if exact else 2e-6)
    assert (want != (reduce == "distance")).any()


@pytest.mark.parametrize("reduce", ["closeness", "count"])
def test_a_heading_along_x_is_the_world_turned_by_half_a_sector(backend: str, reduce: str):
    """One at 20 degrees is straight ahead, one at 30 in the next sector."""
    here = [(30, 30)]
    for angle, sector in ((20, 0), (-20, 0), (30, 1), (180, 4), (-30, 7)):
        there = [(30 + 5 * np.cos(np.radians(angle)), 30 + 5 * np.sin(np.radians(angle)))]
        got = looked(backend, Sectors(8, 9.0, of=Voice.at, reduce=reduce, heading=Facing.way), here, there, way=(2, 0))
        assert np.flatnonzero(got[0]).tolist() == [sector]


def test_mean_and_sum_of_two(backend: str):
    for reduce, want in (("sum", 7.0), ("mean", 3.5)):
        sense = Sectors(4, 9.0, of=Voice.at, reduce=reduce, column=(Voice.level, 0.5))
        got = looked(backend, sense, [(30, 30)], [(32, 31), (31, 33)], level=np.float32([4, 10]))
        assert got.tolist() == [[want, 0, 0, 0]]


def test_several_numbers_of_a_column(backend: str):
    sense = Sectors(2, 9.0, of=Voice.at, reduce="sum", column=Voice.message)
    got = looked(backend, sense, [(30, 30)], [(30, 32), (30, 28)], message=np.float32([[1, 2, 3], [4, 5, 6]]))
    assert got.tolist() == [[1, 2, 3, 4, 5, 6]]
    assert sense.labels("din")[3] == "din 180..360 deg Voice.message 0"


@pytest.mark.parametrize("cells", [1, 2, 3, 4])
def test_sums_on_tiny_toruses(backend: str, cells: int):
    """Every other is added once, with one cell or several per axis."""
    size, rng = (20.0, 20.0), np.random.default_rng(cells)
    radius = min(10.0, 20 / cells * 0.99)
    seekers, others = places(rng, 30, size), places(rng, 40, size)
    level = (2.0 ** rng.integers(0, 12, 40)).astype(np.float32)  # sums of these are exact
    got = looked(backend, Sectors(1, radius, of=Voice.at, reduce="sum", column=Voice.level), seekers, others, size,
                 level=level)  # fmt: skip
    near = around(seekers, others, size, radius)[3]
    assert np.array_equal(got[:, 0], (near * level).sum(1))


def test_sums_do_not_depend_on_the_order_of_rows(backend: str):
    seen = []
    Mind = swarm.mind(it=Sectors(8, 9.0, of=Body.pos, reduce="sum", column=Energy.level), actions=("x",))
    for turn in range(2):
        rng = np.random.default_rng(1)
        w = world(backend)
        w.spawn(900, Body(pos=places(rng, 900, (64, 64))), Energy(level=rng.normal(size=900)), Mind(), name="body")
        if turn:
            shuffle(w, 3)
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
        table = w.tables["body"]
        seen.append(w.backend.host(table.column(Mind.senses))[np.argsort(w.backend.host(table.ids()))])
    assert np.array_equal(*seen)
    assert np.abs(seen[0]).max() > 1


def test_labels_and_geometry():
    sense = Sectors(8, 9.0, of=Voice.at, heading=Facing.way, where=Voice.loud, reduce="mean", column=Voice.level)
    assert sense.labels("din")[:2] == ["din -22.5..22.5 deg Voice.level (J)", "din 22.5..67.5 deg Voice.level (J)"]
    about = sense.describe()
    assert (about["frame"], about["from"], about["where"], about["reduce"]) == (
        "Facing.way",
        -22.5,
        "Voice.loud",
        "mean",
    )
    assert not sense.plain
    assert Sectors(8, 9.0, of=Voice.at, reduce="count").plain
    assert sense.cost(world(), 10).flops > 0


def test_frames_have_length_one_and_the_right_angle():
    angle = np.concatenate([np.linspace(-9000, 9000, 4001), [0, np.pi / 2, np.pi]]).astype(np.float32)
    want = np.stack([np.cos(angle.astype(float)), np.sin(angle.astype(float))], 1)
    assert np.abs(turned(angle) - want).max() <= 2.0**-24
    way = np.float32([[3, 4], [0, 0], [-1e30, 0], [1e-40, 1e-40], [0, -2]])
    out = np.empty_like(way)
    assert unit(way, np.float32([1, 0]), out) == -1
    assert np.allclose(out, [[0.6, 0.8], [1, 0], [-1, 0], [0.5**0.5, 0.5**0.5], [0, -1]], atol=1e-7)
    assert unit(way, turned(np.pi / 2), out) == -1
    assert np.allclose(out[0], [-0.8, 0.6], atol=1e-7)


def test_bad_input():
    for make, error in [
        (lambda: Sectors(8, 4, of=Voice.at, reduce="sum"), SettingsError),
        (lambda: Sectors(8, 4, of=Voice.at, column=Voice.level), SettingsError),
        (lambda: Sectors(8, 4, of=Voice.at, reduce="most"), SettingsError),
        (lambda: Sectors(8, 4, of=Voice.at, reduce="sum", column="level"), SchemaError),
        (lambda: Sectors(8, 4, of=Voice.at, heading=Voice.kind), SchemaError),
        (lambda: Sectors(8, 4, of=Voice.at, where=Voice.kind), SchemaError),
        (lambda: Sectors(8.5, 4, of=Voice.at), SettingsError),
    ]:
        with pytest.raises(error, match="Sectors"):
            make()
    with pytest.raises(ScheduleError, match=r"Energy.level, which is in no table"):
        looked("reference", Sectors(8, 4, of=Voice.at, reduce="sum", column=Energy.level), [(1, 1)], [(2, 2)])
    with pytest.raises(SchemaError, match=r"table 'body' senses, but has no heading Voice.level"):
        looked("reference", Sectors(8, 4, of=Voice.at, heading=Voice.level), [(1, 1)], [(2, 2)])
