"""Fields: where their arrays live, that they are saved and hashed, and what agents sense of them."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Field, Gradient, Probe, Tiles, Value, Window
from swarm.errors import CapacityError, NonFiniteError, ScheduleError, SchemaError, SettingsError
from swarm.stages.frame import turned
from tests.unit.stages.worlds import Body, Energy, Plant, host, places, run, shuffle, world

SIZE = (32.0, 20.0)
COLUMNS, ROWS = 16, 5  # cells of 2 x 4 m


def sensed(backend: str, values, pos, *, edge="torus", vel=(0, 0), **senses):
    """What agents at `pos` sense of a field with these values; senses are made from the field."""
    w = world(backend, SIZE)
    scent = Field("scent", (COLUMNS, ROWS), unit="g", edge=edge)
    scent.set(w, np.asarray(values, np.float32))
    Mind = swarm.mind(actions=("x",), **{name: make(scent) for name, make in senses.items()})
    w.spawn(len(pos), Body(pos=np.asarray(pos, np.float32), vel=vel), Energy(level=np.pi / 2), Mind(), name="ant")
    run(w, swarm.sense(Mind))
    return host(w.tables["ant"], Mind.senses).copy()


def centres():
    """x [columns] and y [rows] of the cells' middles, m."""
    return (np.arange(COLUMNS) + 0.5) * 2, (np.arange(ROWS) + 0.5) * 4


# --- the declaration and its arrays -----------------------------------------------------------------------------------


def test_an_array_is_made_on_first_use_and_is_part_of_the_state(tmp_path):
    w = world(size=SIZE)
    scent = Field("scent", cells=(COLUMNS, ROWS), default=0.5)
    assert not w.resources
    array = scent.of(w)
    assert (array.shape, array.dtype, w.resources["field scent"] is array) == ((ROWS, COLUMNS), np.float32, True)
    assert (array == 0.5).all()
    before = w.hash()
    array[2, 3] = 1
    assert w.hash() != before
    w.save(tmp_path / "w.safetensors")
    loaded = swarm.World.load(tmp_path / "w.safetensors", components=[], schedule=(), backend="reference")
    assert loaded.hash() == w.hash()
    assert scent.of(loaded)[2, 3] == 1
    assert scent.of(world(size=SIZE))[2, 3] == 0.5  # another world has its own


def test_several_worlds_have_a_plane_each():
    w = world(size=SIZE)
    w.ids.worlds = 3
    assert Field("scent", (COLUMNS, ROWS)).of(w).shape == (3, ROWS, COLUMNS)


def test_set_takes_numbers_and_arrays_that_fit():
    w, scent = world(size=SIZE), Field("scent", (COLUMNS, ROWS))
    scent.set(w, 3)
    assert (scent.of(w) == 3).all()
    scent.set(w, np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS))
    assert scent.of(w)[1, 0] == COLUMNS
    with pytest.raises(SchemaError, match=r"\(5, 16\).*got \(16, 5\)"):
        scent.set(w, np.zeros((COLUMNS, ROWS)))


def test_the_same_name_with_other_cells_is_refused():
    w = world(size=SIZE)
    Field("scent", (COLUMNS, ROWS)).of(w)
    with pytest.raises(SettingsError, match="declared is float32"):
        Field("scent", (COLUMNS, 2 * ROWS)).of(w)


