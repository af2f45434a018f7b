"""tools/start.py: says what is wrong in plain words, and plans its installs right. Nothing is installed here."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "tools" / "start.py"


@pytest.fixture
def first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("first_run", ROOT / "tools" / "first_run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "MARK", tmp_path / ".venv" / "mark.json")
    monkeypatch.setattr(module, "works", lambda *arguments: True)
    return module


def test_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(START))
    assert stop.value.code == 2
    assert "needs Python 3.11 or newer; this is Python 3.10" in capsys.readouterr().err


def test_without_a_word_it_explains_itself():
    done = subprocess.run([sys.executable, str(START)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "tools/start.py demo" in done.stdout
    assert "tools/start.py test" in done.stdout


def test_installs_once_and_again_when_the_project_file_changes(first_run, monkeypatch: pytest.MonkeyPatch):
    calls: list[list[str]] = []
    monkeypatch.setattr(first_run, "pip", lambda extras: calls.append(extras) or "")
    assert not first_run.installed("demo")
    first_run.install("demo")
    assert first_run.installed("demo")
    assert not first_run.installed("test")
    first_run.install("test")
    assert first_run.installed("demo")
    assert calls == [sorted(first_run.EXTRAS["demo"]), sorted({*first_run.EXTRAS["demo"], *first_run.EXTRAS["test"]})]
    (first_run.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert not first_run.installed("demo")


def test_demo_goes_on_without_window_packages(first_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_run, "pip", lambda extras: "no wheel" if extras else "")
    first_run.install("demo")
    assert json.loads(first_run.MARK.read_text())["extras"] == ["core"]


def test_offline_names_the_remedy(first_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_run, "pip", lambda extras: "no connection")
    with pytest.raises(first_run.Stop, match=r"no connection[\s\S]*Offline\?"):
        first_run.install("test")
    assert not first_run.MARK.exists()


def test_ctrl_c_is_130(first_run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(first_run, "begin", stop)
    assert first_run.main(["demo"], "usage") == 130
    assert "Stopped" in capsys.readouterr().err
