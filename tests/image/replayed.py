"""A small world whose every recorded number is known: walkers that go straight across the edges, with brains, births
and deaths, among a few plants. And a real browser to look at its replay."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import swarm
from swarm import Component, Look, Own, Sectors, bool_, f32
from swarm.marks import Box, Heat, Text
from tests.image.conftest import need

SIZE = (64.0, 40.0)


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    level = f32(default=1.0, unit="J")


class Plant(Component):
    pos = f32(2, unit="m")
    ripe = bool_(default=True)


Mind = swarm.mind(
    food=Sectors(4, radius=12, of=Plant.pos),
    energy=Own(Energy.level),
    speed=Own(Body.vel, scale=0.1),
    actions=("push_x", "push_y"),
    memory=2,
)
LOOKS = (
    Look("plant", Plant.pos, palette="moss", strength=Plant.ripe, size=1.0, shape="disc"),
    Look("walker", Body.pos, Body.vel, Energy.level, limits=(0.0, 1.0), size=2.4, label="walkers"),
)


def marks(world: Any) -> tuple[Any, ...]:
    field = np.zeros((20, 32), np.uint8)
    field[:10] = min(255, 10 * world.tick)
    box = Box((world.tick % 60, 5.0), (6.0, 4.0), "accent", 0.5, radius=1.0, over=True)
    return Heat(field, (0, 255), palette="tide", alpha=0.3), box, Text((32.0, 36.0), "<b>north</b>", 2.0)


scene = SimpleNamespace(
    marks=marks, statistics=lambda world: {"age": float(world.tick)}, WATCH="them & how they <i>turn</i>."
)


def world(agents: int = 12, births: bool = True, **options: Any) -> Any:
    """Walkers on a grid of their own, so that nobody is near another at the start."""
    made = swarm.World(size=SIZE, tick=1 / 20, backend="reference", seed=4)
    columns = int(np.ceil(np.sqrt(agents * 1.6)))
    at = np.stack([np.arange(agents) % columns + 0.5, np.arange(agents) // columns + 0.5], axis=1)
    pos = np.float32(at * [64 / columns, 40 / np.ceil(agents / columns)])
    turn = np.linspace(0, 2 * np.pi, agents, endpoint=False)
    vel = np.float32(4 * np.stack([np.cos(turn), np.sin(turn)], axis=1))
    made.spawn(20, Plant(pos=made.scatter, ripe=lambda n: np.arange(n) % 3 > 0), name="plant")
    level = np.float32(np.linspace(0.05, 1, agents))
    brains = swarm.MLP((Mind.inputs, 6, Mind.outputs), output="tanh")
    made.spawn(agents, Body(pos=pos, vel=vel), Energy(level=level), Mind(), name="walker", brains=brains, **options)

    def live(world: Any, dt: float) -> None:
        for walkers in world.query(Body, Energy):
            walkers[Energy].level += 0.3 * dt * (walkers[Body].pos[:, 0] < 32) - 0.2 * dt
            walkers.kill(walkers[Energy].level <= 0)

    made.schedule = (
        swarm.index(Plant.pos), swarm.sense(Mind), swarm.think(Mind), swarm.move(Body.pos, Body.vel), live,
        *((swarm.split(Energy.level, above=1.2, pos=Body.pos, spread=0.5),) if births else ()),
    )  # fmt: skip
    return made


@contextmanager
def browser() -> Iterator[Any]:
    """A real Chromium, driven by playwright. Without either the test is skipped; in CI it fails."""
    need(importlib.util.find_spec("playwright"), "playwright is not installed: pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    need(path, "no Chromium is installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


class Page:
    """A replay in the browser: what it complains of, what it asks the network for, and hands for it."""

    def __init__(self, browser: Any, path: Path, hash: str = "#paused", **options: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"{path.resolve().as_uri()}{hash}")
        self.page.wait_for_selector("body.ready", state="attached", timeout=60_000)

    def ask(self, expression: str, *values: Any) -> Any:
        """Evaluate JavaScript; `values` are v[0], v[1], ... in it."""
        return self.page.evaluate(f"async (v) => {{ {_NAMES} return {expression}; }}", list(values))

    def until(self, expression: str, seconds: float = 20.0) -> None:
        """Wait until JavaScript is true."""
        end = time.monotonic() + seconds
        while not self.ask(expression):
            assert time.monotonic() < end, f"never happened: {expression}"
            self.page.wait_for_timeout(30)

    def pixels(self) -> np.ndarray:
        """The page as it appears, uint8 [height, width, 3]."""
        from io import BytesIO

        from PIL import Image

        self.page.wait_for_timeout(150)
        return np.asarray(Image.open(BytesIO(self.page.screenshot())).convert("RGB"))


_NAMES = "const { header, player, motion, minds, microscope, camera, placeOf } = window.replay;"
