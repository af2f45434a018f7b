"""The resolver: what is there is found, what is not is named, and nothing outside the folder is reached."""

from __future__ import annotations

import subprocess
import sys

import pytest

from swarm import assets
from swarm.errors import DataError


def test_shaders_and_font_are_found():
    assert assets.text("shaders/sprite.frag").startswith("//")
    assert assets.path("fonts/plotter.txt").is_file()


@pytest.mark.parametrize("name", ["shaders/none.frag", "../pyproject.toml", "shaders"])
def test_what_is_not_an_asset_is_an_error(name):
    with pytest.raises(DataError, match="not among the engine's files"):
        assets.path(name)


def test_importing_the_room_loads_no_window_library():
    heavy = ("pygame", "moderngl", "rich", "numba")
    code = f"import sys, swarm, swarm.render, swarm.look; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
