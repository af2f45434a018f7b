"""PNG files: whole or not at all, and readable by others; and the whole picture against a stored one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import swarm
from swarm.errors import BackendError, SaveError, SettingsError
from swarm.look import Look
from swarm.render import context, film, picture
from tests.image import senses
from tests.image.draw import agents
from tests.image.standin import Body, Energy, Plant, crowd

GOLDEN = Path(__file__).parent / "golden"


def decode(path: Path) -> np.ndarray:
    """A PNG of ours as uint8 [height, width, 3], by the format's own rules."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    width = height = 0
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + chunk)
        if kind == b"IHDR":
            width, height = struct.unpack(">II", chunk[:8])
        body += chunk if kind == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + 3 * width)
    assert (rows[:, 0] == 1).all()  # every row is differences to the left
    return np.cumsum(rows[:, 1:].reshape(height, width, 3), axis=1, dtype=np.uint8)


def meadow() -> tuple[object, tuple[Look, ...]]:
    """The world of the stored picture."""
    world = crowd(500, 900, (120.0, 90.0), seed=5)
    world.tick = 1200
    world.tables["forager"].born_total = 300
    return world, (
        Look("plant", Plant.pos, palette="moss", strength=Plant.ripe, shape="disc"),
        Look("forager", Body.pos, Body.vel, Energy.level, limits=(0.0, 2.5), size=1.8, glow=0.3),
    )


def test_the_file_holds_the_pixels(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (7, 13, 3), np.uint8)
    assert np.array_equal(decode(picture.save(tmp_path / "a.png", image)), image)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_whole_picture_is_the_stored_one(gl, theme, tmp_path):
    """Mean difference at most 1 of 255, and one pixel in 200 may differ by more than 16: drivers round differently.

    A change that is meant: SWARM_GOLDEN=write pytest tests/image/test_picture.py, then look at the files.
    """
    world, looks = meadow()
    image = picture.pixels(world, (400, 250), looks=looks, theme=theme)
    stored = GOLDEN / f"meadow-{theme}.png"
    import os

    if os.environ.get("SWARM_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        picture.save(stored, image)
    picture.save(tmp_path / stored.name, image)  # to look at, where it differs
    away = np.abs(decode(stored).astype(int) - image).max(axis=2)
    assert away.mean() <= 1.0
    assert (away > 16).mean() <= 1 / 200


def test_one_unlike_agent_is_noticed(gl):
    """The tolerance above is no blanket: an agent more or less is a larger difference where it stands."""
    world, looks = meadow()
    before = picture.pixels(world, (400, 250), looks=looks)
    world.tables["forager"].column(Body.pos)[0] += 10
    away = np.abs(before.astype(int) - picture.pixels(world, (400, 250), looks=looks)).max(axis=2)
    assert (away > 16).sum() >= 20


def test_twice_the_same(gl):
    world, looks = meadow()
    first, second = (picture.pixels(world, (320, 200), looks=looks) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("size", [(0, 10), (10, -1), (20000, 10)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(SettingsError, match="16384"):
        picture.pixels(agents([]), size)


def test_a_missing_folder_is_named_before_anything_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(context, "headless", lambda: pytest.fail("drawn for nothing"))
    with pytest.raises(SaveError, match="nowhere"):
        picture.screenshot(agents([]), tmp_path / "nowhere" / "a.png")
    with pytest.raises(SaveError, match="folder itself"):
        picture.screenshot(agents([]), tmp_path)


def test_without_egl_one_line_says_what_to_install(monkeypatch):
    moderngl = pytest.importorskip("moderngl")

    def broken(**_):
        raise RuntimeError("libEGL.so not loaded\nand more")

    monkeypatch.setattr(moderngl, "create_context", broken)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(BackendError) as error:
        context.headless()
    text = str(error.value)
    assert "libEGL.so not loaded" in text
    assert "Remedy: apt-get install libegl1" in text
    assert "\n" not in text


def test_without_moderngl_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "moderngl", None)
    with pytest.raises(BackendError, match=r"pip install \"swarm-engine\[view\]\""):
        context.headless()


@pytest.mark.parametrize(("tick", "ticks"), [(0.015, 5), (0.004, 9), (0.1, 7), (1 / 60, 1)])
def test_a_video_runs_the_ticks_it_was_asked_for(gl, tmp_path, tick, ticks):
    pytest.importorskip("av")
    world = swarm.World(size=(40, 30), tick=tick, backend="reference", seed=1)
    film(world, tmp_path / "a.mp4", ticks, (64, 48), looks=())
    assert world.tick == ticks


def test_when_the_last_of_a_kind_has_died_the_picture_goes_on(gl):
    world = senses.world("kin")
    draw = picture.Drawer(world, (64, 48), select="oldest")
    try:
        first = draw.view.microscope.id
        for count in (1, 100):  # first the selected one, then everybody
            world.kill(world.tables["agent"].ids()[:count])
            world.step()
            draw()
        scope = draw.view.microscope
        assert world.tables["agent"].n == 0
        assert scope.id != first
        assert not scope.alive
    finally:
        draw.release()
