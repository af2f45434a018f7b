"""The array module of the tests' device: as strict as CuPy, and no name or keyword that CuPy has not."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import operator
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from swarm.errors import CapacityError
from tests.shim import hostcupy


@pytest.fixture
def xp(hosted: Any) -> Any:
    return hosted.xp


def host(array: Any) -> np.ndarray:
    return array._a.copy()  # without counting a read


# ------------------------------------------------------------------------------------------------ against the real one

OURS = {"owner", "MEMORY", "UFUNCS", "FUNCTIONS", "READING", "METHODS", "OutOfMemory", "Any", "SimpleNamespace",
        "contextmanager", "annotations"}  # fmt: skip


@pytest.fixture(scope="module")
def cupy() -> Any:
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("CuPy is not installed")
    return pytest.importorskip("cupy")


def public() -> list[str]:
    found = {name for name, value in vars(hostcupy).items() if name[0] != "_" and not inspect.ismodule(value)}
    return sorted(found - OURS)


def test_every_name_exists_in_cupy(cupy):
    missing = [name for name in public() if not hasattr(cupy, name)]
    missing += [f"ndarray.{name}" for name in vars(hostcupy.ndarray) if not hasattr(cupy.ndarray, name)]
    missing += [f"cuda.{name}" for name in vars(hostcupy.cuda) if not hasattr(cupy.cuda, name)]
    missing += [
        f"cuda.Stream.{n}"
        for n in vars(hostcupy.cuda.Stream)
        if n[0] != "_" and n != "ptr" and not hasattr(cupy.cuda.Stream, n)
    ]
    allowed = {"ndarray._a", "ndarray.__weakref__", "ndarray.__annotations__"}
    assert [name for name in missing if name not in allowed] == []


def test_every_keyword_exists_in_cupy_in_the_same_order(cupy):
    wrong = []
    for name in public():
        ours = getattr(hostcupy, name)
        if isinstance(ours, hostcupy.ufunc) or inspect.isclass(ours) or not callable(ours):
            continue
        listed = {**hostcupy.FUNCTIONS, **hostcupy.READING}.get(name)
        mine = listed.split() if listed is not None else list(inspect.signature(ours).parameters)
        try:
            theirs = list(inspect.signature(getattr(cupy, name)).parameters)
        except ValueError:  # compiled, without a signature
            continue
        if mine != ["args"] and theirs[: len(mine)] != mine and not set(mine) <= set(theirs):
            wrong.append(f"{name}: {mine} against {theirs}")
    assert wrong == []


def test_ufuncs_take_as_many_arrays_as_cupys(cupy):
    for name in hostcupy.UFUNCS:
        theirs = getattr(cupy, name)
        if isinstance(theirs, cupy.ufunc):
            assert theirs.nin == getattr(hostcupy, name).nin, name


def test_memory_errors_are_of_cupys_kind(cupy):
    theirs, ours = cupy.cuda.memory.OutOfMemoryError, hostcupy.cuda.memory.OutOfMemoryError
    assert theirs.__name__ == ours.__name__ and issubclass(theirs, MemoryError) and issubclass(ours, MemoryError)
    assert str(theirs(1000, 500, 1200)) == str(ours(1000, 500, 1200))


# ------------------------------------------------------------------------------------------------ strictness


def test_nothing_crosses_implicitly(xp):
    a, on_host = xp.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32)
    refused = [
        lambda: np.asarray(a), lambda: np.array(a), lambda: np.array([a, a]), lambda: a + on_host, lambda: on_host + a,
        lambda: np.add(a, on_host), lambda: xp.add(a, on_host), lambda: xp.where(a > 0, on_host, 0),
        lambda: xp.concatenate((a, on_host)), lambda: operator.iadd(a, on_host), lambda: a.set(xp.zeros(4)),
        lambda: operator.setitem(a, slice(None), on_host), lambda: operator.setitem(a, slice(None), [1, 2, 3, 4]),
        lambda: operator.setitem(on_host, slice(None), a), lambda: a[np.array([0, 1])], lambda: xp.copyto(a, on_host),
        lambda: a + [1, 2, 3, 4], lambda: range(xp.array(3)), lambda: xp.sum(on_host), lambda: a.fill(on_host),
        lambda: xp.full(3, on_host),
        lambda: np.sum(on_host, out=a), lambda: a == on_host, lambda: xp.take(a, np.array([1])), lambda: xp.sum([1, 2]),
    ]  # fmt: skip
    for i, one in enumerate(refused):
        with pytest.raises(TypeError):
            pytest.fail(f"case {i} gave {one()!r}")
    assert host(a).tolist() == on_host.tolist() == [0, 1, 2, 3]


def test_dtypes_that_no_card_has(xp):
    for dtype in (object, "U3", [("a", "i4")], "M8[s]", "S2"):
        with pytest.raises(ValueError, match="Unsupported dtype"):
            xp.empty(3, dtype)


def test_everything_that_waits_is_counted(hosted, xp):
    a = xp.arange(6, dtype=np.int32)

    def reads(work: Any) -> int:
        before = hosted.reads
        work()
        return hosted.reads - before

    once = [
        a.get, a.tolist, a.tobytes, lambda: a[0].item(), lambda: int(a[0]), lambda: float(a[0]), lambda: bool(a[0]),
        lambda: a[a > 2], lambda: xp.nonzero(a), lambda: xp.flatnonzero(a), lambda: xp.unique(a),
        lambda: xp.bincount(a), lambda: xp.where(a), lambda: xp.asnumpy(a), lambda: hosted.read(a), a.nonzero,
        lambda: operator.setitem(a, a > 3, a[4:]), lambda: xp.repeat(a, a), lambda: xp.argwhere(a),
    ]  # fmt: skip
    assert [reads(work) for work in once] == [1] * len(once)
    never = [
        lambda: a + 1, lambda: a.sum(), lambda: a[a.argsort()], lambda: operator.setitem(a, a > 3, 7), a.copy,
        lambda: a[2],
        lambda: xp.where(a > 2, a, 0), lambda: a.any(), lambda: a.astype(np.float32), lambda: xp.array_equal(a, a),
        lambda: xp.cumsum(a), lambda: a.set(np.zeros(6, np.int32)), lambda: xp.asarray(np.zeros(3)), lambda: len(a),
        lambda: hosted.write(a, np.ones(6, np.int32)), lambda: hosted.copy(a, a.copy()), lambda: copy.deepcopy(a),
    ]  # fmt: skip
    assert [reads(work) for work in never] == [0] * len(never)


def test_nothing_but_launches_copies_and_fills_while_capturing(hosted, xp):
    a, b = xp.zeros(4, np.float32), xp.ones(4, np.float32)
    forbidden = [
        lambda: xp.empty(3), lambda: a + 1, lambda: operator.iadd(a, 1), lambda: a.get(), lambda: hosted.read(a),
        lambda: hosted.write(a, np.zeros(4, np.float32)), lambda: xp.add(a, b, out=a), lambda: a.fill(0),
        lambda: operator.setitem(a, 0, 1), lambda: a[a > 0], lambda: xp.asarray([1]), hosted.synchronize,
        lambda: a.set(np.zeros(4, np.float32)), lambda: hosted.capture().__enter__(), lambda: a.sum(),
        lambda: int(a[0]),
        lambda: graph.launch(), lambda: a[b.view(np.int32)], lambda: xp.copyto(a, b),
    ]  # fmt: skip
    with hosted.capture() as graph:
        for i, one in enumerate(forbidden):
            with pytest.raises(RuntimeError, match="captured"):
                pytest.fail(f"case {i} gave {one()!r}")
        hosted.copy(a[:3], b.view(np.int32)[1:])  # views are no work for the device
    assert host(a).tolist() == [0] * 4
    graph.launch()
    assert host(a).tolist() == [1, 1, 1, 0]


def test_a_capture_that_fails_leaves_the_device_usable(hosted, xp):
    with pytest.raises(ValueError, match="planned"), hosted.capture():
        raise ValueError("planned")
    assert int(xp.ones(3, np.int32).sum()) == 3


# ------------------------------------------------------------------------------------------------ the same as NumPy


def test_operators_and_functions_give_what_numpy_gives(xp):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    i = rng.integers(0, 9, (5, 4)).astype(np.int32)
    a, b, k = xp.asarray(x), xp.asarray(y), xp.asarray(i)
    pairs = [
        (a + b, x + y), (2 - a, 2 - x), (a * np.float32(3), x * np.float32(3)), (a / b, x / y), (-a, -x),
        (abs(a), abs(x)),
        (k % 4, i % 4), (k // 2, i // 2), (k & 3, i & 3), (k << 2, i << 2), (~k, ~i), (a @ b.T, x @ y.T), (a**2, x**2),
        (a < b, x < y), (a == a, x == x), (np.add(a, b), x + y), (np.sqrt(xp.abs(a)), np.sqrt(abs(x))),
        (a[1:, ::2], x[1:, ::2]),
        (a[k[:, 0] % 5], x[i[:, 0] % 5]), (a[a > 0], x[x > 0]), (a[None, 2], x[None, 2]),
        (a.sum(axis=1), x.sum(axis=1)),
        (a.mean(), x.mean()), (a.max(axis=0), x.max(axis=0)), (a.argmin(axis=1), x.argmin(axis=1)), (k.any(), i.any()),
        (xp.where(a > b, a, 0), np.where(x > y, x, 0).astype(np.float32)),
        (xp.concatenate((a, b)), np.concatenate((x, y))),
        (xp.stack([a, b], axis=1), np.stack([x, y], axis=1)), (a.T, x.T), (a.reshape(4, -1), x.reshape(4, -1)),
        (xp.cumsum(k, axis=0), np.cumsum(i, axis=0)), (xp.diff(a), np.diff(x)),
        (xp.argsort(a, axis=None), np.argsort(x, None)),
        (xp.unique(k), np.unique(i)), (xp.bincount(k.ravel()), np.bincount(i.ravel())),
        (a.view(np.uint32), x.view(np.uint32)),
        (xp.clip(a, -1, 1), x.clip(-1, 1)), (xp.flatnonzero(a > 0), np.flatnonzero(x > 0)),
        (np.sum(a, axis=0), x.sum(axis=0)),
        (xp.minimum(a, b), np.minimum(x, y)), (xp.broadcast_to(a[0], (3, 4)), np.broadcast_to(x[0], (3, 4))),
        (np.where(a > 0, a, b), np.where(x > 0, x, y)), (xp.arange(2, 9, 3), np.arange(2, 9, 3)),
        (xp.isfinite(a), np.isfinite(x)),
        (xp.full((2, 2), 7, np.int8), np.full((2, 2), 7, np.int8)),
        (xp.take(a, k[:, 0] % 5, axis=0), x.take(i[:, 0] % 5, 0)),
        (xp.searchsorted(xp.arange(9), k), np.searchsorted(np.arange(9), i)),
        (xp.logical_and(k, a > 0), np.logical_and(i, x > 0)),
        (a.astype(np.int64), x.astype(np.int64)), (xp.rint(a), np.rint(x)),
        (xp.repeat(a, 2, axis=0), np.repeat(x, 2, axis=0)),
    ]  # fmt: skip
    for number, (ours, theirs) in enumerate(pairs):
        assert isinstance(ours, xp.ndarray), number
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, (number, ours.dtype, theirs.dtype)
        assert host(ours).tobytes() == np.ascontiguousarray(theirs).tobytes(), number


def test_views_share_and_copies_do_not(xp):
    a = xp.zeros((4, 3), np.float32)
    a[1:3].fill(5)
    a[0, :] = 2
    a.T[2, 3] += 9
    a.view(np.uint32)[3, 0] = 0x3F800000
    a.reshape(-1)[1] = 8
    a[xp.array([0, 3]), 0] *= 3
    assert host(a).tolist() == [[6, 8, 2], [5, 5, 5], [5, 5, 5], [3, 0, 9]]
    b = a.copy()
    b += 1
    np.multiply(a, 2, out=a)
    xp.copyto(b, a, where=a > 10)
    assert host(a)[0].tolist() == [12, 16, 4] and host(b)[0].tolist() == [12, 16, 3]
    assert a[1:].data.ptr == a.data.ptr + 12 and a[1:].base is a and b.data.ptr != a.data.ptr


def test_reductions_give_arrays_without_dimensions(xp):
    total = xp.arange(5).sum()
    assert isinstance(total, xp.ndarray) and total.shape == () and int(total) == 10
    assert isinstance(xp.arange(5)[2], xp.ndarray)


def test_bfloat16_goes_both_ways(xp):
    bits = xp.asarray(np.array([0x3F80, 0x4040], np.uint16))
    assert host(bits.view(ml_dtypes.bfloat16)).astype(np.float32).tolist() == [1, 3]
    assert host(xp.asarray(np.array([1, 3], ml_dtypes.bfloat16)).view(np.uint16)).tolist() == [0x3F80, 0x4040]
    assert host(bits.view(ml_dtypes.bfloat16).astype(np.float32)).tolist() == [1, 3]


def test_arrays_are_given_away_by_both_protocols(xp):
    a = xp.arange(6, dtype=np.float32).reshape(2, 3)
    said = a.__cuda_array_interface__
    assert said["data"] == (a.data.ptr, False) and said["shape"] == (2, 3) and said["typestr"] == "<f4"
    assert said["strides"] is None and a.T.__cuda_array_interface__["strides"] == (4, 12)
    seen = np.from_dlpack(a)
    a += 1
    assert seen.tolist() == [[1, 2, 3], [4, 5, 6]]
    del a
    assert seen.sum() == 21  # the memory lives as long as what looks at it
    assert host(xp.from_dlpack(np.arange(3.0))).tolist() == [0, 1, 2]

    class Foreign:
        def __init__(self, array: Any) -> None:
            self.kept, self.__cuda_array_interface__ = array, array.__cuda_array_interface__

    mine = xp.arange(4, dtype=np.int32)
    theirs = xp.asarray(Foreign(mine))
    theirs[1] = 50
    assert host(mine).tolist() == [0, 50, 2, 3]


def test_memory_is_counted_limited_and_given_back(hosted, xp):
    free, total = hosted.memory()
    a = xp.empty(1 << 20, np.uint8)
    assert hosted.memory() == (free - (1 << 20), total)
    del a
    assert hosted.memory() == (free, total)
    hosted.limit = total - free + 5000
    a = xp.zeros(1000, np.float32)
    with pytest.raises(hosted.xp.cuda.memory.OutOfMemoryError, match="Out of memory allocating 4,000 bytes"):
        a + 1
    with pytest.raises(MemoryError) as raised:
        xp.empty(1001, np.uint8)
    assert isinstance(hosted.explain(raised.value), CapacityError)
    assert host(a).sum() == 0


def test_arrays_of_nothing(hosted, xp):
    a = xp.empty((0, 3), np.float32)
    assert a.data.ptr == 0 and a.nbytes == 0 and (a + 1).shape == (0, 3) and host(a.sum()) == 0
    hosted.fill(a, 3)
    hosted.copy(a, a)
    assert hosted.read(a).shape == (0, 3)


def test_copies_and_fills_are_checked(hosted, xp):
    a, b = xp.zeros(4, np.float32), xp.zeros(5, np.float32)
    for wrong in (
        lambda: hosted.copy(a, b),
        lambda: hosted.fill(a, 256),
        lambda: hosted.write(a, np.zeros(5, np.float32)),
    ):
        with pytest.raises((ValueError, TypeError)):
            wrong()
    for wrong in (lambda: hosted.copy(a, np.zeros(4, np.float32)), lambda: hosted.fill(xp.zeros((4, 4))[:, 1], 0)):
        with pytest.raises(TypeError):
            wrong()
