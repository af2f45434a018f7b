"""Tables of recorded runs: what stands in them, and that neither kill -9 nor Ctrl-C leaves a trace in their files."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from swarm import cli
from swarm.errors import SaveError, SettingsError
from swarm.runs import grid, lock, thin
from swarm.runs.verify import verify
from swarm.world import World
from tests.unit.cli.worlds import write

OPTIONS = {"--ticks": "130", "--every": "20", "--record": "10"}


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug in a test: do not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write(tmp_path)


def swarm_run(scene: Path, out: Path, *words: str) -> int:
    return cli.call(command(scene, out, *words))


def command(scene: Path, out: Path, *words: str) -> list[str]:
    options = [word for option in OPTIONS.items() if option[0] not in words for word in option]
    return ["run", str(scene), *options, "--out", str(out), *words]


def table(out: Path) -> list[dict[str, str]]:
    with open(out / "runs.csv", newline="") as file:
        return list(csv.DictReader(file))


def contents(out: Path) -> dict[str, object]:
    """Every file's bytes by its path; of the timed ones what is not a time."""
    found: dict[str, object] = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = path.relative_to(out).as_posix()
        if path.name == "outcome.json":
            found[name] = {k: v for k, v in json.loads(path.read_text()).items() if k != "seconds"}
        elif path.name != "runs.csv":
            found[name] = path.read_bytes()
    found["runs.csv"] = [{k: v for k, v in row.items() if k != "seconds"} for row in table(out)]
    return found


def test_a_run_leaves_all_that_was_asked_for(scene: Path, tmp_path: Path):
    out = tmp_path / "D"
    assert swarm_run(scene, out, "--seed", "3") == 0
    run = out / "walkers-seed=3"
    assert {path.name for path in run.iterdir()} == {
        "run.json", "scene.py", "hashes.csv", "statistics.csv", "moods.csv", "snapshots", "last.safetensors",
        "outcome.json",
    }  # fmt: skip
    spec = json.loads((run / "run.json").read_text())
    assert spec["settings"]["seed"] == 3 and spec["versions"]["numpy"] and spec["cpu"] and spec["source"]
    assert (run / "scene.py").read_text() == scene.read_text()
    log = (run / "hashes.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in log[1:]] == list(range(0, 121, 20))
    rows = (run / "statistics.csv").read_text().splitlines()
    assert rows[0] == "tick,walker,wind (m/s)"
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(0, 131, 10))
    assert len((run / "moods.csv").read_text().splitlines()) == 1 + 19
    world = World.load(run / "last.safetensors")
    [row] = table(out)
    assert (row["status"], row["ticks"], row["hash"]) == ("finished", "130", world.hash())
    assert (row["speed"], row["last walker"]) == ("1.0", str(world.counts()["walker"]))


