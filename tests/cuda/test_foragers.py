"""The foragers scene on CUDA: against the CPU tick by tick, captured or not, permuted, saved, and by its commands."""

from __future__ import annotations

import re

import numpy as np
import pytest

import swarm
from swarm.backend.device import choose
from swarm.errors import NonFiniteError
from swarm.scenes import SceneError, check, foragers, scene
from swarm.scenes.foragers import BURNT, EATEN, GROWN, LOST, Body, Energy, Line, Mind, Plant
from tests.cuda.twins import columns, host, same
from tests.repeat.test_hashes import EXPECTED
from tests.repeat.worlds import SETTINGS, TICKS

pytestmark = pytest.mark.usefixtures("cuda_device")

# A lively world: meals enough to split, short lives, plants that ripen again within the test.
SMALL = {"agents": 60, "seed": 3, "threads": 1, "meal": 1.0, "regrow": 5, "lifespan": 40, "start": 0.9}


def cuda(**values) -> swarm.World:
    return scene("foragers", **SMALL | {"backend": "cuda"} | values)


def cpu(**values) -> swarm.World:
    return scene("foragers", **SMALL | {"backend": "cpu"} | values)


def run(world: swarm.World, ticks: int) -> swarm.World:
    for _ in range(ticks):
        world.step()
    return world


@pytest.mark.parametrize("values", [{}, {"cap": 64}, {"lifespan": "none"}, {"dtype": "bfloat16"}])
def test_every_tick_is_the_cpus_bit_by_bit(values):
    """Columns, ids, brains' actions and books after 30 ticks of births and deaths; the hash as well."""
    one, two = cpu(**values), cuda(**values)
    for t in range(30):
        one.step()
        two.step()
        same(one, two, f"tick {t}")
    table = two.tables["forager"]
    assert table.born_total > 10
    assert (table.born_total, table.died_total, table.refused_total) == tuple(
        getattr(one.tables["forager"], name) for name in ("born_total", "died_total", "refused_total")
    )
    assert (table.refused_total > 0) == ("cap" in values)
    assert one.hash() == two.hash()
    books = host(two, two.resources["books"])
    assert (books[[GROWN, EATEN, BURNT]] > 0).all()
    assert (books[LOST] != 0) == (table.died_total > 0)
    check(two)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_hashes_in_the_repository(name):
    """The worlds whose hashes every processor gives."""
    assert run(scene("foragers", **SETTINGS[name], backend="cuda"), TICKS).hash() == EXPECTED[name]


def test_one_read_a_tick(cuda_device):
    world = run(cuda(), 5)
    for _ in range(10):
        before = cuda_device.reads
        world.step()
        assert cuda_device.reads == before + 1


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_captured_or_not_is_the_same(order, cuda_device):
    """Descending, threads and blocks go the other way round on the host, and so does what is recorded beside."""
    one, two = cuda(), cuda()
    two.capture = False
    for t in range(25):
        cuda_device.order = order
        one.step()
        cuda_device.order = "ascending"
        two.step()
        same(one, two, f"tick {t}")
    assert one.hash() == two.hash()
    graphs = [[part.graph for part in world._runner._parts] for world in (one, two)]
    assert len(graphs[0]) == 1  # the whole tick is one run
    assert graphs[0][0] is not None
    assert graphs[1] == [None]


def test_draws_beside_captured_ones_are_the_cpus():
    """A system draws from the stream of `die` before it in some ticks, and after it in all."""
    seen: dict[str, list] = {"cpu": [], "cuda": []}

    def now_and_then(world, dt):
        if world.tick % 3 == 0:
            for agents in world.query(Energy, Line):
                agents.uniform(stream="lifespan")

    def after(world, dt):
        for agents in world.query(Energy, Line):
            drawn = host(world, agents.uniform(stream="lifespan"))
            seen[world.backend.name].append(drawn[np.argsort(host(world, agents.table.slots))].tolist())

    made = cpu(), cuda()
    for world in made:
        world.schedule = (*world.schedule[:-1], now_and_then, world.schedule[-1], after)
    for t in range(10):
        for world in made:
            world.step()
        same(*made, f"tick {t}")
    assert seen["cpu"] == seen["cuda"]


