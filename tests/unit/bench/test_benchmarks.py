"""The benchmarks in small: every row is there, and a wrong result or a world out of bounds is refused and not saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from swarm import cli
from swarm.backend import device
from swarm.bench import aging, harness, neighbours, spawn, think, tick
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.world import World

SMALL = ["--repeats", "3", "--backend", "reference"]


def saved(words: list[str], path: Path) -> list[dict]:
    assert cli.call([*words, "--json", str(path)]) == 0
    return json.loads(path.read_text())["rows"]


def test_think_has_a_row_for_every_size_and_dtype(tmp_path: Path):
    words = ["bench", "think", *SMALL, "--agents", "50", "80", "--layers", "5-4-3", "--aged", "3"]
    rows = saved(words, tmp_path / "t.json")
    assert [(row["agents"], row["dtype"]) for row in rows] == [
        (50, "float32"), (50, "bfloat16"), (80, "float32"), (80, "bfloat16"),
    ]  # fmt: skip
    for row in rows:
        assert row["floor"] == pytest.approx(row["median_ms"] / row["read_ms"])
        assert row["aged"] == pytest.approx(row["aged_ms"] / row["median_ms"])
        assert row["gbs"] == pytest.approx(row["agents"] * row["bytes_per_brain"] / row["median_ms"] / 1e6)


def test_think_refuses_wrong_outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    forward = Brains.forward

    def wrong(self: Brains, x: np.ndarray, out: np.ndarray, brain: np.ndarray | None = None) -> None:
        forward(self, x, out, brain)
        out[-1] += 1e-3

    monkeypatch.setattr(Brains, "forward", wrong)
    path = tmp_path / "t.json"
    assert cli.call(["bench", "think", *SMALL, "--agents", "50", "--layers", "5-3", "--json", str(path)]) == 2
    assert not path.exists()


def test_ageing_turns_the_population_over():
    mlp, backend = MLP((5, 4, 3)), device.choose("cpu")
    fresh = Brains(mlp, 400, seed=1, backend=backend)
    old = aging.aged(mlp, 400, "float32", 300, 1, backend)
    assert len(old) == 400
    assert np.isfinite(old.parameters).all()
    assert len(np.unique(old.parameters[:, 0])) > 100
    assert not np.isin(fresh.parameters[:, 0], old.parameters[:, 0]).all()


def test_spawn_counts_births_and_deaths(tmp_path: Path):
    (row,) = saved(["bench", "spawn", *SMALL, "--agents", "2000", "--changes", "300"], tmp_path / "s.json")
    assert row["changes"] == 600
    assert row["rate"] == pytest.approx(600 / row["median_ms"] / 1e3)


def test_spawn_refuses_a_lost_value(monkeypatch: pytest.MonkeyPatch):
    step = spawn.World.step

    def lossy(self: spawn.World) -> None:
        step(self)
        self.tables["thing"].column(spawn.Thing.tag)[0] += 1

    monkeypatch.setattr(spawn.World, "step", lossy)
    assert cli.call(["bench", "spawn", *SMALL, "--agents", "500"]) == 2


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_neighbours_are_those_of_all_pairs(backend: str):
    crowd = neighbours.Pass(1500, 17, 0, device.choose(backend))
    for _ in range(3):
        crowd.move()
        assert crowd.validate(crowd.both()) == pytest.approx(17, rel=0.05)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_circles_time_whole_steps(backend: str, tmp_path: Path):
    words = ["bench", "neighbours", "--circles", "--backend", backend, "--agents", "600", "--repeats", "3"]
    (row,) = saved(words, tmp_path / "c.json")
    assert row["mean"] == pytest.approx(204, rel=0.05)
    assert row["step_ms"] > 0


def test_a_step_moves_everybody_and_steers_nobody():
    crowd = neighbours.Pass(300, 17, 0, device.choose("reference"))
    pos, vel = crowd.pos.copy(), crowd.vel.copy()
    crowd.step()
    assert (crowd.vel == vel).all()
    assert (crowd.pos != pos).any(axis=1).all()


def test_neighbours_refuse_a_wrong_sum():
    crowd = neighbours.Pass(1500, 17, 0, device.choose("reference"))
    sums = crowd.both().copy()
    sums[:, 1] += 0.05
    with pytest.raises(harness.Invalid, match="neighbours of row"):
        crowd.validate(sums)


def test_tick_has_its_rates_and_conditions(tmp_path: Path):
    words = ["bench", "tick", "--agents", "400", "--aged", "3", "--ticks", "10", "--backend", "reference"]
    bare, whole = saved(words, tmp_path / "t.json")
    assert (bare["rate_of"], whole["rate_of"]) == ("world only", "with senses and brains")
    assert bare["median_ms"] < whole["median_ms"]
    assert whole["rate"] == pytest.approx(1e3 / whole["median_ms"])
    assert {"alive_min", "alive_max", "born", "died", "things"} <= set(whole)


def test_tick_refuses_a_population_that_does_not_hold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tick, "HOLD", -1.0)  # no population is that steady
    assert cli.call(["bench", "tick", "--agents", "100", "--aged", "0", "--ticks", "2", "--backend", "reference"]) == 2


WORLDS = ["bench", "worlds", "--worlds", "3", "--aged", "4", "--ticks", "5", "--agents", "30", "--backend", "reference"]


def test_worlds_stand_beside_one_world_of_as_many(tmp_path: Path):
    many, one = saved(WORLDS, tmp_path / "t.json")
    assert (many["what"], one["what"]) == ("3 worlds of 30", "one world of 90") and one["ratio"] == 1
    assert many["ratio"] == pytest.approx(many["median_ms"] / one["median_ms"])
    assert many["repeats"] == one["repeats"] == 5 and many["built_s"] > 0


def test_worlds_refuses_one_that_is_not_what_it_is_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    digest = World.hash
    monkeypatch.setattr(World, "hash", lambda world, k=None: digest(world, k) if k != 1 else "0")
    assert cli.call([*WORLDS, "--json", str(tmp_path / "t.json")]) == 2
    assert not (tmp_path / "t.json").exists()


def test_widths():
    assert think.widths("16-32-4") == (16, 32, 4)
