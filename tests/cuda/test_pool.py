"""Brains on CUDA: views, edits, copies between backends, files, other libraries' arrays, and too little memory."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import swarm
from swarm.backend.device import choose
from swarm.brain.brains import Brains
from swarm.brain.mlp import DTYPES, MLP
from swarm.brain.vary import Mutation
from swarm.errors import BackendError, CapacityError, NonFiniteError, SchemaError, SettingsError
from swarm.train.evaluate import evaluate, mean_outputs
from tests.cuda.pools import LARGE, SMALL, check_equal, host, pair

dtypes = pytest.mark.parametrize("dtype", DTYPES)
X = np.random.default_rng(0).normal(0, 1, (12, 7)).astype(np.float32)


def pool(mlp: MLP = SMALL, count: int = 12, **more) -> Brains:
    return Brains(mlp, count, **{"seed": 4, "backend": "cuda", **more})


@dtypes
def test_views_address_the_rows(cuda_device, dtype):
    one, two = pair(SMALL, 12, dtype=dtype)
    xp = cuda_device.xp
    for name, arguments in (("parameters", ()), ("weight", (0,)), ("weight", (-1,)), ("bias", (1,))):
        ours, theirs = (getattr(brains, name) for brains in (one, two))
        if arguments:
            ours, theirs = ours(*arguments), theirs(*arguments)
        assert isinstance(theirs, xp.ndarray) and theirs.dtype == two.dtype
        assert xp.may_share_memory(theirs, two.rows)
        assert two.backend.host(theirs).tobytes() == ours.tobytes()
    for brains in (one, two):
        brains.weight(0)[2] *= brains.dtype.type(2)
        brains[3].bias(0)[...] = 7
    check_equal(one, two)


@pytest.mark.parametrize(("shape", "shared"), [((12, 7), False), ((12, 3, 7), False), ((1, 3, 7), False), ((7,), True)])
def test_calls_answer_as_on_the_cpu(cuda_device, shape, shared):
    x = np.resize(X, shape)
    one, two = pair(SMALL, 12)
    expected = one(x, shared=shared)
    for given in (x, x.astype(np.float64).tolist(), cuda_device.xp.asarray(x), cuda_device.xp.asarray(x)[..., ::1]):
        answer = two(given, shared=shared)
        assert isinstance(answer, cuda_device.xp.ndarray)
        assert answer.dtype == np.float32 and answer.shape == expected.shape
        assert two.backend.host(answer).tobytes() == expected.tobytes()


def test_any_numbers_are_inputs_and_nothing_else(cuda_device):
    brains, xp = pool(), cuda_device.xp
    whole = np.arange(84).reshape(12, 7)
    expected = brains.backend.host(brains(whole))
    for kind in (np.uint8, np.int64, np.float64, np.float16, DTYPES["bfloat16"]):
        for given in (whole.astype(kind), xp.asarray(whole.astype(kind))):
            np.testing.assert_array_equal(brains.backend.host(brains(given)), expected)
    np.testing.assert_array_equal(
        brains.backend.host(brains(xp.asarray(whole)[::-1])), brains.backend.host(brains(whole[::-1]))
    )
    for wrong in (whole.astype(complex), whole.astype(str), xp.asarray(whole.astype(np.complex64))):
        with pytest.raises(SchemaError, match="not numbers"):
            brains(wrong)
    with pytest.raises(SchemaError, match=r"does not fit 12 brains.*\[12, 7\]"):
        brains(xp.zeros((5, 7), np.float32))


def test_parameters_and_answers_travel_without_copies(cuda_device):
    brains, xp = pool(), cuda_device.xp
    for array in (brains.parameters, brains(X)):
        there = xp.from_dlpack(array)
        assert brains.backend.host(there).tobytes() == brains.backend.host(array).tobytes()
        assert there.data.ptr == array.data.ptr or not cuda_device.gpu  # DLPack of the host is read-only, so copied
    assert brains.parameters.__cuda_array_interface__["strides"] == (brains.layout.row_bytes, 4)


@pytest.mark.gpu
def test_tensors_of_pytorch_go_in_and_out():
    torch = pytest.importorskip("torch")
    try:
        brains = Brains(SMALL, 12, seed=4, backend="cuda")
    except BackendError as error:
        pytest.skip(f"no card: {error}")
    answer = torch.from_dlpack(brains(torch.from_numpy(X).cuda()))
    assert answer.cpu().numpy().tobytes() == Brains(SMALL, 12, seed=4, backend="cpu")(X).tobytes()


@dtypes
def test_flat_and_set_are_inverse(cuda_device, dtype):
    one, two = pair(SMALL, 12, dtype=dtype)
    xp, rows = cuda_device.xp, [7, 0, -1]
    assert two.backend.host(two.flat()).tobytes() == one.flat().tobytes()
    assert two.backend.host(two.flat(rows)).tobytes() == one.flat(rows).tobytes()
    for values in (
        np.linspace(-3, 3, 3 * SMALL.count).reshape(3, -1),
        np.linspace(0, 1, SMALL.count, dtype=np.float32),
    ):
        one.set(rows, values)
        two.set(rows, values)
        check_equal(one, two)
        one.set([5, 2, 5], values + 1)  # of two for one row the later counts
        two.set([5, 2, 5], xp.asarray(values + 1))
        check_equal(one, two)
    one.set(slice(2, 4), one[9])
    two.set(xp.asarray(np.arange(12) // 2 == 1), two[9])
    check_equal(one, two)
    one.set(0, two.to("cpu")[3])
    two.set(0, one[0])  # from another backend
    check_equal(one, two)
    two.set([], np.zeros((0, SMALL.count)))
    with pytest.raises(SchemaError, match=r"do not fit 2 brains"):
        two.set([1, 2], xp.zeros((3, SMALL.count), np.float32))


@dtypes
def test_to_another_backend_and_back(cuda_device, dtype):
    one, two = pair(SMALL, 12, dtype=dtype)
    two.n = 9
    there = two.to("cpu")
    assert (there.backend.name, len(there), there.capacity, there.seed) == ("cpu", 9, 9, 4)
    assert there.flat().tobytes() == one[:9].flat().tobytes()
    back = there.to("cuda")
    check_equal(one[:9], back)
    same = back.to(back.backend)
    back.mutate(Mutation(1.0))
    check_equal(one[:9], same)
    assert len(Brains(SMALL, 0, backend="cpu").to("cuda")) == 0
    assert there.to("reference", threads=1).flat().tobytes() == there.flat().tobytes()
    with pytest.raises(SettingsError, match="'gpu' is unknown"):
        two.to("gpu")


def test_clones_casts_pickles_and_files(cuda_device, tmp_path):
    one, two = pair(SMALL, 12, dtype="bfloat16")
    two.save(tmp_path / "two")
    one.save(tmp_path / "one")
    for other in (
        two.clone(),
        copy.deepcopy(two),
        pickle.loads(pickle.dumps(two)),
        Brains.load(tmp_path / "one", backend="cuda"),
    ):
        assert other.backend.device is cuda_device
        assert not cuda_device.xp.may_share_memory(other.rows, two.rows)
        check_equal(one, other)
    check_equal(one.clone([3, 1, 3]), two.clone(cuda_device.xp.asarray(np.array([3, 1, 3]))))
    for dtype in DTYPES:
        check_equal(one.astype(dtype), two.astype(dtype))
    check_equal(one, Brains.load(tmp_path / "two", backend="cpu"))


def test_growth_keeps_the_living_and_ends_what_was_captured(cuda_device):
    one, two = pair(SMALL, 12, dtype="float16")
    epoch = cuda_device.epoch
    for brains in (one, two):
        brains.grow(40)
        brains.inherit([0, 5], [20, 39], mutation=Mutation(0.1))
        brains.n = 40
    assert cuda_device.epoch > epoch
    check_equal(one, two)
    with pytest.raises(SettingsError, match=r"Call grow\(41\) first"):
        two.n = 41


def test_rows_are_checked_and_host_rows_cost_no_read(cuda_device):
    brains, xp = pool(), cuda_device.xp
    reads = cuda_device.reads
    brains.inherit([1, 2], [3, 4], [7, 8], 1, 3, mutation=Mutation(0.1))
    brains.cross([1, 2], [5, 6], [3, 4], slots=xp.asarray(np.array([7, 8], np.uint32)), mutation=Mutation(0.1))
    brains.initialise([1, 2], generations=xp.asarray(np.array([7], np.uint32)))
    brains.move([1], [2])
    brains.permute(np.arange(12)[::-1])
    brains.grow(20)
    brains(xp.asarray(X))
    assert cuda_device.reads == reads
    with pytest.raises(IndexError, match="row 99 of 20"):
        brains.initialise(xp.asarray(np.array([3, 99])))
    assert cuda_device.reads == reads + 1
    for parents, children, said in (
        ([1, 2], [3, 3], "written twice"),
        ([1, 2], [2, 3], "row 2 is read and overwritten"),
    ):
        with pytest.raises(SettingsError, match=said):
            brains.inherit(xp.asarray(np.array(parents)), children)
    with pytest.raises(SchemaError, match="slots and generations must be one number or 2"):
        brains.inherit([1, 2], [3, 4], slots=xp.zeros(3, np.uint32))
    with pytest.raises(IndexError, match="row 12 of 12"):
        brains[12]


@dtypes
def test_non_finite_parameters_are_found_and_named(cuda_device, dtype, monkeypatch):
    monkeypatch.setattr("swarm.brain.finite._LOOKED_AT", 500)  # a few rows at a time
    brains = pool(count=60, dtype=dtype)
    brains.check_finite()
    brains.weight(0)[45, 2, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"weight \[2, 1\] of layer 0 of brain 45 is nan"):
        brains.check_finite()
    brains.bias(1)[4, 1] = -np.inf
    with pytest.raises(NonFiniteError, match=r"bias \[1\] of layer 1 of brain 4 is -inf"):
        brains.check_finite()


def test_what_needs_the_cpu_says_how_to_get_there(cuda_device):
    brains = pool()
    labels = np.arange(12) % 3
    for train in (swarm.fit, evaluate, lambda b, x, y: mean_outputs(b, x)):
        with pytest.raises(BackendError, match=r'brains\.to\("cpu"\)'):
            train(brains, X, labels)
    there = brains.to("reference")
    swarm.fit(there, X, labels, batch_size=4)
    assert (host(there.to("cuda"))[0] == there.rows).all()


def test_a_pool_beyond_memory_is_refused_and_nothing_changes(hosted):
    hosted.limit = 8 << 20
    with pytest.raises(
        CapacityError, match=r"4,000 brains of 2,704 bytes ask for 10\.8 MB; .* are free on the card.*would fit"
    ):
        pool(LARGE, 4000)
    brains = pool(LARGE, 1000, init="zeros")
    for refused in (
        lambda: brains.grow(4000),
        lambda: brains.clone(np.zeros(4000, int)),
        lambda: brains.astype("float64").clone(),
    ):
        with pytest.raises(CapacityError, match=r"would fit|out of memory"):
            refused()
    assert (brains.capacity, len(brains)) == (1000, 1000)
    brains.initialise(slice(0, 5))
    assert host(brains)[0].any()


def test_pools_on_the_host_refuse_arrays_of_a_card(cuda_device):
    with pytest.raises(SchemaError, match="on the graphics card"):
        Brains(SMALL, 12, backend="cpu")(cuda_device.xp.asarray(X))


def test_names_and_repr(cuda_device):
    brains = pool(dtype="bfloat16")
    assert repr(brains) == "<Brains: 12 x 7-9-3 tanh, 102 parameters each, bfloat16, 2.9 kB, cuda>"
    assert brains.groups == [brains] and brains.positions.tolist() == list(range(12))
    assert choose("cuda") == brains.backend
    flat = brains.backend.host(brains.flat())
    assert [one.backend.host(one.flat()).tobytes() for one in brains] == [row.tobytes() for row in flat]
