"""Figures: rates from totals, a scene's own rows, and how they read in the terminal."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

import swarm
from swarm.render.dashboard import Dashboard, follow, line, spark
from swarm.render.figures import SMOOTH, Figures, declared, number, title
from swarm.render.hud import nice
from tests.image.standin import crowd


class Scene:
    name = "meadow"

    @staticmethod
    def statistics(world):
        return {"intake": 0.25}


def sampled():
    now = [0.0]
    world = crowd(50, 80)
    figures = Figures(world, Scene, clock=lambda: now[0])
    world.tick, now[0] = 20, 0.5
    world.tables["forager"].born_total, world.tables["forager"].died_total = 30, 10
    figures.sample(world)
    return world, figures


def test_rates_are_per_tick_and_per_second():
    _, figures = sampled()
    forager = figures.tables["forager"]
    assert figures.rate == pytest.approx(40.0)
    assert (forager.births, forager.deaths) == (1.5, 0.5)
    assert forager.moves
    assert not figures.tables["plant"].moves
    assert figures.time == pytest.approx(20 / 60)


def test_rates_are_counted_over_the_last_samples_not_the_last_one():
    now, world = [0.0], crowd(50, 80)
    figures = Figures(world, clock=lambda: now[0])
    for k in range(1, 40):
        world.tick, now[0] = 10 * k, 0.25 * k
        world.tables["forager"].born_total = 20 * k + 30 * (k % 2)  # it comes in bursts
        figures.sample(world)
        figures.sample(world)  # the same tick again changes nothing
    assert figures.rate == pytest.approx(40.0)
    assert abs(figures.tables["forager"].births - 2.0) < 0.4
    assert len(figures.tables["forager"].counts) == 40


def test_the_first_sample_tells_of_the_whole_life():
    world = crowd(50, 80)
    world.tick, world.tables["forager"].born_total, world.tables["forager"].died_total = 200, 300, 100
    forager = Figures(world).tables["forager"]
    assert (forager.births, forager.deaths) == (1.5, 0.5)


def test_time_that_stood_still_is_not_counted():
    now, world = [0.0], crowd(50, 80)
    figures = Figures(world, clock=lambda: now[0])
    now[0] = 100.0
    figures.sample(world, running=False)
    world.tick, now[0] = 10, 100.5
    figures.sample(world)
    assert figures.rate == pytest.approx(20.0)


def test_the_mean_is_of_the_coloured_column():
    world, figures = sampled()
    level = next(c for c in world.tables["forager"].components[1].columns)
    forager = figures.tables["forager"]
    assert forager.mean == pytest.approx(float(world.tables["forager"].column(level).mean()), rel=1e-6)
    assert (forager.what, forager.unit) == ("energy", "J")


def test_a_paused_world_has_no_rate():
    world, figures = sampled()
    figures.sample(world, running=False)
    assert math.isnan(figures.rate)


def test_scene_names_and_rows():
    world, figures = sampled()
    assert figures.title == "meadow"
    assert figures.more == {"intake": 0.25}
    assert title(world) == "world"
    assert [look.table for look in declared(world)] == ["plant", "forager"]


def test_one_plain_line_holds_everything():
    _, figures = sampled()
    text = line(figures)
    for part in ("tick 20", "forager 50 (+1.5 -0.5 per tick, energy", "plant 80", "intake 0.25", "40 ticks/s"):
        assert part in text


def test_without_a_terminal_follow_prints_lines_and_ends_at_the_tick():
    world, out = crowd(50, 80), io.StringIO()
    figures = follow(world, ticks=25, console=Console(file=out, force_terminal=False))
    assert world.tick == figures.tick == 25
    assert out.getvalue().splitlines()[-1].startswith("tick 25 ")
    assert "\x1b" not in out.getvalue()


def terminal(width=100, height=40, scene=Scene, systems=None):
    """What a terminal of that size shows of a moved world, as lines without colours."""
    world, out = crowd(50, 80), io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=height, color_system=None)
    shown = Dashboard(world, scene=scene, console=console)
    shown.figures.systems = systems or {"think": 2.0, "move": 1.0}
    shown.figures.tables["forager"].moves = True
    console.print(shown._picture())
    return out.getvalue().splitlines()


def test_in_a_terminal_it_draws_a_panel():
    lines = "\n".join(terminal())
    for word in ("meadow", "forager", "intake", "births", "energy", "ticks/s"):
        assert word in lines


def test_the_terminal_says_what_to_watch_for():
    watched = type("Watched", (Scene,), {"WATCH": "the light"})
    assert any("Watch for: the light" in line for line in terminal(scene=watched))
    assert not any("Watch for" in line for line in terminal())


def test_bars_are_as_long_as_their_times_and_the_sum_is_below():
    rows = {line.split()[1]: line for line in terminal() if " ms" in line}
    assert list(rows) == ["think", "move", "tick"]
    assert (rows["think"].count("█"), rows["move"].count("█"), rows["tick"].count("█")) == (24, 12, 0)
    assert "3.00 ms" in rows["tick"]


def test_systems_that_there_is_no_room_for_are_added_up():
    rows = [line.split()[1:3] for line in terminal(systems={f"s{k}": 1.0 + k for k in range(20)}) if " ms" in line]
    assert [name for name, _ in rows] == [*(f"s{k}" for k in range(8, 20)), "others", "tick"]
    assert rows[-2:] == [["others", "36.00"], ["tick", "210.00"]]


@pytest.mark.parametrize("width", [60, 72, 100, 160])
@pytest.mark.parametrize("height", [18, 24, 50])
def test_it_fits_the_terminal(width, height):
    lines = terminal(width, height, systems={f"a long name of a system {k}": 1.0 for k in range(20)})
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 18)
    assert all(line.endswith(("│", "╮", "╯")) for line in lines)


@pytest.mark.parametrize(
    ("value", "text"), [(20000, "20,000"), (1234.5, "1,234"), (0.01234, "0.0123"), (math.nan, "–"), (12.34, "12.3")]
)
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_sparks_rise_and_a_flat_line_is_flat():
    assert spark([0, 1, 2, 3]) == "▁▃▆█"
    assert set(spark([5, 5, 5])) == {"▁"}
    assert spark([]) == ""


@pytest.mark.parametrize(("length", "expected"), [(7.3, 5), (10, 10), (0.29, 0.2), (1999, 1000)])
def test_scale_bars_are_round(length, expected):
    assert nice(length) == pytest.approx(expected)


def test_histories_hold_every_sample_and_forget_what_lies_ahead_of_a_world_put_back():
    now, world = [0.0], crowd(50, 80)
    figures = Figures(world, clock=lambda: now[0])
    figures.frames = 55.0
    for k in range(1, 6):
        world.tick, now[0] = 10 * k, 0.25 * k
        figures.sample(world)
    assert figures.recent.ticks.tolist() == figures.whole.ticks.tolist() == [0, 10, 20, 30, 40, 50]
    assert figures.recent.series("alive forager").tolist() == [50] * 6
    assert figures.recent.series("ticks/s")[-1] == pytest.approx(40.0)
    assert figures.recent.series("frames/s")[-1] == 55.0
    world.tick, now[0] = 25, 2.0
    figures.sample(world)
    assert figures.recent.ticks.tolist() == [0, 10, 20, 25]
    assert math.isnan(figures.recent.series("ticks/s")[-1]) or figures.recent.series("ticks/s")[-1] >= 0


def test_what_is_eaten_is_what_the_world_reports():
    world = swarm.scene("foragers", agents=60, seed=2, backend="reference", regrow=1)
    figures = Figures(world)
    world.step()
    figures.sample(world)
    assert figures.eaten == {}  # nobody asked
    figures.intake = True
    world.step()
    figures.sample(world)
    assert figures.eaten == {}  # from the next tick on
    before = None
    for _ in range(30):
        world.step()
        figures.sample(world)
        amount = float(world.events(swarm.Meal).amounts.sum(dtype=float))
        expected = amount if before is None else before + (amount - before) / SMOOTH
        before = figures.eaten["Meal"]
        assert before == pytest.approx(expected)
    assert before > 0
    assert figures.recent.series("eaten Meal")[-1] == before
    assert set(figures.eaten) == {"Meal"}
