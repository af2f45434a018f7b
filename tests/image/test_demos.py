"""The demos that draw: each makes its picture without a screen, and shows what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.image.test_picture import decode

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path, *words):
    """A program as a user would start it, from somewhere else; what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "name", ["foragers", "flock", "infection", "hue", "predators", "ants", "town", "digits", "own", "trained"]
)
def test_a_demo_draws_its_picture(gl, name, tmp_path):
    path = tmp_path / f"{name}.png"
    text = run(tmp_path, ROOT / "demos" / f"{name}.py", path)
    image = decode(path)
    assert image.shape == (900, 1600, 3)
    bright = (image.max(axis=2) > 100)[200:700, 300:1300]  # agents, away from the overlay
    assert 0.01 < bright.mean() < 0.5
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 1000
    promised(name, text)


def promised(name, text):
    """What some demos print holds."""
    if name == "trained":
        with_training, without = (float(x) for x in re.findall(r"errands a minute, \w+ ([\d.]+)", text)[-2:])
        assert with_training > 1.0
        assert with_training > 5 * without
    if name == "predators":
        assert int(re.search(r"([\d,]+) bites", text)[1].replace(",", "")) > 100
    if name == "ants":
        assert float(re.search(r"([\d.]+)% of the ground", text)[1]) > 2
    if name == "digits":
        assert int(re.search(r"(\d+)% agree", text)[1]) > 80
    if name == "town":
        assert "does push_x" in text


def test_a_scene_file_of_ones_own_runs_by_the_command_too(gl, tmp_path):
    path = tmp_path / "own.png"
    words = ("--agents", 300, "--set", "reach=7", "--ticks", 60, "--screenshot", path)
    text = run(tmp_path, "-m", "swarm", "demo", ROOT / "demos" / "own.py", *words)
    assert decode(path).shape == (900, 1600, 3)
    assert "Watch for: at first all twinkle by chance" in text
    assert "firefly 300" in text
