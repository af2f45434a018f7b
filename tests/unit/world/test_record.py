"""Recording: what stands in the files, cutting back, full disks, and that no order of rows shows in a number."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import swarm
from swarm.errors import SaveError, SchemaError, SettingsError
from swarm.record_statistics import Values


class Body(swarm.Component):
    pos = swarm.f32(2, unit="m")
    vel = swarm.f32(2, unit="m/s")


class Mood(swarm.Component):
    level = swarm.f32()


def grow(world: swarm.World, dt: float) -> None:
    for agents in world.query(Mood):
        agents[Mood].level += agents.uniform(stream="mood")


def world_of(count: int = 7, other: int = 4) -> swarm.World:
    world = swarm.World(size=20, seed=3, backend="reference")
    levels = np.random.default_rng(5).normal(size=count + other).astype(np.float32) * 1000
    world.spawn(count, Body(pos=world.scatter), Mood(level=levels[:count]), name="walker")
    world.spawn(other, Mood(level=levels[count:]), name="stone")
    world.schedule = (grow,)
    return world


def steps(world: swarm.World, ticks: int) -> None:
    for _ in range(ticks):
        world.step()


STATISTICS = {
    "alive": swarm.count(),
    "walkers": swarm.count("walker"),
    "mean": swarm.mean(Mood.level),
    "sum": swarm.sum(Mood.level),
    "least": swarm.min(Mood.level),
    "most": swarm.max(Mood.level),
    "spread": swarm.std(Mood.level),
    "middle": swarm.quantile(Mood.level, 0.5),
    "high": swarm.quantile(Mood.level, 0.93),
    "east": lambda world: (world.view(Body.pos)[1][:, 0] > 10).sum(),
}


def test_statistics_are_those_of_numpy():
    world = world_of()
    world.step()
    _, level = world.view(Mood.level)
    x, values = level.astype(np.float64), Values(world)
    oracle = {
        "alive": 11, "walkers": 7, "mean": x.mean(), "sum": x.sum(), "least": x.min(), "most": x.max(),
        "spread": x.std(), "middle": np.quantile(x, 0.5), "high": np.quantile(x, 0.93),
    }  # fmt: skip
    for name, expected in oracle.items():
        assert STATISTICS[name](values) == pytest.approx(expected, rel=1e-12), name
    assert swarm.mean(Body.pos)(values) == pytest.approx(float(world.view(Body.pos)[1].mean(dtype=np.float64)))


def test_no_order_of_rows_shows_in_a_number():
    world = world_of(count=400)
    before = [take(Values(world)) for name, take in STATISTICS.items() if name != "east"]
    world.tables["walker"].permute(np.random.default_rng(0).permutation(400))
    assert [take(Values(world)) for name, take in STATISTICS.items() if name != "east"] == before


def test_of_nobody_the_count_is_0_and_the_rest_is_nan():
    world = world_of(count=0, other=0)
    found = {name: take(Values(world)) for name, take in STATISTICS.items() if name != "east"}
    assert (found.pop("alive"), found.pop("walkers"), found.pop("sum")) == (0, 0, 0.0)
    assert all(np.isnan(value) for value in found.values())


def test_a_row_now_and_at_every_multiple(tmp_path: Path):
    world = world_of()
    world.step()
    with world.records:
        world.record(tmp_path / "r.csv", every=3, **STATISTICS)
        world.record(tmp_path / "each.csv", mean=swarm.mean(Mood.level))
        for _ in range(9):
            world.step()
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[0] == "tick,alive,walkers,mean,sum,least,most,spread,middle,high,east"
    assert [int(line.split(",")[0]) for line in lines[1:]] == [3, 6, 9]
    each = (tmp_path / "each.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in each] == list(range(1, 11))
    assert float(each[8].split(",")[1]) == float(lines[3].split(",")[3])
    assert not len(world.records)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_resumed_stream_equals_an_undisturbed_one(suffix: str, tmp_path: Path):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    whole, cut, save = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}", tmp_path / "w"
    world = world_of()
    world.record(whole, every=2, **STATISTICS)
    for _ in range(200):
        world.step()
    world.records.close()

    first = world_of()
    first.record(cut, every=2, **STATISTICS)
    for k in range(163):
        first.step()
        if k == 100:
            first.save(save)
    first.records.flush()  # rows beyond the save are in the file; the process dies here
    for stream in first.records:
        stream.finalizer.detach()
        stream.file.abandon()

    again = swarm.World.load(save, components=[Body, Mood], schedule=(grow,), backend="reference")
    again.record(cut, every=2, resume=True, **STATISTICS)
    for _ in range(49):
        again.step()
    again.records.close()
    again.record(cut, every=2, resume=True, **STATISTICS)  # a finished file goes on, too
    for _ in range(50):
        again.step()
    again.records.close()
    assert cut.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {whole.name, cut.name, "w"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("written", [0, 3])
def test_a_stream_killed_before_its_first_line_is_begun_anew(suffix: str, written: int, tmp_path: Path):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    whole, cut = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    growing = cut if suffix == "csv" else tmp_path / "b.parquet.rows"
    for path in (whole, cut):
        world = world_of()
        if path is cut:
            world.record(cut, every=2, **STATISTICS)
            for stream in world.records:
                stream.finalizer.detach()
                stream.file.abandon()
            growing.write_bytes(growing.read_bytes()[:written])
            world = world_of()
        world.record(path, every=2, resume=path is cut or None, **STATISTICS)
        for _ in range(20):
            world.step()
        world.records.close()
    assert cut.read_bytes() == whole.read_bytes()


def test_parquet_has_the_numbers_and_their_kinds(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    world = world_of()
    world.record(tmp_path / "r.parquet", alive=swarm.count(), mean=swarm.mean(Mood.level))
    world.record(tmp_path / "r.csv", alive=swarm.count(), mean=swarm.mean(Mood.level))
    for _ in range(3):
        world.step()
    assert not (tmp_path / "r.parquet").exists()
    world.records.close()
    table = parquet.read_table(tmp_path / "r.parquet")
    assert [str(kind) for kind in table.schema.types] == ["int64", "int64", "double"]
    lines = [line.split(",") for line in (tmp_path / "r.csv").read_text().splitlines()[1:]]
    assert table.to_pydict() == {
        "tick": [0, 1, 2, 3], "alive": [11] * 4, "mean": [float(mean) for _, _, mean in lines]
    }  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on files here")
def test_a_full_disk_loses_neither_rows_nor_the_world(tmp_path: Path):
    import resource

    world, path = world_of(), tmp_path / "r.csv"
    world.record(path, mean=swarm.mean(Mood.level), other=swarm.std(Mood.level))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(SaveError, match=r"Cannot record to .*up to tick -1 are safe, 64 more wait"):
            steps(world, 100)
        assert world.tick == 63
        assert path.read_text() == "tick,mean,other\n"  # whole rows or none
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    world.step()
    world.records.close()
    assert [int(line.split(",")[0]) for line in path.read_text().splitlines()[1:]] == list(range(65))


def test_what_was_not_closed_is_written_when_the_program_ends(tmp_path: Path):
    import subprocess

    code = f"""
