"""Every demo runs as a user would run it, without a screen, and stays short."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from swarm import scenes

ROOT = Path(__file__).resolve().parents[3]
DEMOS = sorted((ROOT / "demos").glob("*.py"))


def run(name, *words, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [sys.executable, str(ROOT / "demos" / name), *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.stem)
def test_demos_are_short_and_use_public_names_only(path):
    text = path.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 60
    assert not re.search(r"\b(swarm|world|brains)\._", text)
    imports = re.findall(r"^\s*(?:from|import) (swarm\S*)", text, re.M)
    assert set(imports) <= {"swarm", "swarm.render"}


@pytest.mark.parametrize("path", [path for path in DEMOS if path.stem != "brains"], ids=lambda path: path.stem)
def test_a_demo_that_shows_something_says_what_to_watch_for(path):
    text = path.read_text(encoding="utf-8")
    said = re.search(r'^(?:Watch for: |WATCH = ")(.+)', text, re.M)
    assert said
    assert len(said[1]) <= 120


def test_shipped_scenes_say_what_to_watch_for_in_one_line():
    for name in ("ants", "digits", "flock", "foragers", "predators", "town", "wolfsheep"):
        line = scenes.load(name).WATCH
        assert 20 < len(line) <= 110
        assert "\n" not in line


def test_the_engine_in_a_games_loop():
    pytest.importorskip("pygame")
    text = run("embed.py", "--frames", "40", SDL_VIDEODRIVER="dummy")
    ticks = int(re.search(r"tick (\d+)", text).group(1))
    assert ticks > 0
    assert "'agent': " in text


def test_brains_standing_alone():
    text = run("brains.py")
    assert "100,000 networks of 676 parameters" in text
    assert "the others did not: True" in text
    assert "the answers are the same: True" in text
