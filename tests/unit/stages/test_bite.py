"""bite: who takes how much from whom, who dies of it, and that not a quantum is lost."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, bool_, f32
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from tests.unit.stages.worlds import Body, Energy, Plant, host, run, world

Q = 2.0**-12


class Jaw(Component):
    size = f32(unit="J", default=0.5)
    hungry = bool_(default=True)


def hunt(backend: str, hunters, prey, energy, level=1.0, jaw=0.5, **options):
    """A world after one tick: hunters of `level`, prey that holds `energy`."""
    w = world(backend)
    w.spawn(len(prey), Plant(pos=np.asarray(prey, np.float32), energy=energy), name="prey")
    w.spawn(len(hunters), Body(pos=np.asarray(hunters, np.float32)), Energy(level=level), Jaw(size=jaw), name="hunter")
    options = {"reach": 2.0, "amount": 0.5, **options}
    w.schedule = (swarm.index(Plant.pos), swarm.bite(Body.pos, Plant.pos, Plant.energy, Energy.level, **options))
    w.watch(swarm.Bite, swarm.Death)
    w.step()
    return w


def held(w):
    return host(w.tables["hunter"], Energy.level).tolist(), host(w.tables["prey"], Plant.energy).tolist()


def test_the_nearest_takes_its_amount(backend: str):
    w = hunt(backend, [[10, 10], [11.75, 10], [30, 30]], [[11, 10], [31, 30]], np.float32([2, 2]))
    assert held(w) == ([1, 1.5, 1.5], [1.5, 1.5])


def test_prey_that_has_less_gives_all_and_dies(backend: str):
    w = hunt(backend, [[10, 10], [30, 30]], [[11, 10], [31, 30], [50, 50]], np.float32([0.25, 0.5, 3]))
    assert held(w) == ([1.25, 1.5], [3])
    assert len(w.events(swarm.Death)) == 2


def test_without_killing_it_stays_with_nothing(backend: str):
    w = hunt(backend, [[10, 10]], [[11, 10]], 0.25, kills=False)
    assert held(w) == ([1.25], [0])
    w.step()
    assert held(w) == ([1.25], [0])


def test_a_column_says_how_much_and_another_who(backend: str):
    w = world(backend)
    w.spawn(3, Plant(pos=np.float32([[11, 10], [31, 30], [51, 50]]), energy=2), name="prey")
    jaw = Jaw(size=np.float32([0.25, 1, 1]), hungry=np.array([True, True, False]))
    w.spawn(3, Body(pos=np.float32([[10, 10], [30, 30], [50, 50]])), Energy(level=0), jaw, name="hunter")
    bite = swarm.bite(Body.pos, Plant.pos, Plant.energy, Energy.level, 2.0, amount=Jaw.size, when=Jaw.hungry)
    run(w, swarm.index(Plant.pos), bite)
    assert held(w) == ([0.25, 1, 0], [1.75, 1, 2])


def test_a_number_above_the_threshold_bites(backend: str):
    options = {"when": Jaw.size, "threshold": 0.4}
    w = hunt(backend, [[10, 10], [30, 30]], [[11, 10], [31, 30]], 2.0, jaw=np.float32([0.4, 0.5]), **options)
    assert held(w)[0] == [1, 1.5]


def test_efficiency_loses_the_rest(backend: str):
    """A bite of 5 quanta at 0.7 gives 3."""
    w = hunt(backend, [[10, 10]], [[11, 10]], 2.0, amount=5 * Q, efficiency=0.7)
    assert held(w) == ([1 + 3 * Q], [2 - 5 * Q])


@pytest.mark.parametrize(("energy", "want"), [(100, [3, 4, 5]), (12, [3, 4, 5]), (11, [2, 4, 5]), (7, [1, 3, 3])])
def test_shares_are_in_proportion_to_what_each_wants(backend: str, energy: int, want: list[int]):
    """3, 4 and 5 quanta wanted of 7: 1.75, 2.33 and 2.92, so 1, 2, 2 and one more for the two nearest."""
    w = hunt(
        backend, [[10, 11.5], [10, 11], [10.5, 10]], [[10, 10], [50, 50]], np.float32([energy * Q, 1]), level=0,
        jaw=np.float32([3, 4, 5]) * Q, amount=Jaw.size, share="proportional",
    )  # fmt: skip
    assert (np.array(held(w)[0]) / Q).tolist() == want
    left = host(w.tables["prey"], Plant.energy).tolist()
    assert sorted(left) == ([88 * Q, 1] if energy > 12 else [1])


def test_hunters_bite_each_other_at_once(backend: str):
    """Two of one kind: each loses and gains by what both had before; the emptied one lives on what it bit."""
    w = world(backend)
    w.spawn(2, Body(pos=np.float32([[5, 5], [6, 5]])), Energy(level=np.float32([0.25, 2])), name="shark")
    bite = swarm.bite(Body.pos, Body.pos, Energy.level, Energy.level, reach=2.0, amount=0.5)
    w.schedule = (swarm.index(Body.pos), bite)
    w.step()
    assert host(w.tables["shark"], Energy.level).tolist() == [0.5, 1.75]


def test_events_tell_who_bit_whom(backend: str):
    w = hunt(backend, [[10, 10], [10, 11.5]], [[11, 10]], 0.75, share="proportional")
    hunters, prey = w.tables["hunter"].ids().tolist(), w.events(swarm.Death).ids.tolist()
    assert [*w.events(swarm.Bite)] == [(hunters[0], prey[0], 0.375), (hunters[1], prey[0], 0.375)]


def test_the_dying_neither_bite_nor_are_bitten(backend: str):
    w = world(backend)
    prey = w.spawn(1, Plant(pos=11.0, energy=2), name="prey")
    hunters = w.spawn(2, Body(pos=np.float32([[10, 10], [11, 11.5]])), Energy(level=1), name="hunter")
    stages = swarm.index(Plant.pos), swarm.bite(Body.pos, Plant.pos, Plant.energy, Energy.level, reach=2.0)
    w.kill(hunters[1:])
    run(w, *stages)
    assert host(w.tables["hunter"], Energy.level).tolist() == [1.25, 1]
    w.kill(prey)
    run(w, *stages)
    assert host(w.tables["hunter"], Energy.level).tolist() == [1.25, 1]


def test_amounts_that_are_none_are_named(backend: str):
    with pytest.raises(NonFiniteError, match=r"bite Plant.pos: entity \d+ of table 'hunter' has Jaw.size = -1.0"):
        hunt(backend, [[10, 10]], [[11, 10]], 2.0, jaw=-1.0, amount=Jaw.size)


def test_bad_settings_are_refused():
    def bite(**options):
        return swarm.bite(Body.pos, Plant.pos, Plant.energy, Energy.level, **options)

    with pytest.raises(SettingsError, match=r"amount is -1, must be 0 J or more"):
        bite(amount=-1)
    with pytest.raises(SettingsError, match=r"efficiency is 1.5; nobody gains more"):
        bite(efficiency=1.5)
    with pytest.raises(SettingsError, match=r"share is 'equal'. Choose one of nearest, proportional"):
        bite(share="equal")
    with pytest.raises(SchemaError, match=r"when is 7. Give a column, or actions"):
        bite(when=7)
    with pytest.raises(SettingsError, match="half round a world"):
        hunt("reference", [[10, 10]], [[11, 10]], 2.0, reach=40)
    w = world()
    w.spawn(1, Plant(pos=1.0), name="prey")
    w.spawn(1, Body(pos=1.0), Energy(), name="hunter")
    with pytest.raises(ScheduleError, match=r"index of Plant.pos"):
        w.schedule = (bite(),)
    assert bite(amount=0.5).describe()["amount"] == 0.5
