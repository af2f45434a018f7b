"""The benchmarks on a CUDA device, in small: every row and its conditions are there, and what no card measured is not.

On the tests' device only the harness is tried: counts, checks and refusals. Times mean nothing there and are withheld.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swarm
from swarm import cli
from swarm.backend import device
from swarm.bench import harness, modes, neighbours, roof, spawn, tick, tiles
from swarm.bench.report import HOSTED, Report

ROOT = Path(__file__).resolve().parents[2]
SIZES = [1, 3, 4, 17, 1024, 4099, 16 * 1024 + 5]


@pytest.mark.parametrize("size", SIZES)
def test_read_kernels_read_every_word(cuda_device: Any, size: int):
    backend = device.choose("cuda")
    host = np.random.default_rng(size).integers(0, 2**32, size, dtype=np.uint32)
    with backend.running():
        words = backend.array(host)
        right = int(host.sum(dtype=np.uint64) % 2**32)
        found = {name: reader(words) for name, reader in backend.twin("swarm.bench.roof").readers().items()}
    assert set(found.values()) == {right}, found
    assert len(found) == 3


@pytest.mark.parametrize("size", SIZES)
def test_copies_lose_nothing_and_write_nothing_else(cuda_device: Any, size: int):
    backend = device.choose("cuda")
    with backend.running():
        words = backend.array(np.random.default_rng(size).integers(0, 2**32, size, dtype=np.uint32))
        space = backend.xp.full(size + 8, np.uint32(7))
        for copier in backend.twin("swarm.bench.roof").copiers().values():
            space[...] = 7
            copier(words, space[:size])
            got = backend.host(space)
            assert np.array_equal(got[:size], backend.host(words))
            assert (got[size:] == 7).all()


def test_read_kernels_hold_in_any_order_of_threads(hosted: Any):
    backend = device.choose("cuda")
    with backend.running(), hosted.racing():
        words = backend.xp.arange(5000, dtype=np.uint32)
        for reader in backend.twin("swarm.bench.roof").readers().values():
            assert reader(words) == 5000 * 4999 // 2


def test_the_roof_of_a_device(cuda_device: Any):
    found = roof.measure(device.choose("cuda"), megabytes=1, repeats=3)
    assert found.read > 0
    assert found.copy > 0
    assert set(found.variants) == {"one each", "four each", "four each, few blocks"}
    assert found.gflops == 0


def test_jobs_of_a_device_are_timed_by_its_events(cuda_device: Any):
    backend = device.choose("cuda")
    with harness.on(backend):
        words, out = backend.xp.arange(4096, dtype=np.uint32), backend.xp.zeros(4096, np.uint32)
        jobs = roof.copy_jobs(backend, words, out)
        times = harness.interleave(jobs, repeats=3, warmups=1, clock=harness.clock(backend))
    assert set(times) == set(jobs)
    assert all(timing.seconds.shape == (3,) and timing.best >= 0 for timing in times.values())


def test_no_figure_of_the_tests_device_is_shown_or_saved(hosted: Any, tmp_path: Path, capsys: pytest.CaptureFixture):
    columns = {"agents": ("agents", ",d"), "share": ("share of copy", ".3f"), "median_ms": ("ms", ".2f")}
    report = Report("think", columns, seed=0, device=hosted)
    report.rows = [{"agents": 10, "share": 0.9, "median_ms": np.float64(3.5), "copy_gbs": 4000.0, "error": 1e-7}]
    report.notes = ["copy: 4000.0 GB/s"]
    report.finish(tmp_path / "r.json")
    shown = capsys.readouterr().out
    assert HOSTED in shown
    assert not any(figure in shown for figure in ("0.9", "3.5", "4000"))
    saved = json.loads((tmp_path / "r.json").read_text())
    assert saved["rows"] == [{"agents": 10, "share": None, "median_ms": None, "copy_gbs": None, "error": 1e-7}]
    assert saved["notes"] == [HOSTED]
    assert "not a GPU" in saved["machine"]["gpu"]


# --- the commands -----------------------------------------------------------------------------------------------------


def saved(words: list[str], path: Path) -> dict[str, Any]:
    assert cli.call(["bench", *words, "--backend", "cuda", "--repeats", "3", "--json", str(path)]) == 0
    return json.loads(path.read_text())


def test_think_has_its_rows(hosted: Any, tmp_path: Path):
    words = ["think", "--agents", "40", "--layers", "5-4-3", "--dtype", "float32", "bfloat16", "float16", "--aged", "0"]
    found = saved(words, tmp_path / "t.json")
    assert [row["dtype"] for row in found["rows"]] == ["float32", "bfloat16", "float16"]
    for row in found["rows"]:
        assert row["agents"] == 40
        assert row["bytes"] == 40 * (row["bytes_per_brain"] + 4 * (5 + 3))
        assert row["median_ms"] is row["share"] is row["copy_gbs"] is None


def test_tiles_are_compared(hosted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name, values in (("TILES", (8, 16)), ("BLOCKS", (128,)), ("TEAMS", (2,))):
        monkeypatch.setattr(tiles, name, values)
    words = ["think", "--tiles", "--agents", "40", "--layers", "5-4-3", "--dtype", "float32"]
    (row,) = saved(words, tmp_path / "t.json")["rows"]
    assert row["winner"] in {"tile 8 x 128", "tile 16 x 128", "team 2"}
    assert row["chosen"] == "tile 8 x 128"
    assert sum(name.endswith(" ms") for name in row) == 3


def test_tiles_are_a_matter_of_cuda(capsys: pytest.CaptureFixture):
    assert cli.call(["bench", "think", "--tiles", "--backend", "cpu"]) == 2
    assert "--tiles: lanes are a matter of CUDA" in capsys.readouterr().err


def test_neighbours_are_those_of_all_pairs(hosted: Any):
    backend = device.choose("cuda")
    with harness.on(backend):
        crowd = neighbours.Pass(300, 9, 0, backend)
        for _ in range(2):
            crowd.move()
            assert crowd.validate(crowd.both()) == pytest.approx(9, rel=0.15)


def test_neighbours_have_a_row(hosted: Any, tmp_path: Path):
    (row,) = saved(["neighbours", "--agents", "200", "--neighbours", "9"], tmp_path / "n.json")["rows"]
    assert row["agents"] == 200
    assert row["mean"] == pytest.approx(9, rel=0.2)
    assert row["median_ms"] is row["index_ms"] is row["sums_ms"] is row["rate"] is None


def test_circles_step_on_the_device(hosted: Any, tmp_path: Path):
    (row,) = saved(["neighbours", "--circles", "--agents", "600"], tmp_path / "c.json")["rows"]
    assert row["mean"] == pytest.approx(204, rel=0.05)
    assert row["step_ms"] is row["median_ms"] is None


def test_spawn_counts_births_and_deaths_and_checks_brains(hosted: Any, tmp_path: Path):
    words = ["spawn", "--agents", "300", "--changes", "40", "--brains", "5-4-3"]
    found = saved(words, tmp_path / "s.json")["rows"]
    assert [row["brains"] for row in found] == ["none", "5-4-3 float32"]
    for row in found:
        assert row["changes"] == 80
        assert row["agents"] == 300
        assert row["bytes"] > 40 * 2 * (40 + row["bytes_per_brain"])
        assert row["share"] is row["rate"] is row["gbs"] is None


def test_spawn_refuses_a_brain_that_is_not_its_parents(
    hosted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
):
    step = spawn.World.step

    def wrong(self: spawn.World) -> None:
        step(self)
        if self.tables["thing"].own_brains is not None:
            self.tables["thing"].own_brains.rows[...] += np.float32(0.01)

    monkeypatch.setattr(spawn.World, "step", wrong)
    words = ["spawn", "--agents", "200", "--changes", "40", "--brains", "5-4-3", "--backend", "cuda"]
    assert cli.call(["bench", *words, "--json", str(tmp_path / "s.json")]) == 2
    assert "brains of children" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_tick_has_its_three_ways(hosted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tick, "HOLD", 0.5)  # chance in a small world
    monkeypatch.setattr("swarm.bench.drifters.comparable", lambda found: "")
    words = ["tick", "--scene", "swarm.bench.drifters", "--agents", "60", "--aged", "2", "--ticks", "4"]
    found = saved(words, tmp_path / "t.json")["rows"]
    assert [row["rate_of"] for row in found] == [modes.WHOLE, modes.UNCAPTURED, modes.PYTHON]
    assert all(row["repeats"] == 4 and row["agents"] == 60 for row in found)
    assert found[0]["bytes_per_brain"] == 4096
    assert found[0]["systems_ms"] is None
    assert all(row["median_ms"] is row["more_ms"] is None for row in found)


def test_the_three_ways_leave_the_same_world(hosted: Any):
    worlds = [swarm.scene("swarm.bench.drifters", agents=50, seed=3, backend="cuda") for _ in range(3)]
    for name, world in zip((modes.WHOLE, modes.UNCAPTURED, modes.PYTHON), worlds, strict=True):
        with modes.way(world, name):
            for _ in range(8):
                world.step()
    assert len({world.hash() for world in worlds}) == 1
    assert worlds[0].tables["drifter"].born_total > 0 or worlds[0].tables["drifter"].died_total > 0


def test_drifters_are_the_same_on_the_processor(hosted: Any):
    one, two = (swarm.scene("swarm.bench.drifters", agents=60, seed=5, backend=name) for name in ("cpu", "cuda"))
    for _ in range(6):
        one.step()
        two.step()
        assert one.counts() == two.counts()
    assert one.hash() == two.hash()


@pytest.mark.parametrize("order", ["descending", 3])
def test_drifters_do_not_depend_on_the_order_of_threads(hosted: Any, order: Any):
    hashes = []
    for chosen in ("ascending", order):
        hosted.order = chosen
        world = swarm.scene("swarm.bench.drifters", agents=600, seed=2, backend="cuda")
        for _ in range(3):
            world.step()
        assert world.tables["drifter"].born_total > 1
        hashes.append(world.hash())
    assert hashes[0] == hashes[1]


# --- the one command --------------------------------------------------------------------------------------------------


def gpu_parts() -> list[Any]:
    path = str(ROOT / "tools" / "bench")
    spec = importlib.util.spec_from_file_location("swarm_tools_gpu_parts", ROOT / "tools" / "gpu.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(path)
    return module.parts(small=True)


PARTS = {part.name: part for part in gpu_parts()}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_parts_of_the_one_command_run(hosted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str):
    part = PARTS[name]
    if part.words[:3] != ("-m", "swarm", "bench"):
        assert part.words[0] == "tools/peers/alone.py" or name == "tests"
        return
    monkeypatch.setattr(tick, "HOLD", 0.9)  # chance in a small world
    for scene in ("swarm.bench.drifters", "swarm.scenes.foragers"):
        monkeypatch.setattr(f"{scene}.comparable", lambda found: "")
    for setting, values in (("TILES", (8,)), ("BLOCKS", (128,)), ("TEAMS", ())):
        monkeypatch.setattr(tiles, setting, values)
    file = tmp_path / "r.json"
    words = [str(file) if word == "{json}" else word for word in part.words[2:]]
    assert cli.call(words) == 0
    rows = json.loads(file.read_text())["rows"]
    assert rows
    assert not [value for row in rows for key, value in row.items() if key.endswith("_ms") and value is not None]


def test_ours_alone_has_no_figures_here(hosted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "peers"))
    alone = importlib.import_module("alone")
    file = tmp_path / "a.json"
    words = [
        "alone.py",
        "--library",
        "swarm",
        "--agents",
        "60",
        "--layers",
        "5-4-3",
        "--repeats",
        "2",
        "--json",
        str(file),
    ]
    monkeypatch.setattr(sys, "argv", words)
    assert alone.main() == 0
    (row,) = json.loads(file.read_text())["rows"]
    assert row["median_ms"] is None
    assert row["error"] < 2e-5


def test_the_pages_first_run(hosted: Any):
    assert cli.call(["run", "foragers", "--agents", "60", "--backend", "cuda", "--ticks", "3"]) == 0
