"""The demos that draw: each makes its picture without a screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.image.test_picture import decode

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["foragers", "flock", "infection", "hue"])
def test_a_demo_draws_its_picture(gl, name, tmp_path):
    path = tmp_path / f"{name}.png"
    done = subprocess.run(
        [sys.executable, str(ROOT / "demos" / f"{name}.py"), str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    image = decode(path)
    assert image.shape == (900, 1600, 3)
    bright = (image.max(axis=2) > 100)[200:700, 300:1300]  # agents, away from the overlay
    assert 0.01 < bright.mean() < 0.5
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 1000
