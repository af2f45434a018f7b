"""What colours mean, whose line is whose, and that kinds can be told apart by everybody."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm import Component, f32, i32
from swarm.look import Look
from swarm.render import colouring, palette
from swarm.render.lineage import Lineage
from tests.image import senses


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")


class Tag(Component):
    line = i32()
    depth = i32()


def breeding(seed=0, share=0.2, founders=30):
    """A world in which some bear and some die, and everybody carries line and depth as a column."""
    rng = np.random.default_rng(seed)

    def live(world, dt):
        for them in world.query(Body, Tag):
            n = len(them)
            them.birth(rng.integers(0, n, int(share * n)))
            them.kill(rng.uniform(size=n) < share)

    def count(world, dt):
        table = world.tables["animal"]
        table.column(Tag.depth)[(table.born == world.tick - 1) & (world.tick > 0)] += 1

    world = swarm.World(size=(50, 50), tick=0.1, backend="reference", seed=seed)
    world.spawn(founders, Body(pos=world.scatter), Tag(line=np.arange(founders, dtype=np.int32)), name="animal")
    world.schedule = (count, live)
    return world


@pytest.mark.parametrize("every", [1, 2])
def test_lines_are_those_that_the_columns_carry(every):
    world, lineage = breeding(), Lineage()
    lineage.update(world, ["animal"])
    for _ in range(40):
        for _ in range(every):
            world.step()
        lineage.update(world, ["animal"])
        table = world.tables["animal"]
        line, _ = lineage.of(world, "animal")
        carried = table.column(Tag.line)
        pairs = set(zip(line.tolist(), carried.tolist(), strict=True))
        assert len(pairs) == len(set(line.tolist()))  # nobody of one line carries two
        if every == 1:
            assert len(pairs) == len(set(carried.tolist()))


def test_depth_counts_the_births_between():
    world, lineage = breeding(1), Lineage()
    lineage.update(world, ["animal"])
    for _ in range(15):
        world.step()
        lineage.update(world, ["animal"])
    table = world.tables["animal"]
    _, depth = lineage.of(world, "animal")
    new = table.born == world.tick - 1  # counted with the next tick
    assert np.array_equal(depth, table.column(Tag.depth) + new)
    assert depth.max() > 3


def test_grandchildren_born_between_two_looks_are_of_the_line():
    world, lineage = breeding(2, share=0.5, founders=4), Lineage()
    world.schedule = (lambda world, dt: [them.birth(np.arange(len(them))) for them in world.query(Body)],)
    lineage.update(world, ["animal"])
    for _ in range(4):
        world.step()
    lineage.update(world, ["animal"])
    line, depth = lineage.of(world, "animal")
    assert np.array_equal(line, world.tables["animal"].column(Tag.line))
    assert np.bincount(depth).tolist() == [4, 16, 24, 16, 4]


def test_going_back_in_time_begins_no_lines_for_those_that_are_known(tmp_path):
    world, lineage = breeding(3), Lineage()
    lineage.update(world, ["animal"])
    lines = lineage.lines
    lineage.update(world, ["animal"])
    world.tick += 5
    lineage.update(world, ["animal"])
    world.tick -= 5
    lineage.update(world, ["animal"])
    assert lineage.lines == lines == 30


def test_tables_looked_at_one_after_the_other_miss_no_births():
    world, lineage = breeding(4), Lineage()
    tag = Tag(line=np.arange(100, 110, dtype=np.int32))
    world.spawn(10, Body(pos=world.scatter), tag, name="other")
    world.schedule = (lambda world, dt: [them.birth(np.arange(len(them))) for them in world.query(Body)],)
    tables = "animal", "other"
    for _ in range(3):
        for name in tables:
            lineage.update(world, [name])
        for _ in range(2):
            world.step()
    for name in tables:
        lineage.update(world, [name])
        line, carried = lineage.of(world, name)[0], world.tables[name].column(Tag.line)
        assert len(set(zip(line.tolist(), carried.tolist()))) == len(set(line.tolist())) == len(set(carried.tolist()))


@pytest.mark.parametrize("looked", [True, False])
def test_the_same_ids_given_anew_after_going_back_are_of_their_own_lines(looked):
    """Two courses of a run give the same ids to children of different parents."""
    world, lineage = breeding(5, founders=6), Lineage()
    moments, bearer = swarm.Moments(world), [0]
    world.schedule = (lambda world, dt: [them.birth([bearer[0]]) for them in world.query(Body)],)
    lineage.update(world, ["animal"])
    moments.note(world)
    for _ in range(4):
        world.step()
        lineage.update(world, ["animal"])
        moments.note(world)
    first = set(world.tables["animal"].ids().tolist())
    moments.go(world, 0)
    if looked:
        lineage.update(world, ["animal"])
    lineage.back(world)
    bearer[0] = 3
    for _ in range(5):
        world.step()
    lineage.update(world, ["animal"])
    table = world.tables["animal"]
    assert first < set(table.ids().tolist())
    assert np.array_equal(lineage.of(world, "animal")[0], table.column(Tag.line))


LOOK = Look("animal", Body.pos, Body.vel)


def read(world, name, look=LOOK, lineage=None):
    paint = colouring.paint(world, (look,), 0, name, lineage or Lineage())
    return paint, None if paint.read is None else paint.read(world, {})


def test_what_is_offered_can_be_painted():
    world = senses.world()
    world.step()
    names = colouring.offered(world, senses.LOOKS)
    assert names[:5] == ("scene", "species", "lineage", "age", "generation")
    assert {"action turn", "Energy.level", "Body.vel", "Rock.radius"} <= set(names)
    for name in names:
        for which, look in enumerate(senses.LOOKS):
            paint = colouring.paint(world, senses.LOOKS, which, name, Lineage())
            if paint.read is not None:
                assert paint.read(world, {}).shape == (world.tables[look.table].n,)


def test_age_is_in_seconds():
    world = senses.world("kin")
    for _ in range(7):
        world.step()
    paint = colouring.paint(world, senses.LOOKS, 1, "age", Lineage())
    assert (paint.what, paint.unit) == ("age", "s")
    assert paint.read(world, {}) == pytest.approx(np.full(18, 0.7), abs=1e-5)


def test_a_vector_is_coloured_by_its_length():
    world = breeding()
    world.tables["animal"].column(Body.vel)[:] = (3, 4)
    paint, value = read(world, "Body.vel")
    assert (paint.what, paint.unit) == ("body speed", "m/s")
    assert (value == 5).all()


def test_an_action_is_read_from_the_mind():
    world = senses.world()
    world.step()
    paint = colouring.paint(world, senses.LOOKS, 1, "action turn", Lineage())
    mind = next(c for c in world.tables["agent"].components if hasattr(c, "actions"))
    assert np.array_equal(paint.read(world, {}), world.tables["agent"].column(mind.actions)[:, 0])


def test_a_table_without_what_is_asked_for_keeps_the_scenes_colours():
    world = senses.world()
    assert colouring.paint(world, senses.LOOKS, 0, "Energy.level", Lineage()) == colouring.scene(senses.LOOKS[0])


# --- colours for everybody -------------------------------------------------------------------------------------------

# What dichromats see, in linear sRGB: Vienot, Brettel and Mollon, "Digital video colourmaps for checking the
# legibility of displays by dichromats", 1999.
SIGHT = {
    "all": np.eye(3),
    "protanopia": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deuteranopia": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}


def seen(rgb, sight):
    """Oklab of sRGB colours as they are seen."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SIGHT[sight].T, 0, 1)
    return palette.oklab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_kinds_differ(mode, sight):
    lab = seen(np.array([palette.rgb(colour) for colour in palette.KINDS[mode]]), sight)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert apart[np.triu_indices(11, 1)].min() >= 0.08


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", palette.NAMES)
def test_palettes_only_rise_or_only_fall_in_lightness_for_everybody(name, sight, mode):
    lightness = seen(palette.table(name, mode) / 255, sight)[:, 0]
    steps = np.diff(lightness[::8]) * (1 if mode == "dark" else -1)
    assert (steps > 0).all()


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_lines_near_in_number_look_unlike(mode):
    lab = palette.oklab(palette.table("lines", mode) / 255)
    near = [np.linalg.norm(lab - np.roll(lab, k, axis=0), axis=1).min() for k in (1, 2, 3)]
    assert min(near) > 0.08
