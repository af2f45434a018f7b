"""The backend "cuda": where arrays are, how kernels are found and launched, what may be recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from swarm.backend import cuda
from swarm.backend.device import Backend, choose
from swarm.backend.ledger import NO_FAULT, Ledger
from swarm.backend.memory import require
from swarm.ecs.memory import Scratch
from swarm.errors import BackendError, CapacityError, SchemaError


@pytest.fixture
def backend(cuda_device: Any) -> Backend:
    return choose("cuda")


def test_choice(backend: Backend, cuda_device: Any):
    assert backend.name == "cuda"
    assert backend.device is cuda_device
    assert backend.xp is cuda_device.xp
    assert choose(backend, threads=1) == replace(backend, threads=1)
    assert choose(backend).device is cuda_device
    assert "device" not in repr(backend)


def test_twins(backend: Backend):
    assert backend.twin("swarm.stages.move").__name__ == "swarm.stages.move_cuda"
    assert backend.has_twin("swarm.stages.move")
    assert backend.twin("swarm.backend.device").__name__ == "swarm.backend.device"
    assert not backend.has_twin("swarm.backend.device")
    assert not choose("reference").has_twin("swarm.stages.move")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1", "u4", "u8", "?"])
def test_there_and_back(dtype: str, backend: Backend):
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    there = backend.array(values)
    assert isinstance(there, backend.xp.ndarray)
    back = backend.host(there)
    assert type(back) is np.ndarray
    assert back.dtype == values.dtype
    assert np.array_equal(back, values)
    assert np.array_equal(backend.host(there[:, 1:, ::2]), values[:, 1:, ::2])


def test_arrays_that_are_there_stay_where_they_are(backend: Backend):
    there = backend.array([1, 2, 3], np.int32)
    assert backend.array(there) is there
    assert backend.array(there, np.int32) is there
    assert backend.array(there, np.float32).dtype == np.float32
    assert backend.either(there) is there
    assert type(backend.either([1, 2])) is np.ndarray
    assert backend.of(there) is backend.xp
    assert backend.of(np.zeros(1)) is np
    assert backend.host(backend.zeros((2, 3), np.float32)).tolist() == [[0.0] * 3] * 2


def test_the_host_says_where_an_array_should_go(backend: Backend):
    there = backend.zeros(3, np.float32)
    for name in ("cpu", "reference"):
        with pytest.raises(SchemaError, match="computes on the host"):
            choose(name).array(there)
        with pytest.raises(SchemaError, match="computes on the host"):
            choose(name).host(there)
    assert choose("cpu").array([1, 2], np.int8).dtype == np.int8


def test_writing_reading_copying_filling(backend: Backend, cuda_device: Any):
    a, b = backend.zeros(1000, np.int32), backend.zeros(1000, np.int32)
    with backend.running():
        cuda_device.write(a, np.arange(1000, dtype=np.int32))
        cuda_device.copy(b, a)
        cuda_device.fill(a, 0xFF)
        assert cuda_device.read(b).tolist() == list(range(1000))
        assert (cuda_device.read(a) == -1).all()
        with pytest.raises((TypeError, ValueError)):
            cuda_device.copy(a, b[:10])


def test_reads_are_counted_and_copies_are_ones_own(backend: Backend, cuda_device: Any):
    a = backend.array(np.arange(4))
    before = cuda_device.reads
    first = backend.host(a)
    first[:] = 9
    assert backend.host(a).tolist() == [0, 1, 2, 3]
    assert cuda_device.reads == before + 2


def test_memory_is_told_and_required(backend: Backend, cuda_device: Any):
    free, total = cuda_device.memory()
    assert 0 < free <= total
    with pytest.raises(CapacityError, match=r"free on the card\. .* rows would fit"):
        require("test", total, 2, "rows", cuda_device)
    require("test", free // 4, 2, "rows", cuda_device)


def test_kernels_run_inside_running_only(backend: Backend, cuda_device: Any):
    with pytest.raises(BackendError, match="outside of"):
        cuda.current()
    with backend.running():
        assert cuda.current() is cuda_device
        with choose("cuda").running():
            assert cuda.current() is cuda_device
        assert cuda.current() is cuda_device
    with pytest.raises(BackendError):
        cuda.current()


def test_a_kernel_is_compiled_once_and_checks_its_arguments(backend: Backend, cuda_device: Any):
    module = cuda_device.module("swarm.bench.roof")
    assert cuda_device.module("swarm.bench.roof") is module
    assert cuda_device.module("swarm.bench.roof", OTHER=1) is not module
    assert module["copy"] is module["copy"]
    words, out = backend.array(np.arange(4096, dtype=np.uint32)), backend.zeros(4096, np.uint32)
    with backend.running():
        module["copy"](1, words, out, np.uint64(4096), blocks=4)
        assert np.array_equal(cuda_device.read(out), np.arange(4096))
        with pytest.raises(TypeError):
            module["copy"](1, words, out, 4096, blocks=4)
        with pytest.raises(TypeError):
            module["copy"](1, words, np.zeros(4096, np.uint32), np.uint64(4096), blocks=4)
        with pytest.raises(TypeError, match="9 arguments, at most 8"):
            module["copy"](1, *[words] * 9)


def test_what_is_recorded_runs_when_it_is_launched(backend: Backend, cuda_device: Any):
    module = cuda_device.module("swarm.bench.roof")
    words, out = backend.array(np.arange(4096, dtype=np.uint32)), backend.zeros(4096, np.uint32)
    twice = backend.zeros(4096, np.uint32)
    with backend.running():
        module["copy"](1, words, out, np.uint64(4096), blocks=4)
        cuda_device.fill(out, 0)
        with cuda_device.capture() as graph:
            assert cuda_device.capturing
            module["copy"](1, words, out, np.uint64(4096), blocks=4)
            cuda_device.copy(twice, out)
            cuda_device.fill(words, 1)
        assert not cuda_device.capturing
        assert not cuda_device.read(out).any()
        graph.launch()
        assert np.array_equal(cuda_device.read(twice), np.arange(4096))
        graph.launch()
        assert (cuda_device.read(twice) == 0x01010101).all()


def test_the_timer_measures(backend: Backend, cuda_device: Any):
    a, b = backend.zeros(1 << 16, np.uint8), backend.zeros(1 << 16, np.uint8)
    with backend.running(), cuda_device.timer() as timer:
        cuda_device.copy(a, b)
    assert 0 <= timer.seconds < 10


def test_scratch_is_on_the_device_and_its_growth_is_told(backend: Backend, cuda_device: Any):
    scratch = Scratch(backend)
    first = scratch.array("a", 100, np.float32)
    epoch = cuda_device.epoch
    assert isinstance(first, backend.xp.ndarray)
    again = scratch.array("a", 90, np.float32)
    assert again.data.ptr == first.data.ptr
    assert cuda_device.epoch == epoch
    scratch.array("a", 1000, np.float32)
    assert cuda_device.epoch > epoch
    assert type(Scratch().array("a", 3, np.float32)) is np.ndarray


def test_the_ledger_goes_there_and_back(backend: Backend, cuda_device: Any):
    with backend.running():
        ledger = Ledger(cuda_device, 2)
        ledger.world["tick"], ledger.world["fault"] = 7, NO_FAULT
        ledger.counts["n"] = (5, 6)
        ledger.push()
        ledger.bytes[:] = 0
        ledger.pull()
        assert int(ledger.world["tick"][0]) == 7
        assert ledger.counts["n"].tolist() == [5, 6]
        assert ledger.fault is None
        ledger.world["fault"] = 3 << 48 | 1 << 32 | 42
        assert ledger.fault == (3, 1, 42)
