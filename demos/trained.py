"""Training shows: two crowds on the same errands, one with trained brains from a file and one with new ones.

Watch for: the orange stream to and fro through the gates, the blue get nowhere. `trained.py F.png` makes a picture.
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import swarm
from swarm import Component, Look, Own, Sectors, f32, i32
from swarm.render import follow, screenshot, watch


class Body(Component):
    pos, vel, goal, done = f32(2, unit="m"), f32(2, unit="m/s"), i32(), i32()   # goal: 0 west, 1 east; errands done

class Wall(Component):
    pos = f32(2, unit="m")


tiles = np.zeros((36, 64), np.uint8)
tiles[:, [18, 19, 44, 45]] = 1                              # two walls,
tiles[8:14, 18:20] = tiles[22:28, 44:46] = 0                # each with a gate
ground = swarm.Tiles("ground", cells=(64, 36), edge="closed")
ways = swarm.Flow(ground, {"west": [(2, y) for y in range(36)], "east": [(61, y) for y in range(36)]}, scale=20)
Mind = swarm.mind(way=ways.to(Body.goal), others=Sectors(8, radius=2.5, of=Body.pos), actions=("push_x", "push_y"),
                  walls=Sectors(8, radius=2, of=Wall.pos), speed=Own(Body.vel, scale=1 / 3))

def errands(world, dt):
    for people in world.query(Body, Mind):
        there = people[Mind].senses[:, 2] > 0.9             # how near the goal is: 1 there, 1/2 20 m away
        people[Body].done += there
        people[Body].goal ^= there

def rate(world):
    done = {name: float(world.tables[name].column(Body.done).mean()) for name in ("trained", "untrained")}
    return {f"errands a minute, {name}": 60 * n / max(world.tick * world.dt, 1) for name, n in done.items()}


world = swarm.World(size=(64, 36), tick=1 / 30, seed=2)
ground.set(world, tiles)
world.spawn(int(tiles.sum()), Wall(pos=np.argwhere(tiles)[:, ::-1] + 0.5), name="wall")
taught = swarm.Brains.load(Path(__file__).resolve().parents[1] / "assets" / "brains" / "town.safetensors")
for name, brains in (("untrained", swarm.Brains(taught.mlp, len(taught), seed=0)), ("trained", taught)):
    where = np.random.default_rng(1).uniform((21, 1), (43, 35), (250, 2))
    world.spawn(250, Body(pos=where, goal=np.arange(250) % 2), Mind, name=name, brains=brains, brain=np.arange(250) % 8)
world.schedule = (
    swarm.index(Body.pos), swarm.index(Wall.pos), swarm.sense(Mind), swarm.think(Mind), errands,
    swarm.steer(Body.vel, Mind.actions, push=12, drag=4), swarm.move(Body.pos, Body.vel, edge="wall"),
    swarm.index(Body.pos), swarm.collide(Body.pos, 0.3, Body.vel, tiles=ground, edge="wall"))
looks = (Look("wall", Wall.pos, colour="#566072", size=2, shape="disc"),
         Look("untrained", Body.pos, Body.vel, "#62c1ff"), Look("trained", Body.pos, Body.vel, "#f3b267"))
shown = {"looks": looks, "scene": SimpleNamespace(statistics=rate)}
if len(sys.argv) == 1:
    watch(world, title="trained", hint="the orange stream to and fro through the gates, the blue get nowhere", **shown)
else:
    screenshot(world, sys.argv[1], title="trained", figures=follow(world, ticks=1_200, **shown), **shown)
