"""diffuse: closed forms, conservation, walls and edges, and the steps it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Field, Tiles
from swarm.errors import SettingsError
from tests.unit.stages.worlds import run, world

SIZE = (32.0, 20.0)  # dt is 1/8 s
COLUMNS, ROWS = 16, 20  # cells of 2 x 1 m


def spread(backend: str, values, ticks: int = 1, cells=(COLUMNS, ROWS), prepare=None, **settings):
    """The field after some ticks, float32 [rows, columns]."""
    w, field = world(backend, SIZE), Field("scent", cells)
    field.set(w, np.asarray(values, np.float32))
    if prepare is not None:
        settings |= prepare(w)
    stage = swarm.diffuse(field, **settings)
    for _ in range(ticks):
        run(w, stage)
    return w.backend.host(field.of(w)).copy()


def random(seed: int = 0, shape=(ROWS, COLUMNS)):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_a_wave_decays_as_the_step_says(backend: str):
    """cos(kx x) cos(ky y) is an eigenvector: each tick multiplies it by 1 - sum 4 k sin^2(half a phase step)."""
    phase_x, phase_y = 2 * np.pi * 3 / COLUMNS, 2 * np.pi * 2 / ROWS
    wave = np.cos(phase_y * np.arange(ROWS))[:, None] * np.cos(phase_x * np.arange(COLUMNS))[None, :]
    got = spread(backend, wave, ticks=20, rate=1.5)
    k = 1.5 / 8 / 2**2, 1.5 / 8 / 1**2
    factor = 1 - 4 * k[0] * np.sin(phase_x / 2) ** 2 - 4 * k[1] * np.sin(phase_y / 2) ** 2
    assert np.abs(got - factor**20 * wave).max() < 20 * 2.0**-22


def test_it_converges_to_the_heat_equation():
    """Half the cell and a quarter of the tick: a quarter of the error, against exp(-rate k^2 t)."""
    errors = []
    for n in (16, 32):
        w = swarm.World(size=(32, 32), tick=1 / 8 * (16 / n) ** 2, backend="reference")
        field = Field("heat", (n, n))
        x = (np.arange(n) + 0.5) / n
        field.set(w, np.cos(2 * np.pi * x)[None, :] + np.zeros((n, 1)))
        stage = swarm.diffuse(field, rate=4)
        for _ in range(40 * (n // 16) ** 2):
            stage(w, w.dt)
        exact = np.exp(-4 * (2 * np.pi / 32) ** 2 * 5) * np.cos(2 * np.pi * x)
        errors.append(np.abs(field.of(w) - exact[None, :]).max())
    assert errors[1] < 0.3 * errors[0]


def test_decay_is_exact_and_alone_changes_nothing_else(backend: str):
    values = random()
    assert np.array_equal(spread(backend, values, decay=2), values * np.float32(np.exp(-2 / 8)))
    assert np.array_equal(spread(backend, values), values)


def test_a_uniform_field_stays_as_it_is(backend: str):
    got = spread(backend, np.full((ROWS, COLUMNS), 0.3), ticks=5, rate=1, flow=(2, -1))
    assert (got == np.float32(0.3)).all()


def test_upwind_flow_by_whole_cells_is_exact(backend: str):
    """At the greatest stable speed a tick carries everything exactly one cell on."""
    values = np.floor(64 * random(1)) / 64  # so that sums are exact
    assert np.array_equal(spread(backend, values, flow=(16, 0)), np.roll(values, 1, axis=1))
    assert np.array_equal(spread(backend, values, flow=(0, -8)), np.roll(values, -1, axis=0))


def test_the_centre_of_mass_moves_with_the_flow(backend: str):
    values = np.zeros((ROWS, COLUMNS))
    values[10, 4] = 1
    got = spread(backend, values, ticks=10, flow=(3, -1.5), rate=0.2).astype(float)
    x, y = (np.arange(COLUMNS) + 0.5) * 2, np.arange(ROWS) + 0.5
    centre = (got * x[None, :]).sum(), (got * y[:, None]).sum()
    assert np.allclose(centre, [9 + 3 * 10 / 8, 10.5 - 1.5 * 10 / 8], atol=1e-3)
    assert got.min() >= 0


CURRENTS = {
    "none": lambda w: {},
    "constant": lambda w: {"flow": (1.0, -2.0)},
    "fields": lambda w: {"flow": _currents(w)},
    "walls": lambda w: {"tiles": _walls(w), "flow": (1.0, -2.0)},
    "walls and fields": lambda w: {"tiles": _walls(w), "flow": _currents(w)},
}


def _currents(w):
    made = Field("right", (COLUMNS, ROWS)), Field("up", (COLUMNS, ROWS))
    for k, field in enumerate(made):
        field.set(w, 2 * random(8 + k) - 1)
    return made


def _walls(w):
    tiles = Tiles("ground", (COLUMNS, ROWS))
    tiles.set(w, (random(5) < 0.3).astype(np.uint8))
    return tiles


@pytest.mark.parametrize("edge", ["torus", "closed"])
@pytest.mark.parametrize("kind", CURRENTS)
def test_mass_is_kept(backend: str, kind: str, edge: str):
    """What leaves a cell enters another: only rounding is left, at most one per cell, tick and addition."""
    values = random(2)
    got = spread(backend, values, ticks=25, rate=0.7, edge=edge, prepare=CURRENTS[kind])
    assert got.sum(dtype=float) == pytest.approx(values.sum(dtype=float), rel=25 * 2.0**-23)
    assert got.min() >= 0
    assert not np.allclose(got, values, atol=0.01)


def test_solid_tiles_let_nothing_through(backend: str):
    """A room closed by walls keeps what it has; walls keep what they had."""
    values = np.zeros((ROWS, COLUMNS))
    values[8, 8], values[6, 6] = 1, 7
    room = np.zeros((ROWS, COLUMNS), np.uint8)
    room[6:11, 6:11] = 1
    room[7:10, 7:10] = 0

    def walled(w):
        tiles = Tiles("ground", (COLUMNS, ROWS))
        tiles.set(w, room)
        return {"tiles": tiles}

    got = spread(backend, values, ticks=200, rate=1.5, prepare=walled)
    assert got[6, 6] == 7
    assert np.allclose(got[7:10, 7:10], 1 / 9, atol=1e-4)
    assert got.sum() - 7 == pytest.approx(1, abs=1e-5)
    assert (got[room == 1].sum(), got[:6].sum()) == (7, 0)


def test_a_closed_edge_fills_up_and_a_torus_does_not(backend: str):
    values = np.ones((ROWS, COLUMNS))
    closed = spread(backend, values, ticks=150, flow=(8, 0), edge="closed")
    assert closed[:, -1] == pytest.approx(COLUMNS, rel=1e-4)
    assert np.array_equal(spread(backend, values, ticks=3, flow=(8, 0)), values)


def test_tiny_numbers_become_zero(backend: str):
    got = spread(backend, np.full((ROWS, COLUMNS), 2.0**-99), ticks=2, decay=8)
    assert not got.any()


@pytest.mark.parametrize("cells", [(1, 1), (2, 1), (1, 3), (17, 3)])
def test_tiny_fields(backend: str, cells):
    """With one or two cells a side the neighbours are the cell itself, or one and the same."""
    values = random(3, (cells[1], cells[0]))
    got = spread(backend, values, ticks=3, cells=cells, rate=0.01)
    assert got.sum(dtype=float) == pytest.approx(values.sum(dtype=float), rel=1e-6)
    assert got.max() <= values.max()
    assert (got.std() < values.std()) == (values.size > 1)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_an_unstable_step_names_the_numbers_and_the_remedy():
    """The tick it names is stable, a longer one is not; and so are the cells."""
    w, field = world(size=SIZE), Field("scent", (COLUMNS, ROWS))
    stage = swarm.diffuse(field, rate=4, flow=(2, 0))
    with pytest.raises(
        SettingsError, match=r"tick of 0.125 s .* rate 4 m2/s, flow 2, 0 m/s and cells of 2 x 1 m"
    ) as told:
        run(w, stage)
    assert not field.of(w).any()
    longest = 1 / (2 * 4 * (1 / 4 + 1) + 2 / 2)
    assert f"Ticks of {longest:.4g} s or less" in str(told.value)
    stage(w, longest * 0.999)
    with pytest.raises(SettingsError, match="unstable"):
        stage(w, longest * 1.001)
    wide = [float(number) for number in str(told.value).split("so are cells of ")[1].split(" m")[0].split(" x ")]
    share = 1 / 8 * (2 * 4 * (1 / wide[0] ** 2 + 1 / wide[1] ** 2) + 2 / wide[0])
    assert share == pytest.approx(1, rel=1e-3)


def test_a_current_too_fast_somewhere_is_refused():
    w, field, right, up = world(size=SIZE), *(Field(n, (COLUMNS, ROWS)) for n in ("scent", "right", "up"))
    stage = swarm.diffuse(field, flow=(right, up))
    run(w, stage)
    right.of(w)[3, 4] = 40
    with pytest.raises(SettingsError, match="flow right, up and cells"):
        run(w, stage)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rate": -1}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"decay": "fast"}, "decay"),
        ({"flow": (1,)}, "two velocities"),
        ({"flow": (1, float("inf"))}, "two velocities"),
        ({"flow": 3}, "two velocities"),
        ({"edge": "wall"}, "torus, closed"),
        ({"tiles": Tiles("ground", (8, 8))}, "as many cells as the field, 16 x 20"),
        ({"flow": (Field("right", (8, 8)), Field("up", (16, 20)))}, "as many cells"),
    ],
)
def test_bad_settings_are_refused(settings, says: str):
    with pytest.raises(SettingsError, match=says):
        swarm.diffuse(Field("scent", (COLUMNS, ROWS)), **settings)


def test_it_says_what_it_does_and_costs():
    w, field = world(size=SIZE), Field("scent", (COLUMNS, ROWS))
    stage = swarm.diffuse(field, rate=0.5, decay=0.1)
    told = stage.describe()
    assert (told["rate"], told["decay"], told["flow"], told["edge"]) == (0.5, 0.1, [0.0, 0.0], "torus")
    assert stage.cost(w).bytes == 8 * COLUMNS * ROWS