def test_permuted_rows_change_nothing():
    one, two = cuda(), cuda()
    for t in range(20):
        if t % 5 == 0:
            for table in two.tables.values():
                table.permute(np.random.default_rng(t).permutation(table.n))
        one.step()
        two.step()
    assert one.hash() == two.hash()


def test_saved_on_cuda_goes_on_on_the_cpu_and_back(tmp_path):
    path = tmp_path / "world.swarm"
    straight = run(cuda(), 24)
    world = run(cuda(), 8)
    world.save(path)
    world = run(swarm.World.load(path, backend="cpu"), 8)
    world.save(path)
    world = run(swarm.World.load(path, backend="cuda"), 8)
    assert world.backend.name == "cuda"
    assert world.hash() == straight.hash()
    check(world)


def test_check_sees_one_quantum():
    world = run(cuda(), 1)
    world.tables["forager"].column(Energy.level)[5:6] += np.float32(2.0**-12)
    with pytest.raises(SceneError, match="by the books"):
        check(world)


def test_a_level_that_is_no_number_is_named():
    world = run(cuda(), 2)
    world.schedule = (lambda world, dt: None, world.schedule[world.schedule.names.index("live")])
    world.tables["forager"].column(Energy.level)[7:8] = np.float32(np.nan)
    entity = int(host(world, world.tables["forager"].ids())[7])
    text = f"live: entity {entity} of table 'forager' has Energy.level = nan at tick 2"
    with pytest.raises(NonFiniteError, match=text):
        world.step()


def test_a_forager_with_exactly_nothing_left_starves():
    """Energy is in whole quanta, so that a level of exactly 0 J is no rarity; lifespan "none": nobody else dies."""
    made = [make(lifespan="none") for make in (cpu, cuda)]
    for world in made:
        world.schedule = world.schedule[world.schedule.names.index("die") :]
        world.tables["forager"].column(Energy.level)[5:6] = np.float32(0)
        world.step()
    same(*made)
    assert made[1].tables["forager"].died_total == 1


def test_statistics_look_and_a_steady_world():
    world = run(cuda(**foragers.steady(60)), 12)
    found, want = foragers.statistics(world), foragers.statistics(run(cpu(**foragers.steady(60)), 12))
    assert found == want
    assert world.tables["forager"].n <= 60
    for look in foragers.look(world):
        assert world.view(*look.columns)[1].shape == (world.counts()[look.table], 2)


def test_a_garden_is_the_same_garden():
    settings = {backend: foragers.Settings(threads=1, backend=backend) for backend in ("cpu", "cuda")}
    made = []
    for backend, chosen in settings.items():
        brains = scene("foragers", **SMALL | {"backend": backend}).tables["forager"].brains
        made.append(run(foragers.garden(chosen, brains.clone(np.arange(40)), 9), 20))
    same(*made)
    assert np.array_equal(*(foragers.intake(world) for world in made))
    assert foragers.intake(made[1]).max() > 0


def test_an_assay_finds_the_same():
    from swarm.evolve.assay import assay

    shorter = {"ticks": 15, "sample": 20, "gardens": 1, "garden_ticks": 8}
    one, two = (
        assay("foragers", {"agents": 40, "seed": 1, "threads": 1, "rich": 0.55, "backend": backend}, **shorter)
        for backend in ("cpu", "cuda")
    )
    assert one == two
    assert one.births > 0


def test_a_backend_that_is_given_is_the_one_that_runs():
    backend = choose("cuda", 1)
    assert scene("foragers", agents=20, backend=backend).backend.device is backend.device
    assert scene("foragers", agents=20, backend=backend).scene["settings"]["backend"] == "cuda"


# --- the same rules as a user would write them -----------------------------------------------------------------------


