"""CUDA as the engine sees it: a device that compiles .cu files, launches kernels, moves arrays and captures graphs.

    device = cuda.device()                                   # raises `BackendError` with the remedy
    move = device.module("swarm.stages.move")                # compiled once per set of macros; cached on disk by CuPy
    move["drift"](table.capacity, ledger.array, pos, np.float32(dt))      # rows to cover, then at most eight arguments

Arguments are device arrays (handed over as pointers), None (a null pointer) or NumPy scalars, whose type is the
parameter's; Python numbers are refused. Kernels take how many rows live from the ledger, so that a launch covers
`capacity` rows and stays right when it is captured. The device of a card is in card.py, which alone imports CuPy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import numpy as np

from swarm.backend import failures, progress
from swarm.errors import BackendError

BLOCK = 256  # threads of a block, unless a launch says otherwise
MOST_BLOCKS = 1 << 16  # of one launch; kernels walk on with a stride
MOST_ARGUMENTS = 8

_ON_CARD = (2, 13)  # DLPack's numbers for memory of a card, and memory that card and host share

_current = threading.local()


class Kernel:
    """One compiled kernel; called with the rows to cover and its arguments."""

    def __init__(self, device: Any, function: Any, name: str) -> None:
        self.device, self.function, self.name = device, function, name

    def __call__(
        self, count: int, *arguments: Any, block: int = BLOCK, per: int = 1, blocks: int | None = None
    ) -> None:
        """Launch with a thread for each of `count` items, or `per` threads for each; or exactly `blocks` blocks."""
        if len(arguments) > MOST_ARGUMENTS:
            raise TypeError(f"kernel {self.name}: {len(arguments)} arguments, at most {MOST_ARGUMENTS}.")
        grid = min(MOST_BLOCKS, -(-count * per // block)) if blocks is None else blocks
        if grid > 0:
            self.device.launch(self, grid, block, arguments)


class Module:
    """The kernels of one .cu file, compiled with one set of macros: `module["name"]`."""

    def __init__(self, device: Any, stem: str, macros: dict[str, Any]) -> None:
        self.device, self.stem, self.macros = device, stem, macros
        self._compiled: Any = None
        self._kernels: dict[str, Kernel] = {}

    def __getitem__(self, name: str) -> Kernel:
        if name not in self._kernels:
            if self._compiled is None:
                if progress.watch is not None:
                    progress.watch(f"{self.stem.removeprefix('swarm.')} for CUDA")
                self._compiled = self.device.compile(self.stem, self.macros)
            self._kernels[name] = Kernel(self.device, self.device.function(self._compiled, name), f"{self.stem} {name}")
        return self._kernels[name]


class Device:
    """What all devices have; `card.CudaDevice` works on a card, the tests' device on the host.

    xp: the array module. stream: where launches queue up; entered, it is where `xp` works, too. epoch: steps up
    whenever memory that kernels were given was replaced, which ends what was captured. reads: copies from device to
    host so far. capturing: whether launches are being recorded instead of run. lost: why the card can no longer be
    used, once it cannot.
    """

    xp: Any
    stream: Any = None
    gpu = False  # whether a card does the work: only then are times, rates and shares worth a report
    lost = ""

    def __init__(self) -> None:
        self.epoch = 0
        self.reads = 0
        self.capturing = False
        self.turn = threading.RLock()  # worlds in several threads share the stream: one at a time
        self._modules: dict[Any, Module] = {}

    def facts(self) -> dict[str, Any]:
        """What a report says about the device: gpu (its name), driver, cuda, cupy and so on."""
        return {"gpu": "hosted: not a GPU"}

    def module(self, stem: str, **macros: Any) -> Module:
        """The kernels of a stem such as "swarm.stages.move" with these macros."""
        key = (stem, tuple(sorted(macros.items())))
        if key not in self._modules:
            self._modules[key] = Module(self, stem, macros)
        return self._modules[key]

    def changed(self) -> None:
        """Say that an array which launches may have been given has moved or been replaced."""
        self.epoch += 1

    def take(self, array: Any) -> Any:
        """`array` as an array of this device: a view of what is on it already, a copy of what is on the host."""
        if _dlpack_on_card(array):
            return self.xp.from_dlpack(array)
        if hasattr(array, "__cuda_array_interface__"):
            return self.xp.asarray(array)
        return self.xp.asarray(np.asarray(array))

    def holds(self, array: Any) -> bool:
        """Whether `array`, of whatever library, is on a card."""
        return hasattr(array, "__cuda_array_interface__") or _dlpack_on_card(array)

    def entered(self) -> AbstractContextManager[Any]:
        """What surrounds all work on this device."""
        return self.stream

    def beside(self, *works: Callable[[], None]) -> None:
        """Do `works`, which launch; none reads or writes on the device what another one writes, so that a recorded
        graph may run them at the same time. Small launches wait for memory most of their time."""
        for work in works:
            work()

    def explain(self, error: Exception) -> Exception | None:
        """Our error for one that the card or its library raised; None leaves it as it is."""
        return failures.explain(self, error)

    # what a device must do

    def compile(self, stem: str, macros: dict[str, Any]) -> Any:
        """The compiled file of a stem. Raises `BackendError` with stem, line and macros."""
        raise NotImplementedError

    def function(self, compiled: Any, name: str) -> Any:
        """One kernel of a compiled file."""
        raise NotImplementedError

    def launch(self, kernel: Kernel, blocks: int, block: int, arguments: tuple[Any, ...]) -> None:
        """Queue one launch."""
        raise NotImplementedError

    def read(self, array: Any) -> np.ndarray:
        """A copy on the host. Waits for all that was queued."""
        raise NotImplementedError

    def write(self, array: Any, host: Any) -> None:
        """Fill `array` from the host, behind what was queued."""
        raise NotImplementedError

    def copy(self, target: Any, source: Any) -> None:
        """Copy `source` over `target`, both on the device and contiguous, equally many bytes. May be captured."""
        raise NotImplementedError

    def fill(self, array: Any, byte: int) -> None:
        """Set every byte of `array`. May be captured."""
        raise NotImplementedError

    def memory(self) -> tuple[int, int]:
        """Bytes that can still be had, and bytes in all."""
        raise NotImplementedError

    def synchronize(self) -> None:
        """Wait for all that was queued."""
        raise NotImplementedError

    def capture(self) -> AbstractContextManager[Any]:
        """`with device.capture() as graph:` records launches, copies and fills; `graph.launch()` runs them all."""
        raise NotImplementedError

    def timer(self) -> AbstractContextManager[Any]:
        """`with device.timer() as timer:` takes the time on the device; `timer.seconds` afterwards."""
        raise NotImplementedError


def _dlpack_on_card(array: Any) -> bool:
    return hasattr(array, "__dlpack_device__") and int(array.__dlpack_device__()[0]) in _ON_CARD


def device() -> Any:
    """The device this process uses. Raises `BackendError` saying what is missing and the remedy."""
    return _open()


def current() -> Any:
    """The device of the backend whose `running()` surrounds the caller."""
    found = getattr(_current, "device", None)
    if found is None:
        raise BackendError("a CUDA kernel was called outside of `with backend.running()`.")
    return found


@contextmanager
def using(device: Any) -> Iterator[None]:
    """Make `device` the current one, and its stream the one arrays work on.

    Threads take turns. Errors of the card become ours: `CapacityError` when memory runs out, `BackendError` when the
    card gives up.
    """
    if device.lost:
        raise BackendError(device.lost)
    before = getattr(_current, "device", None)
    _current.device = device
    try:
        with device.turn, device.entered():
            yield
    except Exception as error:
        ours = device.explain(error)
        if ours is None:
            raise
        raise ours from error
    finally:
        _current.device = before


@cache
def _open() -> Any:
    """The card's device. Looks at driver, card and wheels first: what is missing is said without loading CuPy."""
    from swarm.backend import driver

    found = driver.look()
    obstacle = driver.obstacle(found)
    if obstacle:
        raise BackendError(str(obstacle))
    try:
        from swarm.backend import nvrtc
        from swarm.backend.card import CudaDevice
    except Exception as error:  # a library that is missing, two versions of one: its own text has many lines
        said = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        raise BackendError(
            f"CuPy cannot be loaded: {said[-1].strip(' .')}. Remedy: {driver.reinstall(found)}"
        ) from error
    missing = nvrtc.missing()
    if missing:
        raise BackendError(f"CUDA's compiler NVRTC cannot be loaded: {missing}. Remedy: {driver.toolkit(found)}")
    return CudaDevice()
