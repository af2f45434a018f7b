"""Random numbers on CUDA: the integers of the reference, the floats of the CPU kernels, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from swarm.backend import cuda, rng, rng_cpu, rng_cuda
from swarm.backend.ledger import Ledger
from swarm.errors import SettingsError

SEED, TICK = 2**63 + 5, 2**32 - 2
SLOTS = np.array([1, 7, 2**32 - 1, 12, 13], np.uint32)
GENERATIONS = np.array([0, 3, 2**31, 2**32 - 1, 1], np.uint32)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 63, 64, 65, 83, 700])
@pytest.mark.parametrize("kind", ["words", "uniform", "normal"])
def test_the_same_numbers(cuda_device, kind, count):
    arguments = (SEED, SLOTS, GENERATIONS, TICK, rng.stream("gust"), count)
    with cuda.using(cuda_device):
        got = cuda_device.read(getattr(rng_cuda, kind)(*arguments))
    expected = getattr(rng_cpu, kind)(*arguments)
    assert got.dtype == expected.dtype
    assert got.tobytes() == expected.tobytes()
    if kind != "normal":
        np.testing.assert_array_equal(got, getattr(rng, kind)(*arguments))


def test_many_normals_have_the_bits_of_the_cpu(cuda_device):
    """Enough of them that every branch of logarithm, sine and cosine is met."""
    slots = np.arange(200, dtype=np.uint32)
    with cuda.using(cuda_device):
        got = cuda_device.read(rng_cuda.normal(11, slots, 0, 3, 400, 200))
    assert got.tobytes() == rng_cpu.normal(11, slots, 0, 3, 400, 200).tobytes()
    assert abs(got.mean()) < 0.02 and abs(got.std() - 1) < 0.02


def test_keys_may_be_on_the_device_or_one_for_all(cuda_device):
    xp = cuda_device.xp
    expected = rng_cpu.uniform(1, SLOTS, 4, 9, 300, 20)
    with cuda.using(cuda_device):
        for slots in (SLOTS, SLOTS.tolist(), xp.asarray(SLOTS), xp.asarray(SLOTS.astype(np.int64))):
            for generations in (4, [4], np.full(5, 4), xp.full(5, 4, np.uint32), xp.asarray(np.array([4], np.uint32))):
                np.testing.assert_array_equal(
                    cuda_device.read(rng_cuda.uniform(1, slots, generations, 9, 300, 20)), expected
                )


def test_nobody_and_nothing(cuda_device):
    with cuda.using(cuda_device):
        assert rng_cuda.normal(1, SLOTS, 0, 0, 300, 0).shape == (5, 0)
        assert rng_cuda.words(1, SLOTS[:0], 0, 0, 300, 7).shape == (0, 7)
        with pytest.raises(SettingsError, match="at most 4,194,304"):
            rng_cuda.uniform(1, SLOTS, 0, 0, 300, rng.VALUES + 1)


@pytest.mark.parametrize(("kind", "name"), [(rng_cuda.UNIFORM, "uniform"), (rng_cuda.NORMAL, "normal")])
@pytest.mark.parametrize("count", [3, 70])
def test_draws_of_a_tick_take_everything_from_the_world(cuda_device, kind, name, count):
    """The second table, fewer living than rows, generations by slot; a captured launch sees a later tick."""
    xp, n = cuda_device.xp, 5
    registry = np.arange(100, 140, dtype=np.uint32)
    slots = np.array([5, 3, 39, 0, 8, 77777, 77777], np.uint32)  # beyond the living: no slots of anybody
    ledger = Ledger(cuda_device, 2)
    ledger.world["key0"], ledger.world["key1"] = rng.key(SEED)
    ledger.counts["n"] = 0, n
    with cuda.using(cuda_device):
        out = xp.zeros((7, count), np.float32)
        arguments = (ledger.array, 1, xp.asarray(slots), xp.asarray(registry), out, 300, kind)
        ledger.push()
        rng_cuda.draw_on(*arguments)
        with cuda_device.capture() as graph:
            rng_cuda.draw_on(*arguments)
        for tick in (0, 17):
            ledger.world["tick"] = tick
            ledger.push()
            graph.launch()
            got = cuda_device.read(out)
            expected = getattr(rng_cpu, name)(SEED, slots[:n], registry[slots[:n]], tick, 300, count)
            assert got[:n].tobytes() == expected.tobytes()
            assert not got[n:].any()


def test_no_race(hosted):
    with cuda.using(hosted), hosted.racing():
        rng_cuda.normal(3, SLOTS, GENERATIONS, 1, 300, 83)


def test_streams_have_the_numbers_of_rng(hosted):
    names = list(rng.STREAMS)
    lines = "".join(f"    out[{k}] = STREAM_{name.upper()};\n" for k, name in enumerate(names))
    kernels = hosted.kernels(f'#include "philox.cuh"\nKERNEL numbers(u32* out) {{\n{lines}}}\n')
    with cuda.using(hosted):
        out = hosted.xp.zeros(len(names), np.uint32)
        kernels["numbers"](1, out, block=1)
        assert hosted.read(out).tolist() == [rng.stream(name) for name in names]


def test_one_value_by_itself(hosted):
    """word_at, uniform_at and normal_at, with the world's tick and seed and with given ones."""
    text = """#include "philox.cuh"
    KERNEL alone(const World* world, u32* words, float* uniforms, float* normals, int count) {
        const int p = thread();
        if (p >= count) return;
        const u32 given = word_at(9u, 4u, world->tick, 300u, p, world->key0, world->key1);
        words[p] = p % 2 ? word_at(world, 9u, 4u, 300u, p) : given;
        uniforms[p] = uniform_at(world, 9u, 4u, 300u, p);
        normals[p] = normal_at(world, 9u, 4u, 300u, p);
    }
    """
    count = 150
    ledger = Ledger(hosted, 0)
    ledger.world["key0"], ledger.world["key1"] = rng.key(SEED)
    ledger.world["tick"] = TICK
    with cuda.using(hosted):
        ledger.push()
        out = [hosted.xp.zeros(count, dtype) for dtype in (np.uint32, np.float32, np.float32)]
        hosted.kernels(text)["alone"](count, ledger.array, *out, np.int32(count))
        for got, kind in zip(out, ("words", "uniform", "normal"), strict=True):
            expected = getattr(rng_cpu, kind)(SEED, [9], [4], TICK, 300, count)[0]
            assert hosted.read(got).tobytes() == expected.tobytes()
