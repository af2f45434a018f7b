"""The hash on CUDA: the CPU's integers, one read, and files that go from one to the other and back."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, Brains, Component, World, bool_, digest_cuda, f32, f64, u8
from swarm.backend import cuda
from swarm.digest import Part, difference, fingerprint
from swarm.digest import hashes as reference


class Body(Component):
    pos = f32(2, unit="m")
    bits = u8(3)
    on = bool_()
    mass = f64(default=2.0)
    wide = f32(40)


COMPONENTS = (Body,)


def make(backend, brains, count=70):
    random = np.random.default_rng(1)
    world = World(size=(8, 8), backend=backend, seed=3)
    bits, wide = random.integers(0, 256, (count, 3)).astype(np.uint8), random.random((count, 40))
    body = Body(pos=random.random((count, 2)), bits=bits, on=bits[:, 0] > 99, wide=wide)
    mlps = [MLP((2, 2 + k % 3, 1)) for k in range(count)] if brains == "mixed" else MLP((2, 9, 1))
    world.spawn(count, body, name="own", brains=mlps, dtype="float32" if brains == "mixed" else brains)
    pool = Brains(MLP((2, 2)), count=3, seed=1, backend=backend)
    world.spawn(5, Body(pos=(1, 1)), name="shared", brains=pool, brain=np.arange(5) % 3)
    world.resources |= {"steps": 7, "table": np.arange(6.0).reshape(3, 2), "books": world.backend.array(np.arange(9))}
    return world


@pytest.mark.parametrize("brains", ["float32", "bfloat16", "mixed"])
def test_equal_to_the_cpus(cuda_device, brains):
    one, two = make("cpu", brains), make("cuda", brains)
    assert fingerprint(one) == fingerprint(two)
    assert difference(one, two) is None
    before = cuda_device.reads
    assert one.hash() == two.hash()
    assert brains == "mixed" or cuda_device.reads == before + 1


@pytest.mark.parametrize("brains", ["bfloat16", "mixed"])
def test_saved_there_and_loaded_here(cuda_device, tmp_path, brains):
    made = make("cuda", brains)
    made.save(tmp_path / "cuda.swarm")
    here = World.load(tmp_path / "cuda.swarm", COMPONENTS, (), backend="cpu")
    here.save(tmp_path / "cpu.swarm")
    there = World.load(tmp_path / "cpu.swarm", COMPONENTS, (), backend="cuda")
    assert made.hash() == here.hash() == there.hash()
    assert difference(made, there) is None
    assert difference(here, there) is None


def test_the_first_difference_is_told(cuda_device):
    one, two = make("cpu", "float32"), make("cuda", "float32")
    ids = one.tables["own"].ids()
    two.write(Body.wide, int(ids[20]), np.arange(40))
    found = difference(one, two)
    assert (found.name, found.entity) == ("own/Body.wide", int(ids[20]))
    assert found.there == "[0] = 0.0"
    assert one.hash() != two.hash()
    two.write(Body.bits, int(ids[7]), (1, 2, 3))
    found = difference(two, one)
    assert (found.name, found.entity, found.here) == ("own/Body.bits", int(ids[7]), [1, 2, 3])


def test_the_order_of_rows_does_not_matter(cuda_device):
    world = make("cuda", "float32")
    before = world.hash()
    world.tables["own"].permute(np.random.default_rng(2).permutation(70))
    assert world.hash() == before


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(("n", "width"), [(0, 3), (1, 1), (300, 1), (33, 15), (40, 16), (9, 100)])
def test_rows_of_any_width(cuda_device, dtype, n, width):
    random = np.random.default_rng(n + width)
    array = random.integers(0, 256, (n, width * np.dtype(dtype).itemsize), dtype=np.uint8).view(dtype)
    ids = random.integers(0, 1 << 63, n, dtype=np.uint64)
    with cuda.using(cuda_device):
        part = Part("part", cuda_device.take(array), cuda_device.take(ids))
        got, (total,) = digest_cuda.hashes(part), digest_cuda.sums([part])
    expected = reference(Part("part", array, ids))
    assert (got == expected).all()
    assert total == int(expected.sum(dtype=np.uint64))