def plain(world: swarm.World, settings: foragers.Settings) -> tuple:
    """The scene's schedule with its own systems as plain array expressions, between captured runs of stages."""
    s, quantum, xp = settings, foragers.QUANTUM, world.backend.xp
    sides = np.asarray(world.size, np.float32)
    sides, below = xp.asarray(sides), xp.asarray(np.nextafter(sides, np.float32(0)))

    def ripen(world, dt):
        for plants in world.query(Plant):
            wait = plants[Plant.wait] + ~plants[Plant.ripe]
            due = wait > s.regrow
            place = xp.minimum(plants.uniform(2, stream="place") * sides, below)
            plants[Plant.pos] = xp.where(due[:, None], place, plants[Plant.pos])
            plants[Plant.energy] = xp.where(due, np.float32(s.meal), plants[Plant.energy])
            plants[Plant.ripe] |= due
            plants[Plant.wait] = xp.where(due, 0, wait)

    def steer(world, dt):
        for agents in world.query(Body, Mind):
            agents[Body].vel *= np.float32(1 - s.drag * dt)
            agents[Body].vel += agents[Mind].actions * np.float32(s.push * dt)

    def live(world, dt):
        for agents in world.query(Body, Energy):
            vel, level = agents[Body].vel, agents[Energy].level
            paid = (vel * vel).sum(axis=1) * np.float32(s.moving * dt / quantum) + np.float32(s.living * dt / quantum)
            paid = xp.rint(paid) * np.float32(quantum)
            agents[Energy].level -= xp.maximum(paid, level - np.float32(2 * s.rich))

    def die(world, dt):
        for agents in world.query(Energy, Line):
            agents[Line].generation += (agents.table.born == world.tick - 1) & (world.tick > 0)
            chance = agents.uniform(stream="lifespan") < np.float32(1 / s.lifespan)
            agents.kill((agents[Energy].level <= 0) | chance)

    own = {"ripen": ripen, "steer": steer, "live": live, "die": die}
    return tuple(own.get(getattr(step, "__name__", ""), getattr(step, "eat", step)) for step in world.schedule)


def test_systems_written_as_array_expressions():
    """Python systems between captured runs: the same world, but for the places of plants, which have another stream."""
    settings = foragers.Settings(**SMALL | {"regrow": 1000})
    one, two = cuda(regrow=1000), cuda(regrow=1000)
    two.schedule = plain(two, settings)
    for t in range(12):
        one.step()
        two.step()
        same(one, two, f"tick {t}", besides="resources/")
    assert two.tables["forager"].born_total > 0


def test_plants_ripen_by_array_expressions():
    settings = foragers.Settings(**SMALL)
    one, two = cpu(), cuda()
    for world in (one, two):
        world.schedule = plain(world, settings)
        run(world, 15)
    same(one, two, besides="resources/")
    assert (columns(two)["plant/Plant.wait"] > 0).any()


# --- commands --------------------------------------------------------------------------------------------------------


def test_swarm_check(capsys):
    from swarm.scenes import repeat

    assert repeat.check("foragers", ticks=6, **SMALL | {"backend": "cuda"}) == 0
    out = capsys.readouterr().out
    assert "graphs" in out
    assert "threads" not in out


def told(words: list[str], capsys) -> str:
    """What a command line says; it ends well."""
    from swarm import cli

    assert cli.call([*words, "--backend", "cuda"]) == 0
    return capsys.readouterr().out


def test_swarm_run_and_resume(tmp_path, capsys):
    path, small = tmp_path / "w.swarm", ["run", "foragers", "--agents", "40", "--seed", "3"]
    straight = told([*small, "--ticks", "10"], capsys)
    told([*small, "--ticks", "6", "--save", str(path)], capsys)
    resumed = told(["run", "--resume", str(path), "--ticks", "10"], capsys)
    digests = [re.search(r"hash (\w{16})", out) for out in (straight, resumed)]
    assert all(digests)
    assert digests[0][1] == digests[1][1]


def test_swarm_demo_headless(capsys):
    assert "tick 4" in told(["demo", "foragers", "--agents", "40", "--ticks", "4", "--headless"], capsys)
