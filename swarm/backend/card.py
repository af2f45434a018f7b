"""The device of an NVIDIA card, through CuPy: the one file that imports it (nvrtc.py uses its compiler bindings).

Work is queued on one stream of the process, which waits for the default stream and is waited for by it: what a user
does with CuPy or PyTorch between two ticks is in order without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cupy
import numpy as np

from swarm.backend import nvrtc
from swarm.backend.cuda import Device, Kernel
from swarm.errors import BackendError

_driver: Any = cupy.cuda.driver
_runtime: Any = cupy.cuda.runtime

_NULL = np.uint64(0)
_SMALL = 1 << 16  # bytes: reads up to this go through memory that the card can reach by itself


class CudaDevice(Device):
    """The current card of this process. Raises `BackendError` when it cannot be used."""

    gpu = True

    def __init__(self) -> None:
        super().__init__()
        self.xp = cupy
        try:
            card = cupy.cuda.Device()
            self.id = card.id
            self.capability = divmod(int(card.compute_capability), 10)
            self.stream = cupy.cuda.Stream()
            self._recorder = cupy.cuda.Stream(non_blocking=True)  # other threads' default stream does not disturb it
            self._sides: list[Any] = []  # more of them, for what is recorded beside
            self._taken = 0
        except (_runtime.CUDARuntimeError, _driver.CUDADriverError) as error:
            raise BackendError(
                f"CuPy cannot use the card: {error}. Remedy: nvidia-smi shows the driver and what else uses the card; "
                "update the one, or end the other"
            ) from error
        self._pinned: np.ndarray | None = None
        about = _runtime.getDeviceProperties(self.id)
        self._facts = {
            "gpu": about["name"].decode(),
            "capability": ".".join(map(str, self.capability)),
            "memory": int(about["totalGlobalMem"]),
            "driver": _runtime.driverGetVersion(),
            "cuda": _runtime.runtimeGetVersion(),
            "cupy": cupy.__version__,
        }

    def facts(self) -> dict[str, Any]:
        """What a report says about the card."""
        return dict(self._facts)

    @contextmanager
    def entered(self) -> Iterator[None]:
        with cupy.cuda.Device(self.id), self.stream:
            yield

    # ------------------------------------------------------------------ kernels

    def compile(self, stem: str, macros: dict[str, Any]) -> Any:
        module = cupy.cuda.Module()
        module.load(nvrtc.compile(stem, macros, self.capability))
        return module

    def function(self, compiled: Any, name: str) -> Any:
        return compiled.get_function(name)

    def launch(self, kernel: Kernel, blocks: int, block: int, arguments: tuple[Any, ...]) -> None:
        given = tuple(_argument(kernel, argument) for argument in arguments)
        kernel.function((blocks, 1, 1), (block, 1, 1), given, 0, self.stream)

    # ------------------------------------------------------------------ arrays

    def read(self, array: Any) -> np.ndarray:
        self.reads += 1
        if array.nbytes > _SMALL:
            return array.get(stream=self.stream)
        with self.turn:  # the small buffer is one for all threads
            if self._pinned is None:
                self._pinned = np.frombuffer(cupy.cuda.alloc_pinned_memory(_SMALL), np.uint8, _SMALL)
            held = self._pinned[: array.nbytes].view(array.dtype).reshape(array.shape)
            array.get(stream=self.stream, out=held)
            return held.copy()

    def write(self, array: Any, host: Any) -> None:
        host = np.ascontiguousarray(host, array.dtype).reshape(array.shape)
        if array.flags.c_contiguous:
            array.set(host, stream=self.stream)
        else:
            array[...] = cupy.asarray(host)

    def copy(self, target: Any, source: Any) -> None:
        _same_bytes(target, source)
        if target.nbytes:
            target.data.copy_from_device_async(source.data, target.nbytes, self.stream)

    def fill(self, array: Any, byte: int) -> None:
        if not array.flags.c_contiguous:
            raise TypeError("fill: the array is not contiguous.")
        if array.nbytes:
            array.data.memset_async(byte, array.nbytes, self.stream)

    def memory(self) -> tuple[int, int]:
        free, total = _runtime.memGetInfo()
        return free + cupy.get_default_memory_pool().free_bytes(), total

    # ------------------------------------------------------------------ time

    def synchronize(self) -> None:
        self.stream.synchronize()

    @contextmanager
    def capture(self) -> Iterator[Graph]:
        graph, usual = Graph(self), self.stream
        self.stream, self.capturing = self._recorder, True
        try:
            with self._recorder:
                self._recorder.begin_capture()
                try:
                    yield graph
                except BaseException:
                    _end_quietly(self._recorder)
                    self._sides.clear()  # one that did not meet the others again may not be used
                    raise
                graph.recorded = self._recorder.end_capture()
        finally:
            self.stream, self.capturing = usual, False

    def beside(self, *works: Callable[[], None]) -> None:
        if not self.capturing or len(works) < 2:
            super().beside(*works)
            return
        main, first, fork = self.stream, self._taken, _event()
        fork.record(main)
        try:
            works[0]()
            for work in works[1:]:
                side = self.stream = self._side()
                side.wait_event(fork)
                with side:
                    work()
            for side in self._sides[first : self._taken]:
                join = _event()
                join.record(side)
                main.wait_event(join)
        finally:
            self.stream, self._taken = main, first

    def _side(self) -> Any:
        """A stream that nobody records on at the moment."""
        if self._taken == len(self._sides):
            self._sides.append(cupy.cuda.Stream(non_blocking=True))
        self._taken += 1
        return self._sides[self._taken - 1]

    @contextmanager
    def timer(self) -> Iterator[Timer]:
        timer = Timer()
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record(self.stream)
        yield timer
        end.record(self.stream)
        end.synchronize()
        timer.seconds = cupy.cuda.get_elapsed_time(start, end) / 1e3


class Graph:
    """Recorded launches; `launch` queues them all at once."""

    def __init__(self, device: CudaDevice) -> None:
        self.device = device
        self.recorded: Any = None

    def launch(self) -> None:
        self.recorded.launch(stream=self.device.stream)


class Timer:
    """Seconds on the device between entering and leaving."""

    seconds = 0.0


def _argument(kernel: Kernel, argument: Any) -> Any:
    """What CuPy hands over as it is: arrays as pointers, NumPy scalars by value; a null pointer is a zero."""
    if argument is None:
        return _NULL
    if isinstance(argument, (cupy.ndarray, np.generic)):
        return argument
    kind = type(argument).__name__
    raise TypeError(f"kernel {kernel.name}: {kind} {argument!r}. Give device arrays or NumPy scalars.")


def _same_bytes(target: Any, source: Any) -> None:
    if target.nbytes != source.nbytes or not (target.flags.c_contiguous and source.flags.c_contiguous):
        raise TypeError(f"copy: {source.shape} {source.dtype} over {target.shape} {target.dtype}, or not contiguous.")


def _event() -> Any:
    return cupy.cuda.Event(disable_timing=True)


def _end_quietly(stream: Any) -> None:
    """Leave the recording after an error, which is the one to report."""
    try:
        stream.end_capture()
    except Exception:
        return
