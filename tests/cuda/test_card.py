"""What the card's device asks of CuPy, checked against a stand-in with CuPy's signatures; kernels do not run here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from swarm.backend import cuda
from swarm.errors import BackendError

FILE = Path(cuda.__file__).with_name("card.py")


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class Pointer:
    """`MemoryPointer` over host memory; notes what is asked of it."""

    def __init__(self, owner: np.ndarray, log: list[Any]) -> None:
        self.owner, self.log, self.ptr = owner, log, owner.ctypes.data

    def copy_from_device_async(self, source: Pointer, size: int, stream: Any = None) -> None:
        self.log.append(("copy", size, stream))

    def memset_async(self, value: int, size: int, stream: Any = None) -> None:
        self.log.append(("fill", value, size, stream))


class Array:
    """`cupy.ndarray`, as far as the device looks at it."""

    log: list[Any]

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.data = array, Pointer(array, self.log)
        self.nbytes, self.dtype, self.shape, self.flags = array.nbytes, array.dtype, array.shape, array.flags

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> Any:
        self.log.append(("get", stream))
        if out is None:
            return self.array.copy()
        out[...] = self.array
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        assert arr.dtype == self.dtype and arr.shape == self.shape
        self.log.append(("set", stream))
        self.array[...] = arr


class Stream:
    current: ClassVar[list[Any]] = []

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self.non_blocking, self.recording = non_blocking, False

    def __enter__(self) -> Stream:
        self.current.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        self.current.pop()

    def begin_capture(self, mode: Any = None) -> None:
        self.recording = True

    def end_capture(self) -> Any:
        if not self.recording:
            raise CUDARuntimeError("cudaErrorIllegalState")
        self.recording = False
        return SimpleNamespace(launch=lambda stream=None: Array.log.append(("graph", stream)))

    def synchronize(self) -> None:
        Array.log.append(("synchronize", self))

    def wait_event(self, event: Event) -> None:
        Array.log.append(("wait", self, event.at))


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.at: Any = None

    def record(self, stream: Any = None) -> None:
        self.at = stream

    def synchronize(self) -> None: ...


class Card:
    def __init__(self, id: int = 0) -> None:
        self.id, self.compute_capability = id, "90"

    def __enter__(self) -> Card:
        return self

    def __exit__(self, *_: Any) -> None: ...


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`CudaDevice` over the stand-in, from a copy of its module."""
    Array.log = []
    properties = {"name": b"NVIDIA H100", "totalGlobalMem": 85 << 30}
    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError, getDeviceProperties=lambda id: properties, driverGetVersion=lambda: 12040,
        runtimeGetVersion=lambda: 12090, memGetInfo=lambda: (1000, 5000),
    )  # fmt: skip
    cupy, inner = ModuleType("cupy"), ModuleType("cupy.cuda")
    vars(inner).update(
        Device=Card, Stream=Stream, Event=Event, runtime=runtime,
        driver=SimpleNamespace(CUDADriverError=CUDARuntimeError),
        memory=SimpleNamespace(OutOfMemoryError=MemoryError), alloc_pinned_memory=lambda size: bytearray(size),
        get_elapsed_time=lambda start, end: 2.5,
    )  # fmt: skip
    vars(cupy).update(
        cuda=inner, ndarray=Array, __version__="14.2.0", asarray=lambda host: host,
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 24),
    )  # fmt: skip
    for name, module in {"cupy": cupy, "cupy.cuda": inner}.items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("card_over_a_stand_in", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CudaDevice()


def kernel(device: Any) -> cuda.Kernel:
    def function(grid: Any, block: Any, args: Any, shared_mem: int = 0, stream: Any = None) -> None:
        Array.log.append(("launch", grid, block, args, stream))

    return cuda.Kernel(device, function, "stem name")


def test_facts_and_memory(device: Any):
    assert device.gpu
    assert device.facts()["gpu"] == "NVIDIA H100"
    assert device.facts()["capability"] == "9.0"
    assert device.memory() == (1024, 5000)  # the pool's blocks can be had, too


def test_a_launch_goes_to_the_device_s_stream(device: Any):
    array = Array(np.zeros(4))
    kernel(device)(1000, array, None, np.float32(2), block=128)
    (what, grid, block, args, stream) = Array.log[-1]
    assert (what, grid, block) == ("launch", (8, 1, 1), (128, 1, 1))
    assert args[0] is array
    assert (args[1], args[1].dtype) == (0, np.uint64)
    assert stream is device.stream
    assert not stream.non_blocking
    with pytest.raises(TypeError, match=r"stem name: float 2\.0"):
        kernel(device)(10, 2.0)
    with pytest.raises(TypeError, match="ndarray"):
        kernel(device)(10, np.zeros(3))


def test_small_and_large_arrays_are_read_and_kept_apart(device: Any):
    small, large = Array(np.arange(6.0).reshape(2, 3)), Array(np.arange(20000.0))
    first = device.read(small)
    assert device.read(Array(np.array(7, np.int32))).item() == 7
    assert first.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert device.read(large)[-1] == 19999
    assert device.read(Array(np.zeros((0, 2), np.float32))).shape == (0, 2)
    assert device.reads == 4
    assert all(entry == ("get", device.stream) for entry in Array.log)


def test_writing_copying_and_filling(device: Any):
    a, b = Array(np.zeros((2, 3), np.float32)), Array(np.zeros(6, np.float32))
    device.write(a, np.arange(6))
    assert a.array.tolist() == [[0, 1, 2], [3, 4, 5]]
    device.copy(a, b)
    device.fill(a, 255)
    assert Array.log[-2:] == [("copy", 24, device.stream), ("fill", 255, 24, device.stream)]
    with pytest.raises(TypeError, match="copy"):
        device.copy(a, Array(np.zeros(5, np.float32)))
    with pytest.raises(TypeError, match="contiguous"):
        device.fill(Array(np.zeros((4, 4))[:, :2]), 0)


def test_recording_is_on_a_stream_of_its_own(device: Any):
    usual = device.stream
    with device.capture() as graph:
        assert device.capturing
        assert device.stream.non_blocking
        assert Stream.current[-1] is device.stream
        kernel(device)(10)
        assert Array.log[-1][-1] is device.stream
    assert device.stream is usual
    assert not device.capturing
    graph.launch()
    assert Array.log[-1] == ("graph", usual)


def test_what_is_done_beside_is_recorded_on_streams_that_part_and_meet(device: Any):
    def work() -> None:
        kernel(device)(10)

    device.beside(work, work)
    assert [entry[-1] for entry in Array.log] == [device.stream] * 2  # not recorded: one after the other
    with device.capture():
        main = device.stream
        Array.log.clear()
        device.beside(work, work, lambda: device.beside(work, work))
        assert device.stream is main
    streams = [entry[-1] for entry in Array.log if entry[0] == "launch"]
    assert streams[0] is main
    assert len({id(stream) for stream in streams}) == 4
    assert all(stream.non_blocking for stream in streams)
    _, b, c, d = streams
    waits = [entry[1:] for entry in Array.log if entry[0] == "wait"]
    assert waits == [(b, main), (c, main), (d, c), (c, d), (main, b), (main, c)]


def test_an_error_beside_leaves_the_streams_behind(device: Any):
    def fail() -> None:
        raise ValueError("on purpose")

    def work() -> None:
        kernel(device)(10)

    for works in ((work, fail), (fail, work)):
        with pytest.raises(ValueError, match="on purpose"), device.capture():
            device.beside(*works)
    with device.capture():
        Array.log.clear()
        device.beside(work, work)
    assert [entry[0] for entry in Array.log] == ["launch", "wait", "launch", "wait"]


def test_an_error_ends_the_recording(device: Any):
    usual = device.stream
    with pytest.raises(ValueError, match="on purpose"), device.capture():
        raise ValueError("on purpose")
    assert device.stream is usual
    assert not device.capturing
    with device.capture() as graph:
        pass
    graph.launch()


def test_the_timer_counts_seconds(device: Any):
    with device.timer() as timer:
        pass
    assert timer.seconds == 0.0025


def test_inside_running_arrays_work_on_the_stream(device: Any):
    with cuda.using(device):
        assert Stream.current[-1] is device.stream
    assert not Stream.current


def test_errors_of_cuda_become_ours(device: Any):
    with pytest.raises(BackendError, match="the card was lost"), cuda.using(device):
        raise CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure")
    with pytest.raises(BackendError, match="cannot use it again"), cuda.using(device):
        pass
