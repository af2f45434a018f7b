"""Nearest: a brute-force oracle, closed forms of two agents, ties by id, absent ones, frames."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Nearest
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.looking import Facing, Voice, around, looked
from tests.unit.stages.worlds import Body, Energy, places, run, shuffle, world

SIZE = (50.0, 70.0)


def expected(seekers, others, k, radius, values, shown=None):
    dx, dy, d2, near = around(seekers, others, SIZE, radius)
    if shown is not None:
        near &= shown
    out = np.zeros((len(seekers), k, 4 + values.shape[1]), np.float32)
    for i in range(len(seekers)):
        found = [j for j in np.lexsort((np.arange(len(others)), d2[i])) if near[i, j]][:k]
        for rank, j in enumerate(found):
            close = np.float32(1) - np.sqrt(d2[i, j]) / np.float32(radius)
            out[i, rank] = 1, dx[i, j] / np.float32(radius), dy[i, j] / np.float32(radius), close, *values[j]
    return out.reshape(len(seekers), -1)


@pytest.mark.parametrize("k", [1, 3, 20])
@pytest.mark.parametrize("step", [0.0, 2.0])
def test_against_the_oracle(backend: str, k: int, step: float):
    """On a lattice of 2 m ties are many, and of two as near the elder comes first."""
    rng = np.random.default_rng(k)
    seekers, others = places(rng, 120, SIZE, step), places(rng, 200, SIZE, step)
    level, message = rng.normal(size=200).astype(np.float32), rng.normal(size=(200, 3)).astype(np.float32)
    sense = Nearest(k, 9.0, of=Voice.at, columns=((Voice.level, 0.5), Voice.message), where=Voice.loud)
    loud = rng.random(200) < 0.7
    got = looked(backend, sense, seekers, others, SIZE, level=level, message=message, loud=loud)
    want = expected(seekers, others, k, 9.0, np.column_stack([level * np.float32(0.5), message]), loud)
    assert np.array_equal(got, want)
    assert (want[:, 0] == 1).any()


def test_two_agents_over_the_seam_and_nobody_finds_itself(backend: str):
    got = looked(backend, Nearest(2, 8.0, of=Voice.at), [(1, 5), (63, 5)])
    assert got.tolist() == [[1, -0.25, 0, 0.75, 0, 0, 0, 0], [1, 0.25, 0, 0.75, 0, 0, 0, 0]]


def test_absent_ones_are_all_zero(backend: str):
    sense = Nearest(3, 8.0, of=Voice.at, columns=Voice.level)
    got = looked(backend, sense, [(10, 10)], [(14, 10), (30, 30)], level=7.0)
    assert got.tolist() == [[1, 0.5, 0, 0.5, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]


def test_at_the_radius_nobody_is_there(backend: str):
    assert looked(backend, Nearest(1, 8.0, of=Voice.at), [(10, 10)], [(18, 10)]).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize(("heading", "values"), [(Facing.angle, {"angle": np.pi / 2}), (Facing.way, {"way": (0, 3)})])
def test_with_a_heading_x_is_ahead_and_y_is_left(backend: str, heading, values):
    """The seeker looks along +y: what is above it is ahead, what is to its left has a lower x."""
    sense = Nearest(2, 8.0, of=Voice.at, heading=heading)
    got = looked(backend, sense, [(10, 10)], [(10, 12), (6, 10)], **values)
    assert np.allclose(got, [[1, 0.25, 0, 0.75, 1, 0, 0.5, 0.5]], atol=1e-7)


def test_values_of_several_tables_and_of_those_that_lack_them(backend: str):
    Mind = swarm.mind(it=Nearest(2, 8.0, of=Body.pos, columns=(Energy.level, Voice.kind)), actions=("x",))
    w = world(backend)
    w.spawn(1, Body(pos=(10, 10)), Mind(), name="seeker")
    w.spawn(1, Body(pos=(12, 10)), Energy(level=5), name="rich")
    w.spawn(1, Body(pos=(14, 10)), Voice(at=0, kind=-3), name="kind")
    run(w, swarm.index(Body.pos), swarm.sense(Mind))
    got = w.backend.host(w.tables["seeker"].column(Mind.senses))
    assert got.tolist() == [[1, 0.25, 0, 0.75, 5, 0, 1, 0.5, 0, 0.5, 0, -3]]


def test_labels_and_geometry_say_what_each_number_is():
    sense = Nearest(2, 8.0, of=Voice.at, columns=((Voice.level, 0.1), Voice.message), heading=Facing.angle)
    Mind = swarm.mind(foe=sense, actions=("x",))
    assert Mind.inputs == sense.width == 16
    assert Mind.input_labels[:5] == (
        "foe 0 present (absent: all 0)", "foe 0 ahead", "foe 0 left", "foe 0 closeness", "foe 0 Voice.level (J) x 0.1",
    )  # fmt: skip
    about = Mind.describe()["senses"]["foe"]
    assert (about["radius"], about["k"], about["frame"], len(about["each"])) == (8.0, 2, "Facing.angle", 8)
    w = world()
    assert sense.cost(w, 100).bytes > 100 * 16 * 4


def test_rows_in_another_order_sense_the_same(backend: str):
    rng = np.random.default_rng(1)
    Mind = swarm.mind(it=Nearest(3, 9.0, of=Body.pos, columns=Energy.level), actions=("x",))
    seen = []
    for turn in range(2):
        w = world(backend)
        rng = np.random.default_rng(1)
        w.spawn(400, Body(pos=places(rng, 400, (64, 64), 1.0)), Energy(level=rng.random(400)), Mind(), name="body")
        if turn:
            shuffle(w, 3)
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
        table = w.tables["body"]
        seen.append(w.backend.host(table.column(Mind.senses))[np.argsort(w.backend.host(table.ids()))])
    assert np.array_equal(*seen)


def test_bad_input():
    for make, error in [
        (lambda: Nearest(0, 4, of=Voice.at), SettingsError),
        (lambda: Nearest(True, 4, of=Voice.at), SettingsError),
        (lambda: Nearest(2, -4, of=Voice.at), SettingsError),
        (lambda: Nearest(2, 4, of=Voice.level), SchemaError),
        (lambda: Nearest(2, 4, of=Voice.at, columns="level"), SchemaError),
        (lambda: Nearest(2, 4, of=Voice.at, columns=((Voice.level, float("nan")),)), SettingsError),
        (lambda: Nearest(2, 4, of=Voice.at, heading=Voice.message), SchemaError),
        (lambda: Nearest(2, 4, of=Voice.at, where=Voice.level), SchemaError),
    ]:
        with pytest.raises(error, match="Nearest"):
            make()


def test_what_only_the_world_can_tell():
    with pytest.raises(SettingsError, match="half round"):
        looked("reference", Nearest(1, 33.0, of=Voice.at), [(1, 1)], [(2, 2)])
    Mind = swarm.mind(it=Nearest(1, 3.0, of=Body.pos, columns=Energy.level), actions=("x",))
    w = world()
    w.spawn(2, Body(pos=1), Mind(), name="seeker")
    with pytest.raises(ScheduleError, match=r"Energy.level, which is in no table"):
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
    w.spawn(2, Energy(level=1), name="fire")
    with pytest.raises(SchemaError, match=r"nobody with Body.pos has Energy.level"):
        run(w, swarm.index(Body.pos), swarm.sense(Mind))
    with pytest.raises(NonFiniteError, match=r"Facing.angle = nan"):
        looked("reference", Nearest(1, 3.0, of=Voice.at, heading=Facing.angle), [(1, 1)], [(2, 2)], angle=np.nan)