def test_a_grid_with_seeds_is_filled_and_skipped(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "D"
    words = ["--seeds", "0..1", "--set", "speed=0.5,2", "--set", "levels=3,4"]
    assert swarm_run(scene, out, *words) == 0
    assert [(row["speed"], row["seed"], row["levels"]) for row in table(out)] == [
        (speed, seed, "[3, 4]") for speed in ("0.5", "2.0") for seed in ("0", "1")
    ]
    before = contents(out)
    monkeypatch.setattr(World, "step", lambda self: pytest.fail("a finished run was made again"))
    assert swarm_run(scene, out, *words) == 0
    assert capsys.readouterr().out.count("finished before") == 4
    assert contents(out) == before


def test_a_finished_run_goes_on_to_a_later_tick(scene: Path, tmp_path: Path):
    assert swarm_run(scene, tmp_path / "A", "--ticks", "200") == 0
    assert swarm_run(scene, tmp_path / "B", "--ticks", "90") == 0
    assert swarm_run(scene, tmp_path / "B", "--ticks", "200") == 0
    assert contents(tmp_path / "A") == contents(tmp_path / "B")


@pytest.mark.parametrize("parquet", [False, True])
def test_ctrl_c_leaves_no_trace(parquet: bool, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if parquet:
        pytest.importorskip("pyarrow")
    words = ["--seeds", "0..1", *(["--parquet"] if parquet else [])]
    assert swarm_run(scene, tmp_path / "A", *words) == 0
    step, stops = World.step, [47, 60, 101, 127]

    def stopping(self: World) -> None:
        step(self)
        if stops and self.tick == stops[0] and self.seed == 1:
            stops.pop(0)
            signal.raise_signal(signal.SIGTERM if len(stops) % 2 else signal.SIGINT)

    monkeypatch.setattr(World, "step", stopping)
    for tick in (47, 60, 101, 127):
        assert swarm_run(scene, tmp_path / "B", *words) == 130
        assert [(row["status"], row["ticks"]) for row in table(tmp_path / "B")][1] == ("stopped", str(tick))
    assert swarm_run(scene, tmp_path / "B", *words) == 0
    assert contents(tmp_path / "A") == contents(tmp_path / "B")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_9_leaves_no_trace(scene: Path, tmp_path: Path):
    out, words = tmp_path / "B", ["--control", "neutral"]
    assert swarm_run(scene, tmp_path / "A", *words) == 0
    run = out / "walkers"
    for wait_for, rest in (
        (run / "snapshots" / f"{40:012}.safetensors", 0.004),
        (run / "snapshots" / f"{100:012}.safetensors", 0.004),
        (out / "walkers-neutral" / "hashes.csv", 0.0),
    ):
        env = {**os.environ, "SWARM_TEST_REST": str(rest)}
        line = [sys.executable, "-m", "swarm", *command(scene, out, *words)]
        child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            deadline = time.monotonic() + 120
            while not wait_for.exists() and time.monotonic() < deadline and child.poll() is None:
                time.sleep(0.005)
        finally:
            child.kill()
            child.wait()
        assert wait_for.exists()
        assert (run / "lock").exists() or (run / "outcome.json").exists()
    assert swarm_run(scene, out, *words) == 0
    assert contents(tmp_path / "A") == contents(out)


def test_extinction_is_an_outcome(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "D"
    assert swarm_run(scene, out, "--set", "deadly=0.05,1.0") == 0
    alive, extinct = table(out)
    assert (alive["status"], extinct["status"], extinct["last walker"]) == ("finished", "extinct", "0")
    assert 0 < int(extinct["ticks"]) < 10
    capsys.readouterr()
    assert swarm_run(scene, out, "--set", "deadly=1.0", "--ticks", "9999") == 0
    assert f"extinct before at tick {extinct['ticks']}" in capsys.readouterr().out


def test_a_scene_says_itself_when_it_ends(tmp_path: Path):
    scene = write(
        tmp_path,
        "short.py",
        ("def check(world):", "def extinct(world):\n    return world.tick == 33\n\n\ndef check(world):"),
    )
    assert swarm_run(scene, tmp_path / "D") == 0
    assert [(row["status"], row["ticks"]) for row in table(tmp_path / "D")] == [("extinct", "33")]


def test_a_failed_run_names_the_line_and_the_others_go_on(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "D"
    assert swarm_run(scene, out, "--set", "fault=70,-1") == 1
    failed, finished = table(out)
    assert (failed["status"], failed["ticks"], finished["status"]) == ("failed", "70", "finished")
    shown = capsys.readouterr().out
    line = next(k for k, text in enumerate(scene.read_text().splitlines(), 1) if "too tired" in text)
    assert f"walkers.py, line {line}, in system 'rest' at tick 70: RuntimeError: too tired" in shown
    assert "raise RuntimeError" in (out / failed["run"] / "error.txt").read_text()
    rows = (out / failed["run"] / "statistics.csv").read_text().splitlines()
    assert rows[-1].startswith("70,")


def test_a_control_has_the_births_and_deaths_of_its_run(scene: Path, tmp_path: Path):
    out = tmp_path / "D"
    assert swarm_run(scene, out, "--control", "neutral", "--seed", "2") == 0
    run, twin = table(out)
    assert (run["control"], twin["control"], twin["run"]) == ("", "neutral", "walkers-seed=2-neutral")
    assert run["hash"] != twin["hash"]
    counts = [
        [row.split(",")[1] for row in (out / name / "statistics.csv").read_text().splitlines()[1:]]
        for name in (run["run"], twin["run"])
    ]
    assert counts[0] == counts[1]  # nobody is both, in so small a world, or this would be a bound


def test_hours_end_a_run_as_ctrl_c_does(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert swarm_run(scene, tmp_path / "D", "--max-hours", "1e-6") == 0
    assert "The same command goes on" in capsys.readouterr().out
    assert swarm_run(scene, tmp_path / "D") == 0
    assert swarm_run(scene, tmp_path / "A") == 0
    assert contents(tmp_path / "A") == contents(tmp_path / "D")


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limits on files here")
def test_a_full_disk_loses_nothing(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    import resource

    assert swarm_run(scene, tmp_path / "A") == 0
    sizes = [file.stat().st_size for file in (tmp_path / "A" / "walkers" / "snapshots").iterdir()]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (300, 3_000, max(sizes) - 1):  # the scene's source, a snapshot, a later snapshot
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            code = swarm_run(scene, tmp_path / "B")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert code == 2
        assert "The same command then goes on" in " ".join(capsys.readouterr().err.split())
        assert not (tmp_path / "B" / "walkers" / "lock").exists()
    assert swarm_run(scene, tmp_path / "B") == 0
    assert contents(tmp_path / "A") == contents(tmp_path / "B")


def test_two_processes_do_not_write_one_run(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = tmp_path / "D" / "walkers"
    run.mkdir(parents=True)
    with lock.locked(run):
        assert swarm_run(scene, tmp_path / "D") == 2
        assert f"is being written by process {os.getpid()}" in " ".join(capsys.readouterr().err.split())
        with pytest.raises(SaveError, match="is being written"), lock.locked(run):
            pass
    assert not (run / "lock").exists()


def test_the_lock_of_a_dead_process_is_taken_over(scene: Path, tmp_path: Path):
    run = tmp_path / "D" / "walkers"
    run.mkdir(parents=True)
    for text in ('{"pid": 999999999, "began": 1.0, "host": "HOST"}', '{"pid": PID, "began": 1.0, "host": "HOST"}', ""):
        import socket

        (run / "lock").write_text(text.replace("HOST", socket.gethostname()).replace("PID", str(os.getpid())))
        with lock.locked(run):
            assert lock.holder(run) == f"process {os.getpid()}"
        assert not list(run.glob("lock*"))
    (run / "lock").write_text('{"pid": 1, "began": 1.0, "host": "elsewhere"}')
    with pytest.raises(SaveError, match=r"process 1 on elsewhere.*remove"):
        lock.refuse(run)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "3..1"], "--seeds 3..1: give numbers"),
        (["--seeds", "a"], "such as 0..29"),
        (["--seeds", "0..3", "--seed", "1"], "Leave one out"),
        (["--seeds", "1,1"], "asked for twice"),
        (["--control", "neutrl"], "Did you mean 'neutral'?"),
        (["--set", "sped=1,2"], "Did you mean 'speed'?"),
        (["--set", "speed=1,20"], "'speed' does not fit"),
        (["--set", "speed=1,"], "a value is missing"),
        (["--every", "0"], "--every 0: give 1 or more"),
        (["--keep-mb", "0"], "more than 0"),
        (["--save", "w"], "is for a run without --out"),
    ],
)
def test_mistakes_are_told_before_the_first_tick(
    words: list[str], message: str, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert swarm_run(scene, tmp_path / "D", *words) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "D").exists()


def test_a_folder_with_another_run_is_left_alone(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "D"
    assert swarm_run(scene, out) == 0
    before = contents(out)
    assert swarm_run(scene, out, "--every", "30") == 2
    assert "holds a run with every 20, not 30" in " ".join(capsys.readouterr().err.split())
    scene.write_text(scene.read_text() + "\n# changed\n")
    assert swarm_run(scene, out, "--ticks", "500") == 2
    assert "holds a run with source" in " ".join(capsys.readouterr().err.split())
    assert contents(out) == before
    (tmp_path / "E" / "walkers").mkdir(parents=True)
    (tmp_path / "E" / "walkers" / "letter.txt").write_text("dear")
    assert swarm_run(scene, tmp_path / "E") == 2
    assert "holds letter.txt, but no run" in " ".join(capsys.readouterr().err.split())


def test_options_of_a_table_want_a_folder(scene: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.call(["run", str(scene), "--ticks", "5", "--keep-mb", "3"]) == 2
    assert "--keep-mb records runs in a folder. Name it: --out D." in capsys.readouterr().err


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_snapshots_thin_out_with_age(scene: Path, tmp_path: Path):
    assert swarm_run(scene, tmp_path / "D", "--every", "2", "--keep-mb", "0.03") == 0
    files = sorted((tmp_path / "D" / "walkers" / "snapshots").iterdir())
    assert sum(file.stat().st_size for file in files) <= 30_000
    ticks = [int(file.stem) for file in files]
    assert 2 <= len(ticks) < 20 and ticks[-1] == 130
    gaps = [b - a for a, b in pairwise(ticks)]
    assert gaps[-1] <= gaps[0]


def test_thinning_spaces_by_powers_and_is_the_same_when_interrupted():
    kept: list[int] = []
    for tick in range(1, 400):
        sizes = dict.fromkeys([*kept, tick], 10)
        gone = thin.dropped(sizes, 80)
        kept = [t for t in sizes if t not in gone]
        for k in range(len(gone)):  # some were dropped already when the process died
            rest = {t: 10 for t in sizes if t not in gone[:k]}
            assert thin.dropped(rest, 80) == gone[k:]
    assert len(kept) == 8 and kept[-1] == 399
    ages = [399 - tick for tick in kept]
    assert all(older > newer for older, newer in pairwise(ages))
    assert ages[0] > 100 and ages[-2] <= 4
    assert thin.dropped({5: 100}, 1) == []
    assert len(thin.dropped(dict.fromkeys(range(50), 1), 1e9)) == 50 - thin.MOST


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verify_finds_equal_and_differing_hashes(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert swarm_run(scene, tmp_path / "D", "--control", "neutral") == 0
    for run in (tmp_path / "D" / "walkers", tmp_path / "D" / "walkers-neutral"):
        assert verify(run).compared == (120, 130)
        assert verify(run, start=50).compared == (40, 60)
        assert verify(run, start=0, ticks=1000).compared == (*range(0, 121, 20), 130)
        assert cli.call(["verify", str(run)]) == 0
    run = tmp_path / "D" / "walkers"
    text = (run / "hashes.csv").read_text().splitlines(keepends=True)
    text[4] = "60,0123456789abcdef\n"
    (run / "hashes.csv").write_text("".join(text))
    capsys.readouterr()
    assert cli.call(["verify", str(run), "--start", "0", "--ticks", "100"]) == 1
    shown = capsys.readouterr().out
    assert "tick 60 has hash" in shown and "swarm check" in shown and "last equal one is that of tick 40" in shown
    assert cli.call(["verify", str(run), "--start", "60"]) == 1
    assert "The snapshot itself differs" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="no logged hash"):
        verify(run, start=20, ticks=5)
    with pytest.raises(SettingsError, match="holds no run"):
        verify(tmp_path)


def test_verify_says_that_the_scene_was_changed(scene: Path, tmp_path: Path):
    out = tmp_path / "D"
    assert swarm_run(scene, out) == 0
    scene.write_text(scene.read_text().replace("agents.normal(2", "2 * agents.normal(2"))
    done = subprocess.run(
        [sys.executable, "-m", "swarm", "verify", str(out / "walkers")], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "The scene was changed since" in done.stdout


def test_seeds_and_names():
    assert grid.numbers("0..3, 7,9..9") == [0, 1, 2, 3, 7, 9]
    assert grid.name_of("my/dir/world.py:Night", {"a": 1, "backend": "cpu"}) == "world-Night-a=1"
    assert grid.name_of("pkg.mod:Night", {}) == "pkg.mod-Night"
    odd, long = grid.name_of("w.py", {"a": "b/../c"}), grid.name_of("w.py", {"a": "x" * 500})
    assert "/" not in odd and len(long) < 140 and odd != grid.name_of("w.py", {"a": "b_.._c"})
