"""Declarations of columns and components, and the values they take."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import Component, bool_, f32, f64, i32, i64, u8, u32, u64
from swarm.ecs.component import Column, cast, fill
from swarm.errors import NonFiniteError, SchemaError


class Body(Component):
    pos = f32(2, unit="m")
    vel = f32(2, unit="m/s")
    mass = f64(default=2.5, unit="kg")
    kind = u8()


def test_columns_know_who_they_are():
    assert [c.name for c in Body.columns] == ["pos", "vel", "mass", "kind"]
    assert Body.pos.key == "Body.pos"
    assert Body.pos.dtype == np.float32
    assert Body.pos.shape == (2,)
    assert Body.pos.unit == "m"
    assert Body.pos.owner is Body
    assert Body.mass.default == 2.5
    assert Body.mass.given
    assert not Body.vel.given
    assert Body.pos.wraps
    assert not Body.vel.wraps
    assert repr(Body.pos) == "<Body.pos float32[2] m>"
    assert Body.pos.describe() == {"name": "pos", "dtype": "float32", "shape": [2], "unit": "m"}


@pytest.mark.parametrize(
    ("make", "dtype"),
    [(f32, "float32"), (f64, "float64"), (i32, "int32"), (i64, "int64"), (u8, "uint8"), (u32, "uint32"),
     (u64, "uint64"), (bool_, "bool")],
)  # fmt: skip
def test_every_maker_makes_its_dtype(make, dtype):
    assert make(3, default=1).dtype == np.dtype(dtype)
    assert make(3, default=1).default.tolist() == [1, 1, 1]
    assert make().shape == ()


def test_columns_are_compared_by_identity():
    first, second = f32(2), f32(2)
    assert first != second
    assert len({first, second}) == 2


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: f32(0), "empty axis"),
        (lambda: f32(2, default=[1, 2, 3]), "does not fill"),
        (lambda: Column(np.float32, (2,), parent=f32(4)), "both"),
        (lambda: Column("U4"), "no number"),
        (lambda: type("Bad", (Component,), {"columns": f32()}), "engine's"),
        (lambda: type("Bad", (Component,), {"pos": Body.pos}), "already Body.pos"),
        (lambda: type("Bad", (Body,), {}), "cannot extend"),
        (lambda: Body(velocity=1), r"no column 'velocity'. Its columns: pos, vel"),
        (lambda: Body(masss=1), r"Did you mean 'mass'"),
    ],
)
def test_a_bad_declaration_says_what_is_wrong(make, text):
    with pytest.raises(SchemaError, match=text):
        make()


def test_a_component_of_resets_makes_its_columns_transient():
    class Mind(Component):
        resets = True
        inputs = f32(6)
        kept = f32(2, resets=False, transient=False)

    assert Mind.inputs.resets
    assert Mind.inputs.transient
    assert not Mind.kept.resets
    assert not Mind.kept.transient
    assert not Body.pos.resets


def test_parts_of_a_column_share_its_storage_and_overlap_where_they_share_places():
    whole = Column(np.float32, (6,))
    content = {
        "whole": whole,
        "a": Column(np.float32, (4,), parent=whole, part=slice(0, 4)),
        "b": Column(np.float32, (2,), parent=whole, part=slice(4, 6)),
        "c": Column(np.float32, (3,), parent=whole, part=slice(3, 6)),
    }
    Mind = type("Mind", (Component,), content)
    assert Mind.a.root is Mind.whole
    assert Mind.a.row_bytes == 0
    assert Mind.whole.row_bytes == 24
    assert Mind.a.overlaps(Mind.whole)
    assert Mind.whole.overlaps(Mind.b)
    assert not Mind.a.overlaps(Mind.b)
    assert Mind.a.overlaps(Mind.c)
    assert not Mind.a.overlaps(Body.pos)


def test_values_for_spawn_are_one_for_all_or_one_each_or_a_function():
    assert fill(Body.pos, 1, 3, "x").tolist() == 1
    assert fill(Body.pos, (1, 2), 3, "x").tolist() == [1, 2]
    assert fill(Body.pos, (1, 2), 3, "x").dtype == np.float32
    assert fill(Body.pos, np.ones((3, 2)), 3, "x").shape == (3, 2)
    assert fill(Body.mass, lambda count: np.arange(count), 3, "x").tolist() == [0, 1, 2]
    assert fill(Body.kind, [1, 255, 0], 3, "x").dtype == np.uint8


@pytest.mark.parametrize(
    ("column", "value", "error", "text"),
    [
        (Body.pos, np.ones(3), SchemaError, r"spawn 'a': Body.pos got shape \(3,\), wants \(3, 2\)"),
        (Body.pos, np.ones((2, 2)), SchemaError, r"got shape \(2, 2\)"),
        (Body.kind, 1.5, SchemaError, r"Body.kind is uint8, got float64"),
        (Body.kind, 256, SchemaError, r"256..256 is out of range"),
        (Body.kind, [-1, 0, 1], SchemaError, r"-1..1 is out of range"),
        (Body.mass, "heavy", SchemaError, r"Body.mass is float64"),
        (Body.mass, 1j, SchemaError, r"got complex128"),
        (Body.pos, [[0, 0], [1, np.nan], [0, 0]], NonFiniteError, r"in row 1"),
        (Body.pos, np.inf, NonFiniteError, r"Body.pos is"),
    ],
)
def test_a_value_that_does_not_fit_names_the_column(column, value, error, text):
    with pytest.raises(error, match=text):
        fill(column, value, 3, "spawn 'a'")


def test_casting_keeps_meaning():
    assert cast(Body.mass, np.array([True, False]), "x").tolist() == [1.0, 0.0]
    assert cast(Body.kind, np.array([3], np.int64), "x").tolist() == [3]
    with pytest.raises(SchemaError, match="got float32"):
        cast(Body.kind, np.array([3], np.float32), "x")
