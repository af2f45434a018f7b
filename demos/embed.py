"""The engine inside a plain pygame loop: the game owns window, clock and drawing; the world only advances.
Watch for: they come to the food you drop by a click. `--frames N` ends it; SDL_VIDEODRIVER=dummy needs no screen."""

import sys

import numpy as np
import pygame

import swarm
from swarm import Component, Own, Sectors, f32

SIZE, SCALE = (160, 90), 8    # m, px per m


class Body(Component):
    pos, vel, fed = f32(2, unit="m"), f32(2, unit="m/s"), f32(default=2, unit="J")


class Food(Component):
    pos = f32(2, unit="m")


Mind = swarm.mind(food=Sectors(8, radius=15, of=Food.pos), kin=Sectors(8, radius=6, of=Body.pos), speed=Own(Body.vel),
                  actions=("push_x", "push_y"), memory=2)


def live(world, dt):
    for agents in world.query(Body, Mind):
        agents[Body].vel += (40 * agents[Mind].actions - 2 * agents[Body].vel) * dt
        agents[Body].fed -= 0.2 * dt
        agents.kill(agents[Body].fed <= 0)


world = swarm.World(size=SIZE, tick=1 / 60, seed=1)
world.spawn(1000, Food(pos=world.scatter), name="food")
world.spawn(300, Body(pos=world.scatter), Mind(), name="agent", mutation=swarm.Mutation(sigma=0.05),
            brains=swarm.MLP((Mind.inputs, 16, Mind.outputs), output="tanh"))
world.schedule = (swarm.index(Body.pos), swarm.index(Food.pos), swarm.sense(Mind), swarm.think(Mind), live,
                  swarm.move(Body.pos, Body.vel, limit=15), swarm.graze(Body.pos, Food.pos, into=Body.fed),
                  swarm.split(Body.fed, above=4, pos=Body.pos))
left = int(sys.argv[sys.argv.index("--frames") + 1]) if "--frames" in sys.argv else -1
pygame.display.set_caption("swarm in a game's loop: they come to the food you drop by a click")
screen, clock = pygame.display.set_mode((SIZE[0] * SCALE, SIZE[1] * SCALE)), pygame.time.Clock()
while left != 0 and not pygame.event.peek(pygame.QUIT):
    for event in pygame.event.get(pygame.MOUSEBUTTONDOWN):
        world.spawn(1, Food(pos=[[event.pos[0] / SCALE, event.pos[1] / SCALE]]), name="food")
    if world.counts()["food"] < 1000:
        world.spawn(3, Food(pos=world.scatter), name="food")
    alpha = world.advance(clock.tick(60) / 1000)        # whole fixed ticks, and how far we are into the next
    screen.fill("#12151b")
    for x, y in (SCALE * world.view(Food.pos)[1]).tolist():
        pygame.draw.circle(screen, "#3f8f6c", (x, y), 3)
    _, pos, vel, fed = world.view(Body.pos, Body.vel, Body.fed, alpha=alpha)
    ahead = np.arctan2(vel[:, 1], vel[:, 0])[:, None] + (0.0, 2.6, -2.6)
    corners = SCALE * pos[:, None] + (5 + 2 * fed)[:, None, None] * np.stack([np.cos(ahead), np.sin(ahead)], axis=2)
    for triangle in corners.tolist():
        pygame.draw.polygon(screen, "#f3b267", triangle)
    pygame.display.flip()
    left -= 1
print(f"tick {world.tick}: {world.counts()}")
