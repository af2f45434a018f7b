"""`import swarm` and `swarm --help` stay light: what they load is listed, not timed."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"numba", "llvmlite", "cupy", "pygame", "moderngl", "ray", "torch", "jax", "scipy", "matplotlib", "pooch"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after `code`, beyond those it starts with."""
    tail = "\nimport json, sys; sys.stderr.write(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    bare = subprocess.run([sys.executable, "-c", tail], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr)) - set(json.loads(bare.stderr))


def test_import_swarm_loads_next_to_nothing():
    loaded = loaded_by("import swarm")
    assert not loaded & (HEAVY | {"numpy", "rich", "cyclopts", "msgspec"})
    assert "swarm" in loaded


def test_help_loads_no_engine():
    loaded = loaded_by("from swarm.cli import call; assert call(['--help']) == 0")
    assert not loaded & (HEAVY | {"numpy"})
    assert "cyclopts" in loaded


def test_a_component_needs_no_numba():
    loaded = loaded_by("import swarm\nclass Body(swarm.Component):\n    pos = swarm.f32(2)")
    assert not loaded & HEAVY