def test_a_field_that_does_not_fit_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("swarm.backend.memory.available", lambda: 10**6)
    with pytest.raises(CapacityError, match="field 'vast': 1,048,576 cells of 4 bytes"):
        Field("vast", (2**20, 1)).of(world())
    w = world()
    w.ids.worlds = 2
    with pytest.raises(CapacityError, match="in all worlds"):
        Field("vast", (2**30, 1)).of(w)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Field("", (4, 4)), SettingsError, "name"),
        (lambda: Field("f", (4, 0)), SettingsError, "columns and rows"),
        (lambda: Field("f", (4.5, 4)), SettingsError, "columns and rows"),
        (lambda: Field("f", 16), SettingsError, "columns and rows"),
        (lambda: Field("f", (2**16, 2**16)), SettingsError, "the most"),
        (lambda: Field("f", (4, 4), edge="wall"), SettingsError, "torus, closed"),
        (lambda: Field("f", (4, 4), default=float("nan")), SettingsError, "finite"),
        (lambda: Value(Body.pos), SettingsError, "no field"),
        (lambda: Value(Field("f", (4, 4)), scale=float("inf")), SettingsError, "scale"),
        (lambda: Window(Field("f", (4, 4)), n=2), SettingsError, "odd"),
        (lambda: Window(Field("f", (4, 4)), n=5), SettingsError, "at most 4"),
        (lambda: Window(Tiles("t", (4, 4)), show="cost"), SettingsError, "solid"),
        (lambda: Probe(Field("f", (4, 4)), angles=()), SettingsError, "angles"),
        (lambda: Probe(Field("f", (4, 4)), distance=0), SettingsError, "distance"),
        (lambda: Probe(Field("f", (4, 4)), heading=Plant.ripe), SchemaError, "heading"),
    ],
)
def test_bad_declarations_are_refused(make, error, says: str):
    with pytest.raises(error, match=says):
        make()


# --- senses -----------------------------------------------------------------------------------------------------------


def test_value_and_gradient_of_a_linear_field(backend: str):
    """Between centres a bilinear surface is the linear field itself, and its slope is the field's."""
    x, y = centres()
    values = 3 * x[None, :] - 0.25 * y[:, None]
    pos = [(5.0, 6.0), (17.3, 9.9), (30.9, 17.9), (1.1, 2.1)]
    got = sensed(backend, values, pos, value=Value, slope=lambda f: Gradient(f, scale=2))
    want = [3 * px - 0.25 * py for px, py in pos]
    assert np.allclose(got[:, 0], want, rtol=0, atol=1e-5)
    assert np.allclose(got[:, 1:], [[6, -0.5]] * 4, rtol=0, atol=1e-5)


def test_at_a_cells_middle_it_is_the_cells_number(backend: str):
    values = np.random.default_rng(0).random((ROWS, COLUMNS))
    x, y = centres()
    got = sensed(backend, values, [(x[k % COLUMNS], y[k % ROWS]) for k in range(80)], value=Value)
    assert got[:, 0].tolist() == [np.float32(values[k % ROWS, k % COLUMNS]) for k in range(80)]


@pytest.mark.parametrize(("edge", "want"), [("torus", 0.75 * 4 + 0.25 * 8), ("closed", 4.0)])
def test_the_edge(backend: str, edge: str, want: float):
    """A quarter of a cell beyond the last centre: a torus blends with the first column, a closed field does not."""
    values = np.zeros((ROWS, COLUMNS))
    values[:, -1], values[:, 0] = 4, 8
    got = sensed(backend, values, [(31.5, 10.0)], edge=edge, value=Value, slope=Gradient)
    assert got[0].tolist() == [want, 2.0 if edge == "torus" else 0.0, 0.0]


def test_probe_looks_left_ahead_and_right(backend: str):
    x, y = centres()
    values = x[None, :] + 100 * y[:, None]

    def feel(heading):
        return lambda f: Probe(f, angles=(90, 0, -90), distance=3, heading=heading, scale=0.5)

    got = sensed(
        backend, values, [(10, 10)], vel=(0, 7), still=feel(None), moving=feel(Body.vel), turned=feel(Energy.level)
    )
    here = 10 + 100 * 10
    still = [here + 300, here + 3, here - 300]
    north = [here - 3, here + 300, here + 3]
    assert np.allclose(2 * got[0], [*still, *north, *north], rtol=1e-6)