import swarm
class Mood(swarm.Component):
    level = swarm.f32(default=2)
world = swarm.World(backend="reference")
world.spawn(3, Mood, name="stone")
world.record({str(tmp_path / "r.csv")!r}, mean=swarm.mean(Mood.level))
world.step()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "r.csv").read_text() == "tick,mean\n0,2.0\n1,2.0\n"


class Other(swarm.Component):
    level = swarm.f32()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"every": 0, "n": swarm.count()}, SettingsError, "1 or more"),
        ({}, SettingsError, "nothing to record"),
        ({"tick": swarm.count()}, SettingsError, "already"),
        ({"n": 3}, SettingsError, "is no statistic"),
        ({"n": swarm.count("fox")}, SchemaError, "no table 'fox'. The world has walker, stone"),
        ({"n": swarm.mean(Other.level)}, SchemaError, r"no table has Other.level"),
        ({"n": lambda world: "many"}, SettingsError, "'n' returned .*one number"),
        ({"n": lambda world: np.zeros(2)}, SettingsError, r"'n' returned float64 \(2,\)"),
        ({"path": "no/such/r.csv", "n": swarm.count()}, SaveError, "does not exist"),
        ({"path": "r.txt", "n": swarm.count()}, SettingsError, r"\.csv or \.parquet"),
    ],
)
def test_mistakes_are_told_at_once(arguments: dict, error: type[Exception], message: str, tmp_path: Path):
    arguments = {"path": "r.csv", **arguments}
    with pytest.raises(error, match=message):
        world_of().record(tmp_path / arguments.pop("path"), **arguments)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_not_lost(tmp_path: Path):
    path = tmp_path / "r.csv"
    path.write_text("a week's work\n")
    with pytest.raises(SaveError, match="is there already"):
        world_of().record(path, n=swarm.count())
    with pytest.raises(SaveError, match="holds other columns"):
        world_of().record(path, resume=True, n=swarm.count())
    assert path.read_text() == "a week's work\n"
    world = world_of()
    world.record(tmp_path / "one.csv", n=swarm.count())
    with pytest.raises(SaveError, match="recorded to already"):
        world.record(tmp_path / "one.csv", resume=True, n=swarm.count())


def test_an_error_in_a_statistic_names_it(tmp_path: Path):
    world = world_of()
    world.record(tmp_path / "r.csv", share=lambda world: 1 / (2 - world.tick))
    with pytest.raises(ZeroDivisionError) as caught:
        steps(world, 5)
    assert caught.value.__notes__ == ["in statistic 'share' at tick 2"]


@pytest.mark.parametrize("make", [lambda: swarm.mean("level"), lambda: swarm.quantile(Mood.level, 1.5)])
def test_declared_statistics_refuse_nonsense(make):
    with pytest.raises((SchemaError, SettingsError)):
        make()


def test_recording_changes_no_hash(tmp_path: Path):
    alone, watched = world_of(), world_of()
    watched.record(tmp_path / "r.csv", **STATISTICS)
    for _ in range(5):
        alone.step()
        watched.step()
    assert alone.hash() == watched.hash()
