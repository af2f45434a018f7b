"""Guarded views: what stays a view, what becomes a plain copy, and that everything raises once it is stale."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

from swarm.ecs.guard import Guarded, Lease, guard
from swarm.errors import SchemaError, StaleError


@pytest.fixture
def pair():
    """A guarded view [4, 2] and what ends it."""
    lease = Lease("herd")
    return guard(np.arange(8, dtype=np.float32).reshape(4, 2), lease, "Body.pos"), lease


VIEWS = {
    "slice": lambda v: v[1:3],
    "column": lambda v: v[:, 0],
    "row": lambda v: v[1],
    "ellipsis": lambda v: v[..., None],
    "T": lambda v: v.T,
    "reshape": lambda v: v.reshape(2, 4),
    "ravel": lambda v: v.ravel(),
    "transpose": lambda v: v.transpose(),
    "swapaxes": lambda v: v.swapaxes(0, 1),
    "view": lambda v: v.view(np.uint32),
    "np.reshape": lambda v: np.reshape(v, (8,)),
    "np.split": lambda v: np.split(v, 2)[1],
    "np.moveaxis": lambda v: np.moveaxis(v, 0, 1),
    "np.broadcast_to": lambda v: np.broadcast_to(v, (3, 4, 2)),
}
COPIES = {
    "mask": lambda v: v[np.array([True, False, True, False])],
    "fancy": lambda v: v[[0, 1]],
    "copy": lambda v: v.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "astype": lambda v: v.astype(np.float64),
    "add": lambda v: v + 1,
    "radd": lambda v: 1 + v,
    "neg": lambda v: -v,
    "both": lambda v: v * v,
    "compare": lambda v: v > 3,
    "matmul": lambda v: v @ np.ones(2, np.float32),
    "sqrt": np.sqrt,
    "hypot": lambda v: np.hypot(v[:, 0], v[:, 1]),
    "sum": lambda v: v.sum(axis=0),
    "mean": lambda v: v.mean(axis=1),
    "np.sum": lambda v: np.sum(v, axis=0),
    "cumsum": lambda v: v.cumsum(axis=0),
    "np.where": lambda v: np.where(v > 1, v, 0),
    "np.clip": lambda v: np.clip(v, 1, 2),
    "clip": lambda v: v.clip(1, 2),
    "np.sort": lambda v: np.sort(v, axis=0),
    "argsort": lambda v: v.argsort(axis=0),
    "np.concatenate": lambda v: np.concatenate([v, v]),
    "np.stack": lambda v: np.stack((v, v)),
    "take": lambda v: v.take([0]),
    "repeat": lambda v: v.repeat(2),
    "flatten": lambda v: v.flatten(),
    "np.linalg.norm": lambda v: np.linalg.norm(v, axis=1),
    "np.einsum": lambda v: np.einsum("ij,ij->i", v, v),
}
SCALARS = {
    "element": lambda v: v[0, 0],
    "max": lambda v: v.max(),
    "any": lambda v: v.any(),
    "tolist": lambda v: v.tolist(),
    "item": lambda v: v[0, 0].item(),
    "list": list,
    "in": lambda v: 3 in v,
    "item of a place": lambda v: v.item(3),
    "tobytes": lambda v: v.tobytes(),
    "nonzero": lambda v: v.nonzero(),
    "flat": lambda v: list(v.flat),
    "pickle": pickle.dumps,
    "str": lambda v: f"{v}",
    "np.array_equal": lambda v: np.array_equal(v, v),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_the_same_memory_are_guarded(pair, name):
    view, lease = pair
    part = VIEWS[name](view)
    assert type(part) is Guarded
    assert np.shares_memory(np.asarray(part), np.asarray(view))
    lease.ended = "the barrier of tick 3"
    with pytest.raises(StaleError, match=r"Body.pos of table 'herd': this view ended with the barrier of tick 3"):
        part + 1


@pytest.mark.parametrize("name", COPIES)
def test_copies_and_results_are_plain_and_outlive_the_view(pair, name):
    view, lease = pair
    expected = COPIES[name](np.asarray(view))
    result = COPIES[name](view)
    assert type(result) is np.ndarray
    assert not np.shares_memory(result, np.asarray(view))
    np.testing.assert_array_equal(result, expected)
    lease.ended = "the barrier of tick 3"
    assert (result == expected).all()


@pytest.mark.parametrize("name", [*VIEWS, *COPIES, *SCALARS])
def test_a_stale_view_raises_whatever_is_done_with_it(pair, name):
    view, lease = pair
    do = {**VIEWS, **COPIES, **SCALARS}[name]
    do(view)
    lease.ended = "the barrier of tick 3"
    if name == "T":  # an attribute, not a call: what it returns is guarded
        assert type(do(view)) is Guarded
        return
    if name == "str":
        assert f"{view!r}" == "<stale view of Body.pos>"
    with pytest.raises(StaleError):
        do(view)


def test_writing_goes_to_the_column_until_the_view_is_stale(pair):
    view, lease = pair
    base = np.asarray(view)
    view[0] = 9
    view[1:3] += 1
    view[view[:, 0] > 8] = 0
    assert base.tolist() == [[0, 0], [3, 4], [5, 6], [6, 7]]
    view *= 2
    np.add(view, 1, out=view)
    np.clip(view, 2, 12, out=view)
    assert base.tolist() == [[2, 2], [7, 9], [11, 12], [12, 12]]
    view[::-1].sort(axis=0)
    assert base.tolist() == [[12, 12], [11, 12], [7, 9], [2, 2]]
    assert type(view) is Guarded
    lease.ended = "the barrier of tick 3"
    before = base.copy()
    for write in (
        lambda: operator.setitem(view, 0, 1),
        lambda: operator.iadd(view, 1),
        lambda: np.add(base, 1, out=view),
        lambda: view.fill(0),
        lambda: view.sort(),
        lambda: np.copyto(view, 0),
        lambda: np.add.at(view, 0, 1),
    ):
        with pytest.raises(StaleError):
            write()
    assert (base == before).all()


def test_an_in_place_result_is_the_view_itself(pair):
    view, _ = pair
    same = view
    view += 1
    assert view is same


def test_a_stale_operand_inside_another_call_raises(pair):
    view, lease = pair
    lease.ended = "the barrier of tick 3"
    for use in (
        lambda: np.ones((4, 2)) + view,
        lambda: np.add(1, 1, where=view > 0),
        lambda: np.concatenate([np.ones((4, 2)), view]),
        lambda: operator.setitem(np.ones((4, 2)), slice(None), view + 0),
    ):
        with pytest.raises(StaleError):
            use()


def test_errors_of_shape_and_dtype_name_column_and_table(pair):
    view, lease = pair
    with pytest.raises(SchemaError, match=r"Body.pos of table 'herd' is float32 \(4, 2\)"):
        view += np.ones(3)
    with pytest.raises(SchemaError, match=r"Body.pos of table 'herd'"):
        view[0] = [1, 2, 3]
    whole = guard(np.arange(4), lease, "Body.kind")
    with pytest.raises(SchemaError, match=r"Body.kind of table 'herd' is int64"):
        whole += 0.5


def test_the_guard_comes_off_with_asarray(pair):
    view, _ = pair
    assert type(np.asarray(view)) is np.ndarray
    assert np.shares_memory(np.asarray(view), view)