def test_probe_of_who_stands_still_looks_along_x(backend: str):
    values = centres()[0][None, :] + np.zeros((ROWS, 1))
    got = sensed(backend, values, [(10, 10)], ahead=lambda f: Probe(f, angles=(0,), distance=3, heading=Body.vel))
    assert got[0].tolist() == [13.0]


def test_probe_over_the_seam(backend: str):
    values = np.zeros((ROWS, COLUMNS))
    values[:, 1] = 5
    got = sensed(backend, values, [(31.0, 10.0)], ahead=lambda f: Probe(f, angles=(0, 180), distance=4))
    assert got[0].tolist() == [5.0, 0.0]


def test_window_of_a_field(backend: str):
    values = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    got = sensed(backend, values, [(0.5, 0.5), (11, 9)], near=lambda f: Window(f, 3, scale=2))
    columns, rows = [-1, 0, 1], [-1, 0, 1]
    assert got[0].tolist() == [2 * values[r % ROWS, c % COLUMNS] for r in rows for c in columns]
    assert got[1].tolist() == [2 * values[2 + r, 5 + c] for r in rows for c in columns]
    closed = sensed(backend, values, [(0.5, 0.5)], edge="closed", near=lambda f: Window(f, 3))
    assert closed[0].tolist() == [0, 0, 0, 0, 0, 1, 0, 16, 17]


def test_window_of_tiles(backend: str):
    w, ground = world(backend, SIZE), Tiles("ground", (COLUMNS, ROWS), solid=(3,), edge="closed")
    ground.edit(w, [1, 2], [0, 1], [3, 2])
    Mind = swarm.mind(walls=Window(ground), kinds=Window(ground, show="id"), actions=("x",))
    w.spawn(1, Body(pos=(2.5, 1.0)), Mind(), name="ant")
    run(w, swarm.sense(Mind))
    got = host(w.tables["ant"], Mind.senses)[0]
    assert got[:9].tolist() == [1, 1, 1, 0, 1, 0, 0, 0, 0]
    assert got[9:].tolist() == [0, 0, 0, 0, 3, 0, 0, 0, 2]


def test_labels_and_geometry():
    scent = Field("scent", (COLUMNS, ROWS), unit="g")
    Mind = swarm.mind(
        here=Value(scent), slope=Gradient(scent), trail=Probe(scent, angles=(-40, 40), distance=3, heading=Body.vel),
        near=Window(Tiles("ground", (8, 8)), n=1), actions=("x",),
    )  # fmt: skip
    assert Mind.input_labels == (
        "here (g)", "slope x (g/m)", "slope y (g/m)", "trail -40 deg (g)", "trail 40 deg (g)", "near +0 +0",
    )  # fmt: skip
    assert Mind.describe()["senses"]["trail"] == {
        "sense": "probe", "field": "scent", "cells": [COLUMNS, ROWS], "edge": "torus", "unit": "g", "scale": 1.0,
        "angles": [-40.0, 40.0], "distance": 3.0, "heading": "Body.vel",
    }  # fmt: skip
    assert swarm.sense(Mind).cost(world()).bytes == 0


def test_an_agent_outside_of_the_world_is_named(backend: str):
    w, scent = world(backend, SIZE), Field("scent", (COLUMNS, ROWS))
    Mind = swarm.mind(here=Value(scent), actions=("x",))
    ids = w.spawn(5, Body(pos=w.scatter), Mind(), name="ant")
    w.write(Body.pos, ids[3], (np.nan, 1))
    with pytest.raises(NonFiniteError, match=f"entity {ids[3]} of table 'ant' has Body.pos"):
        run(w, swarm.sense(Mind))


def test_a_place_is_needed_and_a_probe_that_reaches_too_far_is_refused():
    w, scent = world(size=SIZE), Field("scent", (COLUMNS, ROWS))
    Mind = swarm.mind(far=Probe(scent, distance=11), actions=("x",))
    w.spawn(1, Energy(), Mind(), name="ghost")
    with pytest.raises(ScheduleError, match="no column 'pos'"):
        run(w, swarm.sense(Mind))
    w = world(size=SIZE)
    w.spawn(1, Body(pos=1), Mind(), name="ant")
    with pytest.raises(SettingsError, match="more than half round"):
        run(w, swarm.sense(Mind))


