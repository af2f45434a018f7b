"""`swarm bench draw`: what a picture costs, by numbers of agents. Off the screen, 1280 x 720, with the overlay.

frame ms    a frame between two ticks: nothing is sent but where between them it stands; to the end of the picture
tick ms     a frame that shows a new tick: columns copied, sent and drawn
take ms     of that, copying the columns: the only part that reads the world and grows with it on the processor
python ms   the frame between two ticks on a context whose calls do nothing: what is left is our Python
bytes       sent per agent and tick, counted where they are sent
pick ms     who is under a random pixel; every answer is checked against the distance to everybody

The world is plain: agents that drift at up to a metre a tick, coloured by energy, all in one table. A picture that
is empty, or shows less than all agents' number says, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.backend import device
from swarm.ecs.component import Component, f32
from swarm.look import Look
from swarm.stages.move import move
from swarm.world import World

from . import harness
from .report import Report
from .request import Request

SIZE = (1280, 720)
SPACE = 25.0  # m2 per agent
PICKS = 200

COLUMNS = {
    "agents": ("agents", ",d"),
    "lod": ("drawn as", ""),
    "median_ms": ("frame ms", ".1f"),
    "rate": ("frames/s", ".1f"),
    "best_ms": ("best ms", ".1f"),
    "tick_ms": ("tick ms", ".1f"),
    "take_ms": ("take ms", ".1f"),
    "python_ms": ("python ms", ".3f"),
    "bytes": ("bytes", ".1f"),
    "pick_ms": ("pick ms", ".2f"),
}


class Body(Component):
    """Where an agent is and how it drifts."""

    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Energy(Component):
    """What it is coloured by."""

    level = f32(unit="J")


def command(request: Request, drawer: Callable[..., Any]) -> None:
    """Measure, print, save. drawer: `swarm.render.Drawer`."""
    backend = device.choose(request.backend, request.threads)
    report = Report("draw", COLUMNS, request.seed, device=backend.device)
    report.settings = {"backend": backend.name, "threads": backend.threads, "size": list(SIZE)}
    for count in request.sizes(10_000, 100_000, 1_000_000):
        world = drifting(count, request.seed, backend)
        draw = drawer(world, SIZE, looks=looks())
        try:
            report.settings["opengl"] = draw.context.info["GL_RENDERER"]
            report.rows.append(row(draw, world, request.repeats or 15))
        finally:
            draw.release()
    report.notes.append(f"Drawn by {report.settings['opengl']}.")
    report.finish(request.json)


def looks() -> tuple[Look, ...]:
    """Drops with light around them."""
    return (Look("agent", Body.pos, Body.vel, Energy.level, limits=(0.0, 1.0), size=2.0, glow=0.3),)


def drifting(count: int, seed: int, backend: Any) -> World:
    """`count` agents in a world as wide as a picture, two ticks old."""
    high = float(np.sqrt(count * SPACE * SIZE[1] / SIZE[0]))
    world = World(size=(high * SIZE[0] / SIZE[1], high), tick=1 / 60, backend=backend, seed=seed)
    rng = np.random.default_rng(seed)
    body = Body(pos=world.scatter, vel=rng.uniform(-60, 60, (count, 2)).astype(np.float32))
    world.spawn(count, body, Energy(level=rng.random(count, np.float32)), name="agent")
    world.schedule = (move(Body.pos, Body.vel),)
    for _ in range(2):
        world.step()
    return world


def row(draw: Any, world: World, repeats: int) -> dict[str, Any]:
    """One size. Raises `harness.Invalid`."""
    renderer, target, finish = draw.renderer, draw.target.framebuffer, draw.context.finish

    def frame() -> None:
        renderer.show(0.5)
        renderer.draw(target)
        finish()

    def tick() -> None:
        renderer.take(world)
        frame()

    renderer.take(world)
    world.step()  # from now on there is a tick before this one
    tick()
    validate(draw, world)
    before = renderer.sent
    tick()
    sent = renderer.sent - before
    frame()
    if renderer.sent != before + sent:
        raise harness.Invalid("draw: a frame between two ticks sent columns again. Nothing is reported.")
    python = still(draw, world)
    times = harness.interleave(
        {"frame": frame, "python": python}, repeats
    )  # apart: a take makes the next frame a tick's
    times |= harness.interleave({"tick": tick, "take": lambda: renderer.take(world)}, repeats)
    timing = times["frame"]
    return {
        "agents": len(world.tables["agent"]),
        "lod": renderer.lod,
        **timing.row(),
        "rate": 1 / timing.median,
        "tick_ms": times["tick"].median * 1e3,
        "take_ms": times["take"].median * 1e3,
        "python_ms": times["python"].median * 1e3,
        "bytes": sent / len(world.tables["agent"]),
        **picking(renderer, world),
    }


def validate(draw: Any, world: World) -> None:
    """The picture is no empty one. Raises `harness.Invalid`."""
    with_agents = draw.read().astype(np.int64)
    columns = [sprites.columns for sprites in draw.renderer.sprites]
    held = [c.n for c in columns]
    for c in columns:
        c.n = 0
    draw.renderer.draw(draw.target.framebuffer)
    without = draw.read()
    for c, n in zip(columns, held, strict=True):
        c.n = n
    changed = float((np.abs(with_agents - without).max(axis=2) > 8).mean())
    if sum(held) != len(world.tables["agent"]) or changed < 0.05:
        raise harness.Invalid(
            f"draw: {sum(held):,} agents were taken of {len(world.tables['agent']):,} and changed {changed:.1%} of the "
            "pixels. Nothing is reported."
        )


def picking(renderer: Any, world: World) -> dict[str, float]:
    """Median and longest time of a pick, ms. Raises `harness.Invalid` for one that is not the nearest."""
    rng, sides = np.random.default_rng(1), np.asarray(world.size)
    table = world.tables["agent"]
    pos, ids = world.backend.host(table.column(Body.pos)).astype(np.float64), world.backend.host(table.ids())
    seconds, reach = [], 14.0 * renderer.ui  # px
    renderer.show(None)
    for k in range(PICKS):
        x, y = rng.uniform(0, 1, 2) * SIZE
        found: list[int] = []
        seconds.append(harness.wall(lambda x=x, y=y, found=found: found.append(renderer.pick(x, y))))
        if k % 10:
            continue
        gap = pos - renderer.camera.to_world(x, y)
        gap -= sides * np.rint(gap / sides)
        far = np.hypot(gap[:, 0], gap[:, 1]) * renderer.camera.scale
        best = float(far.min())
        if best <= reach - 1e-3 and (not found[0] or far[ids == np.uint64(found[0])][0] > best + 1e-3):
            raise harness.Invalid(f"draw: picked {found[0]} at {x:.0f}, {y:.0f}, not the nearest. Nothing is reported.")
    return {"pick_ms": float(np.median(seconds)) * 1e3, "pick_max_ms": float(np.max(seconds)) * 1e3}


class Room(tuple[int, ...]):
    """A size that is always the right one and large enough."""

    def __ne__(self, other: object) -> bool:
        return False

    def __lt__(self, other: Any) -> bool:
        return False


class Still:
    """A context, and all that it makes, whose calls do nothing."""

    size = Room((1, 1))

    def __init__(self, context: Any = None) -> None:
        self.info = {"GL_RENDERER": "none"} if context is None else context.info

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *given: Any, **named: Any) -> Still:
        return self

    def __contains__(self, name: object) -> bool:
        return True

    def __setitem__(self, name: object, value: object) -> None:
        pass


def still(draw: Any, world: World) -> Callable[[], object]:
    """The frame between two ticks without OpenGL."""
    real = draw.renderer
    renderer = type(real)(Still(), world, SIZE, looks=looks(), figures=real.figures)
    renderer.camera, renderer.hud = real.camera, real.hud
    renderer.take(world)
    target = Still()

    def job() -> None:
        renderer.show(0.5)
        renderer.draw(target)

    return job
