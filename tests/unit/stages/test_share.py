"""share: gifts go to the nearest of its kind that has less, half of the difference at most."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, bool_
from swarm.errors import ScheduleError, SettingsError
from tests.unit.stages.worlds import Body, Energy, host, run, world

Q = 2.0**-12


class Mood(Component):
    kind = bool_(default=True)


def shared(backend: str, pos, level, kind=True, **options):
    w = world(backend)
    w.spawn(len(pos), Body(pos=np.asarray(pos, np.float32)), Energy(level=level), Mood(kind=kind), name="ant")
    w.watch(swarm.Share)
    w.schedule = swarm.index(Body.pos), swarm.share(Body.pos, Energy.level, **{"reach": 2.0, "amount": 1.0, **options})
    w.step()
    return w, host(w.tables["ant"], Energy.level).tolist()


def test_the_nearest_with_less_gets_the_amount(backend: str):
    """The nearest has more and is passed over."""
    w, level = shared(backend, [[10, 10], [10.5, 10], [11.5, 10], [30, 30]], np.float32([4, 5, 1, 0]))
    assert level == [4 - 1 + 0.5, 5 - 0.5, 2, 0]  # 0 gives 1 to 2; 1 gives half the difference to 0
    ids = w.tables["ant"].ids().tolist()
    assert [*w.events(swarm.Share)] == [(ids[0], ids[2], 1.0), (ids[1], ids[0], 0.5)]


def test_half_of_the_difference_in_whole_quanta(backend: str):
    _, level = shared(backend, [[10, 10], [11, 10]], np.float32([1 + 5 * Q, 1]))
    assert level == [1 + 3 * Q, 1 + 2 * Q]


def test_all_gifts_arrive(backend: str):
    _, level = shared(backend, [[10, 10], [11, 10], [10, 11], [12, 12]], np.float32([0, 4, 4, 4]), amount=0.5)
    assert level == [1, 3.5, 3.5, 4]


def test_who_does_not_want_to_gives_nothing(backend: str):
    _, level = shared(backend, [[10, 10], [11, 10]], np.float32([4, 0]), np.array([False, True]), when=Mood.kind)
    assert level == [4, 0]


def test_other_tables_are_no_kin(backend: str):
    w = world(backend)
    w.spawn(1, Body(pos=10.0), Energy(level=4), name="ant")
    w.spawn(1, Body(pos=10.5), Energy(level=0), name="bee")
    run(w, swarm.index(Body.pos), swarm.share(Body.pos, Energy.level, reach=2.0))
    assert host(w.tables["ant"], Energy.level).tolist() == [4]


def test_bad_settings_are_refused():
    with pytest.raises(SettingsError, match=r"share: amount is -0.5"):
        swarm.share(Body.pos, Energy.level, amount=-0.5)
    with pytest.raises(SettingsError, match="share: reach is 0"):
        swarm.share(Body.pos, Energy.level, reach=0)
    w = world()
    w.spawn(1, Body(pos=1.0), Energy(), name="ant")
    with pytest.raises(ScheduleError, match=r"index of Body.pos"):
        w.schedule = (swarm.share(Body.pos, Energy.level),)
