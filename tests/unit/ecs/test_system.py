"""The schedule's check: who must come before whom, and what the error says."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import Component, World, f32, system
from swarm.ecs.component import Column
from swarm.ecs.system import Schedule, name_of
from swarm.errors import ScheduleError


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0)


inputs_ = Column(np.float32, (3,))
Mind = type(
    "Mind",
    (Component,),
    {
        "resets": True,
        "inputs_": inputs_,
        "senses": Column(np.float32, (2,), parent=inputs_, part=slice(0, 2)),
        "memory": Column(np.float32, (1,), parent=inputs_, part=slice(2, 3), transient=False),
        "actions": f32(2),
    },
)


def step(name, reads=(), writes=()):
    def run(world, dt): ...

    run.__name__ = name
    return system(reads=reads, writes=writes)(run)


index = step("index", [Body.pos], [("index", Body.pos)])
sense = step("sense", [("index", Body.pos)], [Mind.senses])
think = step("think", [Mind.senses, Mind.memory], [Mind.actions, Mind.memory])
steer = step("steer", [Mind.actions], [Body.vel])
move = step("move", [Body.pos, Body.vel], [Body.pos])


@pytest.fixture
def world():
    world = World(backend="reference")
    world.spawn(3, Body(pos=world.scatter, vel=0), Mind(), Energy(), name="agent")
    return world


def test_a_schedule_in_order_passes_and_reads_like_a_page(world):
    world.schedule = (index, sense, think, steer, move)
    lines = repr(world.schedule).splitlines()
    assert lines[0] == "schedule:"
    assert lines[1] == "  index  Body.pos -> index(Body.pos)"
    assert lines[3].split() == ["think", "Mind.senses,", "Mind.memory", "->", "Mind.actions,", "Mind.memory"]
    assert [name_of(s) for s in world.schedule] == ["index", "sense", "think", "steer", "move"]


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ((index, think, sense), r"think reads Mind.senses, which no system before it writes"),
        ((steer, index, sense, think), r"steer reads Mind.actions.*@swarm.system\(writes=\[Mind.actions\]\)"),
        ((sense,), r"sense reads the index of Body.pos, which no system before it makes. Put swarm.index\(Body.pos\)"),
        (
            (index, move, sense),
            r"sense reads the index of Body.pos that index made, but move has written Body.pos since",
        ),
        ((move, sense, index), r"no system before it makes"),
        ((3,), r"3 is no system"),
    ],
)
def test_a_schedule_out_of_order_is_refused(world, schedule, text):
    with pytest.raises(ScheduleError, match=text):
        world.schedule = schedule
    assert len(world.schedule) == 0


def test_a_second_index_makes_it_fresh_again(world):
    world.schedule = (index, sense, move, index, sense)
    assert world.schedule.names == ("index", "sense", "move", "index #2", "sense #2")


def test_a_column_in_no_table_is_an_error(world):
    class Other(Component):
        x = f32()

    with pytest.raises(ScheduleError, match=r"eat reads Other.x, which is in no table \(agent: Body, Mind, Energy\)"):
        world.schedule = (step("eat", [Other.x]),)


def test_a_column_that_nobody_gave_or_writes_is_an_error():
    world = World(backend="reference")
    world.spawn(2, Body(pos=world.scatter), name="agent")
    with pytest.raises(ScheduleError, match=r"move reads Body.vel, but nobody writes it: table 'agent'"):
        world.schedule = (move,)
    world.schedule = (move, step("push", [], [Body.vel]))  # written later in the tick: fine
    world.schedule = (move, lambda world, dt: None)  # an undeclared system may write anything


def test_a_default_is_a_source(world):
    world.schedule = (step("age", [Energy.level]),)


def test_a_schedule_set_before_the_tables_is_checked_at_the_first_step():
    world = World(backend="reference")
    world.schedule = (move,)
    world.spawn(2, Body(pos=world.scatter), name="agent")
    with pytest.raises(ScheduleError, match=r"Body.vel"):
        world.step()
    assert world.tick == 0


def test_a_table_spawned_later_is_checked_at_the_next_step(world):
    world.schedule = (move,)
    world.step()
    world.spawn(2, Body(pos=world.scatter), name="late")
    with pytest.raises(ScheduleError, match=r"table 'late' was spawned without it"):
        world.step()


def test_declarations_take_components_and_refuse_anything_else():
    @system(writes=[Body])
    def push(world, dt): ...

    assert push.writes == (Body.pos, Body.vel)
    assert push.reads == ()
    with pytest.raises(ScheduleError, match=r"push: 3 is no column"):
        system(reads=[3])(push)

    @system
    def free(world, dt): ...

    assert not hasattr(free, "reads")
    assert "free" in repr(Schedule((free,)))


def test_an_error_in_a_system_names_it_and_the_tick(world):
    def break_things(world, dt):
        raise ValueError("no")

    world.schedule = (index, break_things)
    with pytest.raises(ValueError, match="no") as info:
        world.step()
    assert info.value.__notes__ == ["in system 'break_things' at tick 0"]
    assert world.tick == 0


def test_a_system_cannot_step_its_own_world(world):
    world.schedule = (lambda world, dt: world.step(),)
    with pytest.raises(ScheduleError, match="still running"):
        world.step()
    world.schedule = ()
    world.step()
    assert world.tick == 1
