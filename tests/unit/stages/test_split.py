"""split: who gives birth, what child and parent have, where the child starts."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.errors import SettingsError
from tests.unit.stages.worlds import Body, Energy, host, world


def test_shares_places_and_columns(backend: str):
    w = world(backend)
    level = np.array([1, 4, 4.000244140625, 9, 3.999], np.float32)  # 4.000244... is 4 + one quantum
    pos = np.array([[1, 1], [0.1, 63.9], [32, 32], [5, 5], [6, 6]], np.float32)
    vel = np.arange(10, dtype=np.float32).reshape(5, 2)
    ids = w.spawn(5, Body(pos=pos, vel=vel), Energy(level=level), name="cell")
    w.schedule = (swarm.split(Energy.level, above=4, pos=Body.pos, spread=0.5),)
    w.step()
    table = w.tables["cell"]
    assert host(table, Energy.level)[:5].tolist() == [1, 2, 2.000244140625, 4.5, np.float32(3.999)]
    assert host(table, Energy.level)[5:].tolist() == [2, 2, 4.5]
    assert table.parents[5:].tolist() == ids[1:4].tolist()
    assert np.array_equal(host(table, Body.vel)[5:], vel[1:4])
    born = host(table, Body.pos)[5:]
    away = born - pos[1:4]
    away -= 64 * np.rint(away / 64)
    assert (np.abs(away) <= 0.5001).all()
    assert (np.abs(away) > 0).any(axis=1).all()
    assert ((born >= 0) & (born < 64)).all()


def test_without_a_position_only_the_level_is_shared():
    w = world()
    w.spawn(3, Energy(level=np.array([2, 8, 8], np.float32)), name="cell")
    w.schedule = (swarm.split(Energy.level, above=8),)
    w.step()
    assert host(w.tables["cell"], Energy.level).tolist() == [2, 4, 4, 4, 4]


def test_nobody_rich_enough_nothing_happens():
    w = world()
    w.spawn(3, Body(pos=w.scatter), Energy(), name="cell")
    w.schedule = (swarm.split(Energy.level, above=8, pos=Body.pos),)
    before = w.hash()
    w.schedule[0](w, w.dt)
    assert w.hash() == before
    w.step()
    assert w.counts() == {"cell": 3}


@pytest.mark.parametrize("bad", [{"above": 0}, {"above": 1, "spread": -1}, {"above": 1, "quantum": 0}])
def test_bad_settings_are_refused(bad):
    with pytest.raises(SettingsError, match="split"):
        swarm.split(Energy.level, **bad)
