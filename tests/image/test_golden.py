"""Whole pictures against stored ones, on software GL: density map, lines, the selected agent with its senses.

Tolerance: mean difference at most 1 of 255, and one pixel in 200 may differ by more than 16: drivers round differently.
A change that is meant: SWARM_GOLDEN=write pytest tests/image/test_golden.py, then look at the files.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import swarm
from swarm.look import Look
from swarm.render import picture
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from tests.image import senses
from tests.image.standin import Body, Energy, Standin
from tests.image.test_picture import decode

GOLDEN = Path(__file__).parent / "golden"
SIZE = (360, 240)


def swarming() -> tuple[object, tuple[Look, ...]]:
    """Fifty thousand in clusters, each of its energy."""
    rng = np.random.default_rng(4)
    middle, spread = rng.uniform(0, 1, (12, 2)) * (300, 200), rng.uniform(4, 30, 12)
    which = rng.integers(0, 12, 50_000)
    pos = (middle[which] + rng.normal(0, 1, (50_000, 2)) * spread[which][:, None]) % (300, 200)
    world = Standin((300.0, 200.0), mote={Body.pos: pos, Energy.level: which / 11})
    return world, (Look("mote", Body.pos, colour=Energy.level, limits=(0.0, 1.0), size=0.4),)


def lines() -> tuple[object, tuple[Look, ...]]:
    """Eight founders whose children stay close by."""
    world = swarm.World(size=(60, 40), tick=0.1, backend="reference", seed=3)
    rng = np.random.default_rng(6)
    world.spawn(8, senses.Body(pos=world.scatter), name="animal")

    def bear(world, dt):
        for them in world.query(senses.Body):
            pos = them[senses.Body].pos + rng.normal(0, 1.5, (len(them), 2))
            angle = rng.uniform(0, 2 * np.pi, len(them))
            vel = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            new = senses.Body(pos=(pos % (60, 40)).astype(np.float32), vel=vel.astype(np.float32))
            them.birth(np.arange(len(them)), new)

    world.schedule = (bear,)
    return world, (Look("animal", senses.Body.pos, senses.Body.vel, size=1.5, glow=0.2),)


def density(renderer, world):
    renderer.upload(world)
    renderer.camera.cover()


def lineage(renderer, world):
    renderer.take(world)
    for _ in range(5):
        world.step()
        renderer.take(world)
    renderer.colour_by("lineage")
    renderer.upload(world)


def focus(renderer, world):
    renderer.selected = int(world.tables["agent"].ids()[0])
    for _ in range(4):
        world.step()
        renderer.take(world, world.inspect(renderer.selected))
    renderer.show(0.5)
    renderer.camera.cover()
    renderer.camera.x, renderer.camera.y = renderer.place(renderer.selected)


def one() -> tuple[object, tuple[Look, ...]]:
    """An agent among obstacles, with a sense of every kind."""
    return senses.world(), senses.LOOKS


CASES = {"density": (swarming, density), "lineage": (lines, lineage), "focus": (one, focus)}


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("name", CASES)
def test_the_picture_is_the_stored_one(gl, name, theme, tmp_path):
    make, prepare = CASES[name]
    world, looks = make()
    renderer, target = Renderer(gl, world, SIZE, looks=looks, theme=theme, ui=0.7), Target(gl, SIZE)
    try:
        prepare(renderer, world)
        renderer.figures.rate = float("nan")  # the clock is no part of the picture
        renderer.draw(target.framebuffer)
        image = target.read()
        if name == "density":
            assert renderer.lod == "density"
    finally:
        renderer.release()
        target.release()
    stored = GOLDEN / f"{name}-{theme}.png"
    if os.environ.get("SWARM_GOLDEN") == "write":
        picture.save(stored, image)
    picture.save(tmp_path / stored.name, image)  # to look at, where it differs
    away = np.abs(decode(stored).astype(int) - image).max(axis=2)
    assert away.mean() <= 1.0
    assert (away > 16).mean() <= 1 / 200


def test_the_theme_changes_while_it_runs(gl):
    """A renderer that was dark and became light draws what a light one does, byte for byte; and back again."""
    world, looks = senses.world(), senses.LOOKS
    made = [Renderer(gl, world, SIZE, looks=looks, theme=theme, ui=0.7) for theme in ("dark", "light")]
    target, shots = Target(gl, SIZE), {}
    world.step()
    for name, renderer in zip(("dark", "light"), made, strict=True):
        renderer.figures.rate = float("nan")
        renderer.selected = int(world.tables["agent"].ids()[0])
        renderer.take(world, world.inspect(renderer.selected))
        renderer.show()
        renderer.draw(target.framebuffer)
        shots[name] = target.read()
    dark = made[0]
    for theme in ("light", "dark"):
        dark.retheme(theme)
        dark.take(world, world.inspect(dark.selected))
        dark.show()
        dark.draw(target.framebuffer)
        assert np.array_equal(target.read(), shots[theme])
    for thing in (*made, target):
        thing.release()
