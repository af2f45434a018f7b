"""mind: widths, parts, labels, and what it refuses."""

from __future__ import annotations

import pytest

import swarm
from swarm import Own, Sectors
from swarm.errors import SettingsError
from tests.unit.stages.worlds import Body, Energy, Plant, world


def test_widths_columns_and_labels():
    Mind = swarm.mind(
        food=Sectors(4, radius=12, of=Plant.pos),
        kin=Sectors(3, radius=12, of=Body.pos, reduce="count"),
        energy=Own(Energy.level),
        speed=Own(Body.vel),
        actions=("push_x", "push_y"),
        memory=2,
    )
    assert (Mind.inputs, Mind.outputs, Mind.remembers) == (4 + 3 + 1 + 2 + 2, 2 + 2, 2)
    assert Mind.senses.shape == (10,)
    assert Mind.actions.shape == Mind.memory.shape == (2,)
    assert Mind.input_labels == (
        "food 0..90 deg", "food 90..180 deg", "food 180..270 deg", "food 270..360 deg",
        "kin 0..120 deg", "kin 120..240 deg", "kin 240..360 deg",
        "energy (J)", "speed x (m/s)", "speed y (m/s)", "memory 0", "memory 1",
    )  # fmt: skip
    assert Mind.output_labels == ("push_x", "push_y", "memory 0", "memory 1")
    told = Mind.describe()
    assert told["senses"]["food"] == {
        "sense": "sectors", "of": "Plant.pos", "n": 4, "radius": 12.0, "reduce": "closeness",
    }  # fmt: skip
    assert told["inputs"] == list(Mind.input_labels)


def test_parts_share_the_storage():
    Mind = swarm.mind(energy=Own(Energy.level), actions=("a", "b"), memory=3)
    w = world()
    w.spawn(4, Energy(), Mind(), name="t")
    table = w.tables["t"]
    table.column(Mind.memory)[:] = 5
    table.column(Mind.senses)[:] = 2
    assert table.column(Mind.inputs_).tolist() == [[2, 5, 5, 5]] * 4
    table.column(Mind.actions)[:] = 1
    assert table.column(Mind.outputs_).tolist() == [[1, 1, 0, 0, 0]] * 4


def test_newborns_start_with_nothing_in_mind():
    Mind = swarm.mind(energy=Own(Energy.level), actions=("a",), memory=1)
    w = world()
    w.spawn(1, Energy(), Mind(), name="t")
    w.tables["t"].column(Mind.inputs_)[:] = 9

    def breed(world, dt):
        for agents in world.query(Energy):
            agents.birth([0])

    w.schedule = (breed,)
    w.step()
    assert w.tables["t"].column(Mind.inputs_).tolist() == [[9, 9], [0, 0]]


def test_several_minds_have_names():
    Hunter = swarm.mind("Hunter", energy=Own(Energy.level), actions=("a",))
    assert Hunter.__name__ == "Hunter"
    assert Hunter.senses.key == "Hunter.senses"
    assert not hasattr(Hunter, "memory")
    assert Hunter.inputs == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"actions": ()},
        {"actions": ("a", "a")},
        {"actions": (1,)},
        {"actions": ("a",), "memory": -1},
        {"actions": ("a",), "memory": 1.5},
    ],
)
def test_bad_actions_and_memory(bad):
    with pytest.raises(SettingsError, match="mind"):
        swarm.mind(energy=Own(Energy.level), **bad)


def test_bad_senses():
    with pytest.raises(SettingsError, match="without senses"):
        swarm.mind(actions=("a",))
    with pytest.raises(SettingsError, match="is no sense"):
        swarm.mind(food=Energy.level, actions=("a",))
    with pytest.raises(SettingsError, match="cannot be called 'inputs'"):
        swarm.mind(inputs=Own(Energy.level), actions=("a",))
