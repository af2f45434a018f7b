"""The harness: turns, warm-up, what counts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from swarm.backend import device
from swarm.bench import harness, others, roof
from swarm.bench.report import Report
from swarm.errors import SaveError


def test_jobs_take_turns_and_warmups_do_not_count():
    calls: list[str] = []
    jobs = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = harness.interleave(jobs, repeats=3, warmups=1)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"
    assert all(timing.seconds.shape == (3,) for timing in times.values())


def test_before_runs_ahead_of_every_job():
    calls: list[str] = []
    harness.interleave({"a": lambda: calls.append("a")}, repeats=2, warmups=1, before=lambda: calls.append("-"))
    assert calls == ["-", "a"] * 3


def test_the_limit_keeps_three_rounds():
    times = harness.interleave({"a": lambda: None}, repeats=1000, limit=0.0)
    assert times["a"].seconds.size == 3


def test_statistics():
    timing = harness.Timing("x", np.arange(1, 101) / 1e3)
    assert timing.median == pytest.approx(50.5e-3)
    assert timing.p99 == pytest.approx(100e-3)
    assert timing.max == pytest.approx(100e-3)
    assert timing.row()["best_ms"] == pytest.approx(1.0)
    assert harness.fastest({"x": timing, "y": harness.Timing("y", timing.seconds / 2)}).name == "y"


@pytest.mark.parametrize("got", [[1.0, 2.1], [1.0, np.nan], [1.0, np.inf], [1.0]])
def test_wrong_results_are_invalid(got: list[float]):
    with pytest.raises(harness.Invalid, match="job: the result"):
        harness.close("job", np.array(got), np.array([1.0, 2.0]), 1e-3)


def test_right_results_say_how_right():
    assert harness.close("job", np.array([1.0, 2.5]), np.array([1.0, 2.0]), 1.0) == 0.5


@pytest.mark.parametrize("name", ["cpu", "reference"])
@pytest.mark.parametrize("size", [0, 1, 17, 1 << 15, (1 << 15) + 1, (1 << 17) + 77])
def test_read_kernels_read_every_word(name: str, size: int):
    words = np.random.default_rng(size).integers(0, 2**32, size, dtype=np.uint32)
    right = int(words.sum(dtype=np.uint64) % 2**32)
    jobs = roof.read_jobs(device.choose(name), words)
    assert jobs
    assert {job() for job in jobs.values()} == {right}


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_copy(name: str):
    words = np.arange(100_003, dtype=np.uint32)
    out = np.zeros_like(words)
    device.choose(name).twin("swarm.bench.roof").copy(words, out)
    assert np.array_equal(words, out)


def test_a_read_kernel_that_cheats_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(roof, "readers", lambda: {"lazy": lambda words: 0})
    with pytest.raises(harness.Invalid, match="'lazy' returned a wrong sum"):
        roof.read_jobs(device.choose("reference"), np.ones(100, np.uint32))


def test_words_of_needs_no_copy():
    rows = np.zeros((5, 16), np.float32)
    words = roof.words_of(rows)
    assert words.size == 80
    assert np.shares_memory(words, rows)
    assert roof.words_of(np.zeros(7, np.uint8)).size == 1


def test_a_report_holds_what_is_needed_to_run_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = Report("think", {"a": ("a", ",d"), "b": ("b", ".2f")}, seed=7)
    report.rows = [{"a": 1000, "b": 0.5, "hidden": 3}, {"a": 2, "b": None}]
    report.notes = ["[a note]"]
    report.finish(tmp_path / "new" / "r.json")
    shown = capsys.readouterr().out
    assert "1,000" in shown
    assert "0.50" in shown
    assert "[a note]" in shown
    saved = json.loads((tmp_path / "new" / "r.json").read_text())
    assert saved["rows"][0]["hidden"] == 3
    assert saved["seed"] == 7
    assert {"processor", "cores", "versions", "commit"} <= set(saved["machine"])
    assert saved["machine"]["versions"]["numpy"] == np.__version__
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "r.json"]


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match="could not be written"):
        Report("think", {}, seed=0).save(tmp_path / "file" / "r.json")


def test_other_programs_are_noticed(monkeypatch: pytest.MonkeyPatch):
    times = iter([(0.0, 0.0), (10.0, 4.0)])  # (all busy seconds, ours), then and now

    class Fake(others.Others):
        def __init__(self) -> None:
            self.begun, (self.all, self.ours) = -10.0, next(times)
            self.now = next(times)

        def _all(self) -> float:
            return self.now[0]

        def _ours(self) -> float:
            return self.now[1]

    monkeypatch.setattr(others.time, "perf_counter", lambda: 0.0)
    loud = Fake()
    assert loud.cores() == pytest.approx(0.6)
    assert "0.60 cores busy" in loud.note()
    loud.now = (4.5, 4.0)
    assert loud.note() == ""


def test_our_own_work_is_not_others():
    watch = others.Others()
    end = watch.begun + 0.3
    while others.time.perf_counter() < end:
        pass
    assert watch._ours() - watch.ours > 0.1
    assert watch.cores() <= others.psutil.cpu_count()
