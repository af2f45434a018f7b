"""swarm plan: what it foretells is what a world of that size then holds."""

from __future__ import annotations

import pytest

from swarm import cli, plan, scenes
from swarm.errors import SettingsError

AGENTS = 6000


@pytest.fixture(scope="module")
def made() -> plan.Plan:
    return plan.plan("foragers", {"agents": AGENTS, "backend": "reference"})


@pytest.fixture(scope="module")
def real():
    return scenes.scene("foragers", agents=AGENTS, backend="reference")


def test_rows_and_bytes_are_those_of_the_real_world(made: plan.Plan, real):
    assert [table.name for table in made.tables] == list(real.tables)
    for table in made.tables:
        there = real.tables[table.name]
        assert table.rows == there.n
        columns = [column for kind in there.components for column in kind.columns if column.parent is None]
        assert [key for key, _, _ in table.columns] == [column.key for column in columns]
        held = sum(there.column(column).nbytes for column in columns)
        assert sum(size for _, _, size in table.columns) * table.rows == held
        brains = there.own_brains
        assert table.brain * table.rows == (brains.rows[: len(brains)].nbytes if brains is not None else 0)
    assert made.bytes == sum(table.bytes for table in made.tables)


def test_every_system_is_listed_with_what_it_moves(made: plan.Plan, real):
    real.step()
    assert [name for name, _ in made.systems] == list(real.profile.names)[: len(made.systems)]
    think = next(moved for name, moved in made.systems if "think" in name)
    brains = next(table.brain * table.rows for table in made.tables if table.brain)
    assert think is not None
    assert think >= brains
    assert made.tick_bytes >= think


def test_a_line_is_drawn_through_two_miniatures(made: plan.Plan):
    twice = plan.plan("foragers", {"agents": str(2 * AGENTS), "backend": "reference"})
    assert twice.bytes == pytest.approx(2 * made.bytes, rel=0.01)
    assert twice.per_agent == pytest.approx(made.per_agent, rel=0.01)


def test_a_wrong_number_is_told(made: plan.Plan):
    with pytest.raises(SettingsError, match="not a whole number"):
        plan.plan("foragers", {"agents": "many"})
    with pytest.raises(SettingsError, match="agents=-3 is not a positive whole number"):
        plan.plan("foragers", {"agents": -3})


def test_the_command_says_what_does_not_fit(capsys: pytest.CaptureFixture[str]):
    assert cli.call(["plan", "--agents", "2000", "--backend", "reference", "--roof", "30"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Body.pos" in shown
    assert "ticks/s" in shown
    assert "would not" not in shown
    assert cli.call(["plan", "--agents", "100000000000", "--backend", "reference", "--roof", "30"]) == 1
    assert "does not fit" in capsys.readouterr().out
