"""The comparison with other libraries, with the one that is always there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "tools" / "peers"


def test_think_beside_numpy(tmp_path: Path):
    file = tmp_path / "p.json"
    words = ["think", "--agents", "300", "--repeats", "3", "--layers", "6-5-2", "--json", str(file)]
    done = subprocess.run([sys.executable, str(PEERS / "run.py"), *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    saved = json.loads(file.read_text())
    rows = {row["name"]: row for row in saved["rows"]}
    assert {"swarm", "numpy matmul"} <= set(rows)
    assert rows["swarm"]["times"] == 1.0
    assert 0 < rows["numpy matmul"]["error"] < 2e-5 or rows["numpy matmul"]["error"] == 0
    assert saved["command"].startswith("python tools/peers/run.py think")


def test_a_wrong_peer_is_no_row(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(PEERS))
    import side_by_side

    from swarm.bench.harness import Invalid
    from swarm.bench.report import Report

    report = Report("peers", {}, seed=0)
    ours = side_by_side.Peer("ours", lambda: None, lambda: np.zeros(3))
    wrong = side_by_side.Peer("wrong", lambda: None, lambda: np.full(3, 0.1))
    with pytest.raises(Invalid, match="wrong"):
        side_by_side.race(report, ours, [wrong], bound=0.01, repeats=1)
    assert not report.rows


def test_a_missing_library_is_a_note(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(PEERS))
    import side_by_side

    from swarm.bench.report import Report

    def make():
        raise ImportError

    report = Report("peers", {}, seed=0)
    assert side_by_side.gather(report, "somelib", make) == []
    assert report.notes == ["somelib is not installed: left out."]


@pytest.mark.parametrize("library", ["swarm", "torch", "jax"])
def test_a_library_alone(library: str, tmp_path: Path):
    file = tmp_path / "a.json"
    words = ["--library", library, "--device", "cpu", "--agents", "60", "--repeats", "2", "--layers", "6-5-2"]
    command = [sys.executable, str(PEERS / "alone.py"), *words, "--json", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if importlib.util.find_spec(library) is None:
        assert done.returncode == 3
        assert f"No module named '{library}'" in done.stderr
        assert not file.exists()
        return
    assert done.returncode == 0, done.stderr
    saved = json.loads(file.read_text())
    assert saved["rows"]
    for row in saved["rows"]:
        assert row["name"].startswith(library)
        assert row["error"] < 2e-5
        assert row["median_ms"] > 0


def test_a_form_that_is_wrong_is_a_note_and_no_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.syspath_prepend(str(PEERS))
    import alone

    right = alone.JOBS["swarm"]

    def jobs(*arguments):
        for name, call, wait, host in right(*arguments):
            yield name, call, wait, host
            yield "lazy", call, wait, lambda result, host=host: host(result) * 0

    monkeypatch.setitem(alone.JOBS, "swarm", jobs)
    file = tmp_path / "a.json"
    words = [
        "alone.py",
        "--library",
        "swarm",
        "--device",
        "cpu",
        "--agents",
        "60",
        "--layers",
        "6-5-2",
        "--repeats",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", [*words, "--json", str(file)])
    assert alone.main() == 0
    saved = json.loads(file.read_text())
    assert [row["name"] for row in saved["rows"]] == ["swarm"]
    assert any(note.startswith("lazy: left out. Invalid") for note in saved["notes"])
