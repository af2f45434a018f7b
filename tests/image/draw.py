"""Drawing a few known agents and reading the pixels back."""

from __future__ import annotations

from typing import Any

import numpy as np

from swarm.look import Look
from swarm.render import palette
from swarm.render.renderer import Renderer
from swarm.render.target import Target
from swarm.render.theme import DARK
from tests.image.standin import Body, Energy, Standin

SIZE = (400, 300)
WORLD = (40.0, 30.0)  # 10 px per m
GROUND = np.array(palette.rgb(DARK.ground)) * 255


def agents(places: Any, headings: Any = None, levels: Any = None) -> Standin:
    """A world of foragers at known places (m)."""
    places = np.asarray(places, float).reshape(-1, 2)
    n = len(places)
    return Standin(
        WORLD,
        forager={
            Body.pos: places,
            Body.vel: np.zeros((n, 2)) if headings is None else headings,
            Energy.level: np.ones(n) if levels is None else levels,
        },
    )


def look(**options: Any) -> Look:
    """Discs of 2 m, coloured by energy from 0 to 1, without light around them."""
    values: dict[str, Any] = {"size": 2.0, "shape": "disc", "limits": (0.0, 1.0), **options}
    return Look("forager", Body.pos, Body.vel, Energy.level, **values)


def shot(gl: Any, world: Standin, look: Look, prepare: Any = None) -> np.ndarray:
    """The picture without overlay, float [300, 400, 3] in 0..255; `prepare(renderer)` may move the camera."""
    target = Target(gl, SIZE)
    renderer = Renderer(gl, world, SIZE, looks=(look,))
    renderer.hud = None
    if prepare is not None:
        prepare(renderer)
    try:
        renderer.upload(world)
        renderer.draw(target.framebuffer)
        return target.read().astype(float)
    finally:
        renderer.release()
        target.release()


def light(gl: Any, world: Standin, look: Look, prepare: Any = None) -> np.ndarray:
    """How much each pixel differs from the empty ground: float [300, 400]."""
    return np.abs(shot(gl, world, look, prepare) - shot(gl, agents([]), look, prepare)).sum(axis=2)


def centre(light: np.ndarray) -> tuple[float, float]:
    """The light's centre, px from the left and from the top."""
    y, x = np.indices(light.shape) + 0.5
    return float((x * light).sum() / light.sum()), float((y * light).sum() / light.sum())
