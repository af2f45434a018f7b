"""What holds in every world whatever its systems do: ids are used once, rows are dense, nobody is lost or made up."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from swarm import MLP, Component, World, f32, i64


class Body(Component):
    pos = f32(2, unit="m")
    name = i64()


class Seed(Component):
    name = i64()


def test_a_population_over_three_hundred_ticks(backend):
    """A hundred ticks on the tests' device, which is slow."""
    world = World(size=(8, 8), backend=backend, seed=4)
    world.spawn(200, Body(pos=world.scatter, name=np.arange(200)), name="body", brains=MLP((2, 2)), cap=400)
    world.spawn(100, Seed(name=np.arange(100)), name="seed")
    random = np.random.default_rng(1)
    seen: dict[int, tuple[str, int]] = {}
    spawned = {"body": 200, "seed": 100}

    def live(world, dt):
        swing = 0.1 + 0.09 * np.sin(world.tick / 20)
        for agents in world.query():
            n = len(agents)
            agents.kill(random.random(n) < 0.1)
            agents.birth(random.random(n) < swing)
            agents.birth(random.integers(0, n, 2))
        if world.tick % 7 == 0:
            count = int(random.integers(0, 4))
            world.spawn(count, Seed(name=-1), name="seed")
            spawned["seed"] += count

    world.schedule = (live,)
    host = world.backend.host
    device = world.backend.device
    ticks = 300 if device is None or device.gpu else 100
    for tick in range(ticks):
        world.step()
        assert world.tick == tick + 1
        living = 0
        for table in world.tables.values():
            n, ids = table.n, host(table.ids())
            living += n
            assert len(np.unique(ids)) == n
            assert n == spawned[table.name] + table.born_total - table.died_total
            assert (host(world.ids.row[table.slots]) == np.arange(n)).all()
            assert (host(world.ids.table[table.slots]) == table.index).all()
            assert (world.ids.generation[table.slots] == table.generations).all()
            fresh = host(table.born) == tick
            names = host(table.column(table.components[0].name))
            for id, name in zip(ids[fresh].tolist(), names[fresh].tolist()):
                assert id not in seen  # an id is never given out again
                seen[id] = (table.name, name)
        assert living == int((world.ids.table[: world.ids.used] >= 0).sum())
        assert living + world.ids.spare == len(world.ids) - 1
        body = world.tables["body"]
        assert body.n <= 400
        assert len(body.brains) == body.n
    assert world.tables["body"].refused_total > 0
    assert len(seen) > 10 * ticks
    children = world.tables["body"]
    named = children.column(Body.name)
    for id, parent, name in zip(children.ids().tolist(), children.parents.tolist(), named.tolist()):
        assert seen.get(parent, ("body", name)) == ("body", name)  # a line keeps its name
        assert parent != id


def test_the_reference_never_loads_numba():
    code = (
        "import sys, swarm, numpy as np\n"
        "class B(swarm.Component): pos = swarm.f32(2, unit='m')\n"
        "w = swarm.World(size=(8, 8), backend='reference')\n"
        "w.spawn(50, B(pos=w.scatter), brains=swarm.MLP((2, 2)), mutation=swarm.Mutation(0.1), cap=60)\n"
        "def live(world, dt):\n"
        "    for a in world.query(B):\n"
        "        a[B].pos += a.normal(2); a.birth(a.uniform() < 0.5); a.kill(a.uniform() < 0.3)\n"
        "w.schedule = (live,)\n"
        "for _ in range(5): w.step()\n"
        "w.hash(); w.view(B.pos, alpha=0.5); w.order(w.tables.values())\n"
        "print('numba' in sys.modules, 'cupy' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
