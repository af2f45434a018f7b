"""Looks: what a declaration refuses, and what a world without one gets."""

from __future__ import annotations

import pytest

from swarm.errors import SchemaError, SettingsError
from swarm.look import Look, guess
from tests.image.standin import Body, Energy, Plant, crowd


def test_columns_come_once_with_the_position_first():
    look = Look("a", Body.pos, Body.vel, Energy.level, strength=Energy.level)
    assert look.columns == (Body.pos, Body.vel, Energy.level)
    assert Look("a", Body.pos, colour="#aabbcc").columns == (Body.pos,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shape": "star"}, "drop, disc, ring"),
        ({"palette": "jet"}, "ember, tide, moss"),
        ({"size": 0.0}, "positive length"),
        ({"limits": (1.0, 1.0)}, "must rise"),
        ({"colour": "red"}, "#3f9e77"),
    ],
)
def test_a_wrong_option_is_named_with_its_table(options, words):
    with pytest.raises(SettingsError, match="look of table 'a'") as error:
        Look("a", Body.pos, **options)
    assert words in str(error.value)


@pytest.mark.parametrize("what", ["pos", "colour", "strength"])
def test_a_column_of_the_wrong_shape_is_named(what):
    wrong = {"pos": Energy.level, "colour": Body.vel, "strength": Body.vel}[what]
    with pytest.raises(SchemaError, match=wrong.key.replace(".", r"\.")):
        Look("a", **{"pos": Body.pos, what: wrong})


def test_guess_finds_columns_by_unit_and_puts_the_still_below():
    looks = guess(crowd(10, 20))
    assert [look.table for look in looks] == ["plant", "forager"]
    assert looks[0].pos is Plant.pos
    assert looks[0].heading is None
    assert looks[0].strength is Plant.ripe
    assert (looks[1].pos, looks[1].heading, looks[1].colour) == (Body.pos, Body.vel, Energy.level)