def test_directions_are_those_of_the_angles():
    angles = np.concatenate([np.linspace(-20, 20, 4001), np.random.default_rng(0).uniform(-1e4, 1e4, 4000)])
    got = turned(angles.astype(np.float32)).astype(float)
    exact = np.stack(
        [np.cos(angles.astype(np.float32).astype(float)), np.sin(angles.astype(np.float32).astype(float))], 1
    )
    assert np.abs(got - exact).max() < 1e-6
    assert turned(np.float32([0, np.pi / 2])).round(6).tolist() == [[1, 0], [0, 1]]


def test_the_fields_of_several_worlds_do_not_mix():
    """Two worlds in one array: each agent senses its own plane."""
    w, scent = world(size=SIZE), Field("scent", (COLUMNS, ROWS))
    Mind = swarm.mind(here=Value(scent), near=Window(scent, 1), slope=Gradient(scent), actions=("x",))
    w.spawn(40, Body(pos=places(np.random.default_rng(1), 40, SIZE)), Mind(), name="ant")
    w.ids.worlds = 2
    values = np.random.default_rng(2).random((2, ROWS, COLUMNS)).astype(np.float32)
    scent.set(w, values)
    table = w.tables["ant"]
    for backend in ("reference", "cpu"):
        w.backend = swarm.World(backend=backend).backend
        run(w, swarm.sense(Mind))
        got = table.column(Mind.senses).copy()
        for k in (0, 1):
            mine = table.worlds == k
            alone = sensed(
                backend,
                values[k],
                table.column(Body.pos)[mine],
                here=Value,
                near=lambda f: Window(f, 1),
                slope=Gradient,
            )
            assert mine.any()
            assert np.array_equal(got[mine], alone)


# --- a world that lives on its field ----------------------------------------------------------------------------------


def colony(backend: str, threads: int | None = None):
    """Agents that follow a scent, lay it, split and die: ids, rows and the field all change."""
    w = world(backend, SIZE, threads=threads)
    scent = Field("scent", (COLUMNS, ROWS))
    Mind = swarm.mind(trail=Probe(scent, distance=2, heading=Body.vel), slope=Gradient(scent), actions=("x",))

    def live(world, dt):
        for agents in world.query(Body, Energy, Mind):
            agents[Body].vel += agents[Mind].senses[:, 3:] * np.float32(dt)
            agents.kill(agents.uniform(stream="fate") < 0.05)
            agents.birth(np.flatnonzero(agents.uniform(stream="birth") < 0.05))

    draw = np.random.default_rng(8)
    pos, vel = places(draw, 3000, SIZE), draw.normal(size=(3000, 2))
    w.spawn(3000, Body(pos=pos, vel=vel), Energy(level=draw.random(3000) + 0.2), Mind(), name="ant", cap=4000)
    w.schedule = (
        swarm.sense(Mind), live, swarm.move(Body.pos, Body.vel, limit=3),
        swarm.deposit(Body.pos, Energy.level, into=scent, spread=True), swarm.diffuse(scent, rate=1, decay=1),
    )  # fmt: skip
    return w


def test_the_same_run_with_rows_in_another_order_other_threads_and_another_backend():
    plain, permuted, one, reference = colony("cpu"), colony("cpu"), colony("cpu", 1), colony("reference")
    for tick in range(12):
        if tick % 4 == 0:
            shuffle(permuted, tick)
        hashes = set()
        for w in (plain, permuted, one, reference):
            w.step()
            hashes.add(w.hash())
        assert len(hashes) == 1, tick
    table = plain.tables["ant"]
    assert min(table.born_total, table.died_total) > 100
