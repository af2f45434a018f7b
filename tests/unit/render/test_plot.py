"""Charts of the panels: what is derived from their lines."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from swarm.render import palette
from swarm.render.panels import charts
from swarm.render.panels.plot import Line, Plot, short
from swarm.render.theme import THEMES

NAN = float("nan")


def line(ys, start=0, alpha=1.0, name="a"):
    return Line(name, np.arange(start, start + len(ys), dtype=float), np.array(ys, float), "#ff0000", alpha)


def test_the_box_holds_every_known_point():
    plot = Plot("t", [line([NAN, 3, 9, NAN]), line([5, 4], start=6)])
    assert plot.box == (1, 7, 0, 9)  # from 0 on: the lowest value is below half of the highest
    assert Plot("t", [line([8, 9])]).box == (0, 1, 8, 9)
    assert Plot("t", [line([-8, 9])]).box == (0, 1, -8, 9)


def test_lines_of_fewer_than_two_points_are_not_drawn():
    assert Plot("t", [line([]), line([1]), line([NAN, 1, NAN])]).shown == []


def test_last_values_are_of_now_and_of_no_abandoned_branch():
    plot = Plot("t", [line([1, 2]), line([3, 4, 5]), line([6, 7, 8], alpha=0.35), line([6, NAN, NAN])])
    assert [text for text, _, _ in plot.words] == ["5"]


def test_a_plot_keeps_what_it_was_made_of():
    ys = np.array([1.0, 2.0])
    plot = Plot("t", [Line("a", np.array([0.0, 1.0]), ys, "#ff0000")])
    ys[:] = 9
    assert plot.box[3] == 2


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (12.3456, "12.3"), (123.456, "123"), (12345.6, "12,346"), (3.0, "3")]
)
def test_three_digits_or_a_whole_number(value, text):
    assert short(value) == text


@pytest.mark.parametrize("theme", THEMES.values())
def test_curves_can_be_told_from_the_panel_and_keep_their_hue(theme):
    colours = {"white": "#ffffff", "black": "#000000", "rose": "#ffdede", "wine": "#300808"}
    looks = [SimpleNamespace(table=name, colour=colour) for name, colour in colours.items()]
    view = SimpleNamespace(theme=theme, renderer=SimpleNamespace(looks=looks))

    def lab(colour):
        return palette.oklab(np.array(palette.rgb(colour)))

    for name, colour in colours.items():
        found = charts.colour_of(view, name)
        assert abs(lab(found)[0] - lab(theme.panel)[0]) >= charts.APART - 0.01
        assert np.abs(lab(found)[1:] - lab(colour)[1:]).max() < 0.02
        if abs(lab(colour)[0] - lab(theme.panel)[0]) > charts.APART:
            assert found == colour
    assert charts.colour_of(view, "unknown") == theme.quiet
