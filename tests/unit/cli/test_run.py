"""swarm run: saves on the way, resumes to the same hash, stops cleanly, and loses nothing to kill -9."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from swarm import cli
from swarm.errors import SaveError, SettingsError
from swarm.run import run
from swarm.world import World

AGENTS = ["--agents", "300", "--seed", "5"]
SWARM = [sys.executable, "-m", "swarm"]


def hash_of(capsys: pytest.CaptureFixture[str]) -> str:
    found = re.search(r"^hash (\w+)$", capsys.readouterr().out, re.MULTILINE)
    assert found
    return found.group(1)


def test_a_resumed_run_ends_at_the_same_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    save = str(tmp_path / "w.swarm")
    assert cli.call(["run", "foragers", *AGENTS, "--ticks", "40"]) == 0
    whole = hash_of(capsys)
    assert cli.call(["run", "foragers", *AGENTS, "--ticks", "17", "--save", save]) == 0
    assert hash_of(capsys) != whole
    assert cli.call(["run", "--resume", save, "--ticks", "40", "--save", save]) == 0
    assert hash_of(capsys) == whole
    assert World.load(save).tick == 40


def test_it_saves_every_so_many_ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved: list[int] = []
    monkeypatch.setattr(World, "save", lambda self, path: saved.append(self.tick))
    run("foragers", {"agents": 100}, ticks=25, save=tmp_path / "w", every=10)
    assert saved == [10, 20, 25]


def test_ctrl_c_finishes_the_tick_and_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    step = World.step

    def stopping(self: World) -> None:
        step(self)
        if self.tick == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(World, "step", stopping)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="saved at tick 7"):
        run("foragers", {"agents": 100}, ticks=1000, save=tmp_path / "w")
    assert World.load(tmp_path / "w").tick == 7
    assert signal.getsignal(signal.SIGINT) is before


def test_it_runs_in_a_thread_too():
    thread = threading.Thread(target=run, args=("foragers", {"agents": 100}), kwargs={"ticks": 3})
    thread.start()
    thread.join()
    assert not thread.is_alive()


def test_a_save_is_not_overwritten_by_accident(tmp_path: Path):
    save = tmp_path / "w.swarm"
    save.write_bytes(b"a week's work")
    with pytest.raises(SaveError, match=r"--resume .*--overwrite"):
        run("foragers", {}, ticks=1, save=save)
    assert save.read_bytes() == b"a week's work"
    run("foragers", {"agents": 50}, ticks=1, save=save, overwrite=True)
    assert World.load(save).tick == 1


def test_a_resume_beyond_the_end_or_of_another_scene_is_refused(tmp_path: Path):
    save = tmp_path / "w.swarm"
    run("foragers", {"agents": 50}, ticks=5, save=save)
    with pytest.raises(SettingsError, match="is at tick 5 already"):
        run(None, {}, ticks=3, resume=save)
    with pytest.raises(SettingsError, match="holds the scene 'foragers', not 'flock'"):
        run("flock", {}, ticks=9, resume=save)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path):
    file = tmp_path / "w"
    file.write_bytes(content)
    with pytest.raises(SaveError):
        run(None, {}, ticks=3, resume=file)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_9_loses_nothing_but_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    save = tmp_path / "w.swarm"
    words = ["run", "foragers", *AGENTS, "--ticks", "100000", "--save", str(save), "--every", "3"]
    child = subprocess.Popen([*SWARM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not save.exists() and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.02)
        time.sleep(0.5)  # somewhere among ticks and saves
    finally:
        child.kill()
        child.wait()
    reached = World.load(save).tick
    assert reached % 3 == 0
    end = str(reached + 10)
    assert cli.call(["run", "--resume", str(save), "--ticks", end]) == 0
    resumed = hash_of(capsys)
    assert cli.call(["run", "foragers", *AGENTS, "--ticks", end]) == 0
    assert hash_of(capsys) == resumed
