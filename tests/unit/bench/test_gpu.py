"""tools/gpu.py and its table, without a card: what is kept, what is skipped, what is empty, what a failure costs."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", list(sys.path))
    module = load(ROOT / "tools" / "gpu.py", "swarm_tools_gpu")
    monkeypatch.setattr(module, "card", lambda: ({"gpu": "NVIDIA Test 1", "is_card": True}, ""))
    monkeypatch.setattr(module, "commit_of", lambda: "abc")
    return module


WRITES = """
import json, sys
rows = [{"layers": "16-32-4", "dtype": "float32", "median_ms": 0.5, "share": 0.9, "copy_gbs": 4000.0}]
json.dump({"rows": rows, "notes": [], "settings": {}, "machine": {}, "more": 1}, open(sys.argv[1], "w"))
"""


def some_parts(gpu: ModuleType, **code: str) -> list[object]:
    return [gpu.Part(name, ("-c", text, "{json}"), likely=5) for name, text in code.items()]


def test_a_part_that_fails_or_hangs_costs_the_others_nothing(gpu, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    hangs = WRITES + "import time; time.sleep(60)"
    made = some_parts(gpu, tests="raise SystemExit('all broken')", think=WRITES, spawn=hangs, circles="exit(3)")
    monkeypatch.setattr(gpu, "parts", lambda small=False: made)
    assert gpu.main(["--out", str(tmp_path), "--limit", "2"]) == 1
    kept = json.loads((tmp_path / "nvidia-test-1.json").read_text())
    states = {name: part["state"] for name, part in kept["parts"].items()}
    assert states == {"tests": "failed", "think": "done", "spawn": "too long", "circles": "left out"}
    assert "all broken" in kept["parts"]["tests"]["output"]
    assert kept["parts"]["spawn"]["rows"]  # what it had saved before it was stopped
    assert "more" not in kept["parts"]["think"]
    table = {line["figure"]: line for line in gpu.figures.read(tmp_path / "nvidia-test-1.csv")}
    line = table["the same: bytes moved / time / copy bandwidth"]
    assert (line["cuda"], line["met"], line["commit"], line["cpu"]) == ("0.9", "yes", "abc", "")
    assert table["foragers tick, 1,000,000 agents"]["cuda"] == ""
    shown = capsys.readouterr().out
    assert "tests: failed" in shown
    assert "all broken" in shown


def test_what_is_done_is_not_done_again(gpu, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    made = some_parts(gpu, think=WRITES, tests="raise SystemExit(1)")
    monkeypatch.setattr(gpu, "parts", lambda small=False: made)
    assert gpu.main(["--out", str(tmp_path)]) == 1
    capsys.readouterr()
    made[1] = some_parts(gpu, tests="pass")[0]
    assert gpu.main(["--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "think: done before" in shown
    assert "tests: done in" in shown
    monkeypatch.setattr(gpu, "commit_of", lambda: "abd")
    assert gpu.main(["--out", str(tmp_path)]) == 0
    assert "think: done in" in capsys.readouterr().out
    assert gpu.main(["--out", str(tmp_path), "--fresh", "--only", "think"]) == 0
    assert "think: done in" in capsys.readouterr().out


def test_a_budget_leaves_the_rest_for_the_next_time(gpu, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    made = some_parts(gpu, think=WRITES, tests="pass")
    monkeypatch.setattr(gpu, "parts", lambda small=False: made)
    assert gpu.main(["--out", str(tmp_path), "--budget", "3"]) == 1
    assert "Not begun, for lack of time: think, tests" in capsys.readouterr().out
    assert not (tmp_path / "nvidia-test-1.json").exists()


def test_figures_of_the_tests_device_fill_no_table(gpu, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    monkeypatch.setattr(gpu, "card", lambda: ({"gpu": "hosted: not a GPU", "is_card": False}, ""))
    monkeypatch.setattr(gpu, "parts", lambda small=False: some_parts(gpu, think=WRITES))
    assert gpu.main(["--out", str(tmp_path)]) == 0
    assert not list(tmp_path.glob("*.csv"))
    assert "hosted: not a GPU, no figures" in capsys.readouterr().out


def test_without_a_card_it_says_why(gpu, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    monkeypatch.setattr(gpu, "ASK", "raise SystemExit('there is no NVIDIA driver')")
    monkeypatch.setattr(gpu, "card", load(ROOT / "tools" / "gpu.py", "swarm_tools_gpu_2").card)
    monkeypatch.setattr(sys.modules["swarm_tools_gpu_2"], "ASK", gpu.ASK)
    assert gpu.main(["--out", str(tmp_path)]) == 2
    assert "No card to measure: there is no NVIDIA driver" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_tests_are_counted(gpu, tmp_path):
    file = tmp_path / "junit.xml"
    file.write_text(
        '<testsuites><testsuite tests="4" failures="1" errors="0" skipped="1"><testcase classname="a" name="b">'
        '<failure>no</failure></testcase><testcase classname="a" name="c"/></testsuite></testsuites>'
    )
    assert gpu.tests_of(file) == {"rows": [{"passed": 2, "failed": 1, "skipped": 1}], "notes": ["a::b"]}


@pytest.mark.parametrize(
    ("value", "aim", "right"),
    [(4.0, "<= 4", "yes"), (4.1, "<= 4", "no"), (1.0, "> 1", "no"), (0.86, ">= 0.85", "yes"), (0.5, "0.5", ""),
     (None, "<= 4", ""), (3.0, "", "")],
)  # fmt: skip
def test_an_aim_is_met_or_not(gpu, value: float | None, aim: str, right: str):
    assert gpu.figures.met(value, aim) == right


def test_peers_are_set_against_ours_alone(gpu):
    parts = {
        "swarm-float32": {"rows": [{"name": "swarm", "median_ms": 2.0}]},
        "torch-float32": {"rows": [{"name": "torch.compile(vmap)", "median_ms": 6.0},
                                   {"name": "torch.compile(vmap), max-autotune", "median_ms": 5.0},
                                   {"name": "torch bmm, CUDA graph", "median_ms": 9.0}]},
        "spawn": {"rows": [{"brains": "none", "share": 0.1}, {"brains": "16-32-4 float32", "share": 0.4}]},
    }  # fmt: skip
    found = {line["figure"]: line["cuda"] for line in gpu.figures.lines(parts)}
    assert found["against torch.compile(vmap), float32"] == "2.5"
    assert found["against torch bmm, float32"] == "4.5"
    assert found["against jax jit(vmap), float32"] == ""
    assert found[gpu.figures.BIRTHS] == "2.5"


def test_every_figure_has_a_part_that_measures_it(gpu):
    names = {part.name for part in gpu.parts()}
    assert {figure.part for figure in gpu.figures.FIGURES} <= names
    assert len(names) == len(gpu.parts())
    assert all(part.words.count("{json}") == 1 for part in gpu.parts())


TABLES = sorted((ROOT / "tools" / "bench").rglob("*.csv"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_tables_in_the_repository_are_whole(gpu, path: Path):
    table = gpu.figures.read(path)
    figures = [line["figure"] for line in table]
    assert figures
    if path.parent.name == "bench":
        assert set(figures) >= {figure.text for figure in gpu.figures.FIGURES}
    for line in table:
        assert set(line) == set(gpu.figures.COLUMNS)
        assert all(not line[key] or float(line[key]) >= 0 for key in ("cpu", "cuda"))
        assert not line["cuda"] or path.with_suffix(".json").exists(), "a figure of a card needs its report"
