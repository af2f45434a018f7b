"""deposit: what arrives in which cell, in an order that only ids decide."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Field
from swarm.errors import NonFiniteError, SchemaError, SettingsError
from tests.unit.stages.worlds import BACKENDS, Body, Energy, Plant, host, places, run, shuffle, world

SIZE = (32.0, 20.0)
COLUMNS, ROWS = 16, 5  # cells of 2 x 4 m


def scent(edge: str = "torus") -> Field:
    return Field("scent", cells=(COLUMNS, ROWS), edge=edge)


def dropped(backend: str, pos, amount=1.0, spread: bool = False, edge: str = "torus"):
    """The field after one entity at each of `pos` has deposited."""
    w, field = world(backend, SIZE), scent(edge)
    w.spawn(len(pos), Body(pos=np.asarray(pos, np.float32)), Energy(level=amount), name="ant")
    run(w, swarm.deposit(Body.pos, Energy.level, into=field, spread=spread))
    return w.backend.host(field.of(w)).copy()


def test_it_goes_to_the_cell_of_the_position(backend: str):
    got = dropped(backend, [(0, 0), (31.99, 19.99), (2, 4), (1.99, 3.99)], amount=[1, 2, 4, 8])
    want = np.zeros((ROWS, COLUMNS))
    want[0, 0], want[4, 15], want[1, 1] = 1 + 8, 2, 4
    assert np.array_equal(got, want)


def test_spread_between_four_middles(backend: str):
    """At a middle all goes there; at a corner a quarter to each; across the seam too."""
    got = dropped(backend, [(5, 10)], spread=True)
    assert got[2, 2] == 1
    assert got.sum() == 1
    got = dropped(backend, [(0, 0)], amount=8, spread=True)
    assert [got[r, c] for r in (0, -1) for c in (0, -1)] == [2, 2, 2, 2]
    closed = dropped(backend, [(0, 0)], amount=8, spread=True, edge="closed")
    assert closed[0, 0] == 8
    assert closed.sum() == 8


def test_spread_keeps_the_centre_of_mass(backend: str):
    pos = np.array([(9.3, 7.7), (12.1, 9.0)], np.float32)
    x, y = (np.arange(COLUMNS) + 0.5) * 2, (np.arange(ROWS) + 0.5) * 4
    for k in (0, 1):
        got = dropped(backend, pos[k : k + 1], spread=True)
        centre = (got * x[None, :]).sum(), (got * y[:, None]).sum()
        assert np.allclose([got.sum(), *centre], [1, *pos[k]], rtol=1e-6)


def test_constant_amounts_flags_and_several_tables(backend: str):
    w, field = world(backend, SIZE), scent()
    w.spawn(3, Plant(pos=(5, 5), ripe=np.array([True, False, True])), name="one")
    w.spawn(2, Plant(pos=(5, 9), ripe=True), Energy(), name="two")
    w.spawn(4, Body(pos=(5, 5)), name="others")
    run(w, swarm.deposit(Plant.pos, 0.5, into=field, where=Plant.ripe))
    got = w.backend.host(field.of(w))
    assert (got[1, 2], got[2, 2], got.sum()) == (1, 1, 2)
    run(w, swarm.deposit(Plant.pos, -0.5, into=field))
    assert w.backend.host(field.of(w))[1, 2] == -0.5


def test_nobody_there_and_nothing_chosen(backend: str):
    w, field = world(backend, SIZE), scent()
    w.spawn(0, Body(), Energy(), name="ant")
    run(w, swarm.deposit(Body.pos, Energy.level, into=field))
    assert not w.backend.host(field.of(w)).any()


@pytest.mark.parametrize("spread", [False, True])
def test_sums_are_in_id_order(spread: bool):
    """Amounts of very different size: another order would give other bits. Rows shuffled, one thread or two."""
    rng = np.random.default_rng(3)
    n = 20_000
    pos, amount = places(rng, n, SIZE), (10.0 ** rng.uniform(-6, 3, n)).astype(np.float32)
    found = []
    for backend, threads, mixed in (
        ("reference", 1, False),
        ("reference", 1, True),
        ("cpu", 1, True),
        ("cpu", 2, False),
    ):
        w, field = world(backend, SIZE, threads=threads), scent()
        w.spawn(n // 2, Body(pos=pos[: n // 2]), Energy(level=amount[: n // 2]), name="one")
        w.spawn(n // 2, Body(pos=pos[n // 2 :]), Energy(level=amount[n // 2 :]), Plant(pos=0), name="two")
        if mixed:
            shuffle(w, 5)
        run(w, swarm.deposit(Body.pos, Energy.level, into=field, spread=spread))
        found.append(field.of(w).copy())
    if not spread:  # by hand, one after the other
        want = np.zeros((ROWS, COLUMNS), np.float32)
        for (x, y), value in zip(pos, amount):
            want[int(y / 4), int(x / 2)] += value
        assert np.array_equal(found[0], want)
    assert len({array.tobytes() for array in found}) == 1
    assert found[0].sum(dtype=float) == pytest.approx(amount.sum(dtype=float), rel=1e-4)


def test_several_worlds_have_their_own_cells():
    rng = np.random.default_rng(4)
    for backend in BACKENDS:
        w, field = world(backend, SIZE), scent()
        w.spawn(50, Body(pos=places(rng, 50, SIZE)), Energy(), name="ant")
        w.ids.worlds = 2
        for spread in (False, True):
            field.set(w, 0)
            run(w, swarm.deposit(Body.pos, Energy.level, into=field, spread=spread))
            table = w.tables["ant"]
            for k in (0, 1):
                mine = host(table, Body.pos)[table.worlds == k]
                assert np.array_equal(field.of(w)[k], dropped(backend, mine, spread=spread))


@pytest.mark.parametrize("what", ["pos", "amount"])
def test_a_wrong_entity_is_named_and_nothing_is_added(backend: str, what: str):
    w, field = world(backend, SIZE), scent()
    w.spawn(2, Body(pos=1), Energy(), name="one")
    ids = w.spawn(4, Body(pos=1), Energy(), Plant(pos=0), name="two")
    w.write(Body.pos, ids[2], (1, np.inf)) if what == "pos" else w.write(Energy.level, ids[2], np.nan)
    column = "Body.pos" if what == "pos" else "Energy.level"
    with pytest.raises(NonFiniteError, match=f"deposit scent: entity {ids[2]} of table 'two' has {column}"):
        run(w, swarm.deposit(Body.pos, Energy.level, into=field))
    assert not w.backend.host(field.of(w)).any()


def test_bad_settings_are_refused():
    for make, error in (
        (lambda: swarm.deposit(Energy.level, into=scent()), SchemaError),
        (lambda: swarm.deposit(Body.pos, Body.vel, into=scent()), SchemaError),
        (lambda: swarm.deposit(Body.pos, float("nan"), into=scent()), SettingsError),
        (lambda: swarm.deposit(Body.pos, into=Body.pos), SettingsError),
        (lambda: swarm.deposit(Body.pos, into=scent(), where=Energy.level), SchemaError),
    ):
        with pytest.raises(error, match="deposit"):
            make()


def test_it_says_what_it_does_and_costs():
    w, field = world(size=SIZE), scent()
    w.spawn(100, Body(pos=1), Energy(), name="ant")
    stage = swarm.deposit(Body.pos, Energy.level, into=field)
    assert stage.describe() == {
        "stage": "deposit scent", "reads": ["Body.pos", "Energy.level"], "writes": [], "into": field.describe(),
        "amount": "Energy.level", "spread": False,
    }  # fmt: skip
    assert stage.cost(w).bytes == 100 * 160
