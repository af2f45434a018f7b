"""`HostDevice`: the CUDA backend's device on the host, for tests. What swarm/backend/cuda.py's `Device` is on a card.

In five minutes:

    device = HostDevice()                                  # the fixture `hosted` makes one and puts it in cuda's place
    x = device.xp.arange(100, dtype=np.float32)            # hostcupy.py: as strict as CuPy
    device.module("swarm.stages.move")["drift"](100, x, np.float32(0.5))
    device.read(x)                                         # a NumPy copy

A launch is compiled by g++ (build.py) with host.h in front of the .cu file's text, and run by host.cpp: read the head
of host.h for how, and for what is an error. Arguments are checked against the kernel's parameters: how many, pointer or
number, kind and bytes. Array memory is guarded (memory.py). Every error says kernel, block, thread and line and is a
`KernelError`, a `BackendError`; the process goes on.

`device.order`   which thread and block goes first: "ascending", "descending" or a whole number, the seed of a shuffle.
`device.racing()`  runs each launch in several orders from the same memory and compares all memory afterwards.
`device.for_cards`  whether each .cu file is also compiled by NVRTC, with the same macros (where that is installed):
                 what a test has run on the host does compile for a card, without a warning.
`device.limit`   bytes of device memory; more raises what CuPy raises.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from swarm.backend import cuda, source
from swarm.errors import BackendError
from tests.shim import build, hostcupy, nvrtc
from tests.shim.memory import ALIGNMENT, CANARY, MEMORY, Region

ORDERS = ("ascending", "descending", 1, 2)  # what races are looked for with
LIMIT = 4 << 30  # bytes of device memory
TIME_LIMIT = 60  # seconds of processor time for one launch
KINDS = {"f": "a float", "i": "a signed integer", "u": "an unsigned integer", "b": "a bool", "s": "a struct"}

_one_at_a_time = threading.RLock()  # signals are caught for the whole process


class KernelError(BackendError):
    """A kernel did what it must not, or was given what it does not take."""


class Compiled:
    """A compiled .cu file on the host."""

    def __init__(self, library: build.Library, stem: str) -> None:
        self.library, self.stem = library, stem


class Function:
    """One kernel of it."""

    def __init__(self, library: build.Library, name: str) -> None:
        self.library, self.name = library, name
        self.entry = library.entry(name)
        found = build.Entry.from_address(self.entry)
        self.parameters = tuple(found.parameters[i] for i in range(found.count))


class Packed:
    """The arguments of one launch as the kernel takes them: the bytes of each, pointers as they are now."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = tuple(values)
        self.pointers = (ctypes.c_void_p * max(1, len(values)))(*(ctypes.addressof(value) for value in values))


class Graph:
    """What was captured: launches, copies and fills with the same pointers and numbers each time."""

    def __init__(self, device: HostDevice) -> None:
        self.device = device
        self.steps: list[Any] = []

    def launch(self) -> None:
        if self.device.capturing:
            raise RuntimeError("a graph was launched while another is captured")
        for step in self.steps:
            step()


class Timer:
    """seconds: how long the `with` took, known after it."""

    seconds = float("nan")


class HostDevice(cuda.Device):
    """Runs kernels on the host. One at a time is in use: the array module is one for the process."""

    name = "host"
    capability = (9, 0)

    def __init__(self) -> None:
        reason = build.available()
        if reason:
            raise BackendError(f"kernels cannot be run on the host: {reason}")
        super().__init__()
        self.xp: Any = hostcupy
        self.stream: Any = hostcupy.cuda.Stream(non_blocking=True)
        self.order: str | int
        self.time_limit: int
        self.launches = 0
        self.for_cards = nvrtc.library_path() is not None
        self._graph: Graph | None
        self._races: tuple[Any, ...] | None
        self.attach()

    def attach(self) -> None:
        """Make the array module count for this device, which is as new, apart from what it has compiled."""
        hostcupy.owner = self
        self.order, self.time_limit, self.lost = "ascending", TIME_LIMIT, ""
        self.capturing, self._graph, self._races = False, None, None
        MEMORY.limit, MEMORY.front = LIMIT, False

    # compiling

    def compile(self, stem: str, macros: dict[str, Any]) -> Compiled:
        try:
            text = source.text_of(stem)
        except FileNotFoundError as error:
            raise BackendError(f"{stem}: there is no {source.path_of(stem).name} ({error})") from error
        if self.for_cards:
            _compile_for_a_card(stem, text, macros)
        return self.compile_text(text, macros, stem)

    def compile_text(self, text: str, macros: dict[str, Any] | None = None, stem: str = "test") -> Compiled:
        """A whole .cu file given as text."""
        return Compiled(build.library(text, macros or {}, stem), stem)

    def function(self, compiled: Compiled, name: str) -> Function:
        if name not in compiled.library.names:
            raise BackendError(
                f"{compiled.stem}: no kernel {name!r}; it has {', '.join(compiled.library.names) or 'none'}."
            )
        return Function(compiled.library, name)

    def kernels(self, text: str, **macros: Any) -> dict[str, cuda.Kernel]:
        """The kernels of a text, which may include headers of the package: for tests of kernels that are no files."""
        compiled = self.compile_text(whole(text), macros)
        return {name: cuda.Kernel(self, self.function(compiled, name), name) for name in compiled.library.names}

    # launching

    def launch(self, kernel: cuda.Kernel, blocks: int, block: int, arguments: tuple[Any, ...]) -> None:
        packed = self._pack(kernel, arguments)
        if self._graph is not None:
            self._graph.steps.append(lambda: self._run(kernel, blocks, block, packed))
        else:
            self._run(kernel, blocks, block, packed)

    def _run(self, kernel: cuda.Kernel, blocks: int, block: int, packed: Packed) -> None:
        self.launches += 1
        if self._races is None:
            self._once(kernel, blocks, block, packed, self.order)
            return
        orders, exempt = self._races
        spared = {region.slot for region in (region_of(one) for one in exempt) if region is not None}
        before = {slot: region.bytes() for slot, region in MEMORY.regions.items()}
        results = []
        for order in orders:
            for slot, kept in before.items():
                MEMORY.regions[slot].restore(kept)
            self._once(kernel, blocks, block, packed, order)
            results.append({slot: MEMORY.regions[slot].bytes() for slot in before if slot not in spared})
            for slot, found in results[-1].items():
                if found != results[0][slot]:
                    label = MEMORY.regions[slot].label
                    at = next(i for i, (a, b) in enumerate(zip(found, results[0][slot])) if a != b)
                    raise KernelError(
                        f"{kernel.name}: a race: {label} differs from byte {at} on when threads and blocks run "
                        f"in order {order!r} instead of {orders[0]!r} ({blocks} blocks of {block} threads)."
                    )

    def _once(self, kernel: cuda.Kernel, blocks: int, block: int, packed: Packed, order: str | int) -> None:
        function: Function = kernel.function
        how = {"ascending": 0, "descending": 1}.get(order, 2)  # type: ignore[call-overload]
        seed = order if isinstance(order, int) else 0
        report = build.Report()
        loaded = function.library.loaded
        with _one_at_a_time:
            wrong = loaded.shim_launch(
                ctypes.c_void_p(function.entry), ctypes.c_int(blocks), ctypes.c_int(block), packed.pointers,
                ctypes.c_int(how), ctypes.c_uint64(seed), ctypes.c_int(self.time_limit), ctypes.byref(report),
            )  # fmt: skip
        starts, lengths = (ctypes.c_void_p(one.ctypes.data) for one in (MEMORY.starts, MEMORY.lengths))
        found = ""
        while (broken := loaded.shim_check(starts, lengths, MEMORY.stretches, CANARY)) >= 0:
            region = MEMORY.regions[broken // 2]
            region.heal()
            found = f"{kernel.name}: wrote {'past the end' if broken % 2 else 'before the start'} of {region.label}."
        if wrong:
            raise KernelError(self._explain(kernel, report))
        if found:
            raise KernelError(found)

    def _explain(self, kernel: cuda.Kernel, report: build.Report) -> str:
        where = (
            f"{kernel.name}: block {report.block}, thread {report.thread}: "
            if report.thread >= 0
            else f"{kernel.name}: "
        )
        what = report.message.decode(errors="replace")
        if report.address or what.startswith("illegal address"):
            what += f" {report.address:#x}, {MEMORY.describe(report.address)}"
        if report.at:
            line = kernel.function.library.line_of(report.at)
            what += f" ({line})" if line else ""
        return where + what

    def _pack(self, kernel: cuda.Kernel, arguments: tuple[Any, ...]) -> Packed:
        parameters = kernel.function.parameters
        if len(arguments) != len(parameters):
            raise TypeError(f"kernel {kernel.name}: {len(arguments)} arguments, it takes {len(parameters)}.")
        return Packed([pack(kernel.name, i, *pair) for i, pair in enumerate(zip(arguments, parameters))])

    # memory

    def read(self, array: Any) -> np.ndarray:
        return array.get()

    def write(self, array: Any, host: np.ndarray) -> None:
        self._forbid("write()")
        array._a[...] = np.asarray(host, array.dtype).reshape(array.shape)

    def copy(self, target: Any, source: Any) -> None:
        for one in (target, source):
            if not isinstance(one, hostcupy.ndarray) or not one.flags.c_contiguous:
                raise TypeError("copy: target and source are contiguous arrays on the device.")
        if target.nbytes != source.nbytes:
            raise ValueError(f"copy: {source.nbytes} bytes into {target.nbytes}.")
        to, start, size = target.data.ptr, source.data.ptr, target.nbytes
        self._do(lambda: ctypes.memmove(to, start, size))

    def fill(self, array: Any, byte: int) -> None:
        if not isinstance(array, hostcupy.ndarray) or not array.flags.c_contiguous:
            raise TypeError("fill: the array is a contiguous one on the device.")
        if not 0 <= byte <= 255:
            raise ValueError(f"fill: {byte} is not a byte.")
        to, size = array.data.ptr, array.nbytes
        self._do(lambda: ctypes.memset(to, byte, size))

    def _do(self, step: Any) -> None:
        if self._graph is not None:
            self._graph.steps.append(step)
        else:
            step()

    def memory(self) -> tuple[int, int]:
        return MEMORY.limit - MEMORY.used, MEMORY.limit

    @property
    def limit(self) -> int:
        """Bytes of device memory."""
        return MEMORY.limit

    @limit.setter
    def limit(self, value: int) -> None:
        MEMORY.limit = value

    def synchronize(self) -> None:
        self._forbid("synchronize()")

    def _forbid(self, what: str) -> None:
        if self.capturing:
            raise RuntimeError(f"{what} while a graph is captured: only launches, device.copy and device.fill may be.")

    # graphs, time, races

    def beside(self, *works: Any) -> None:
        """Captured, the last goes first unless `order` is ascending: what may run at the same time gives the same."""
        if self._graph is None or len(works) < 2:
            super().beside(*works)
            return
        steps, parts = self._graph.steps, []
        try:
            for work in works:
                self._graph.steps = []
                work()
                parts.append(self._graph.steps)
        finally:
            self._graph.steps = steps
        order = parts if self.order == "ascending" else parts[::-1]
        steps.extend(step for part in order for step in part)

    @contextmanager
    def capture(self) -> Iterator[Graph]:
        """Record what is launched instead of doing it."""
        self._forbid("capture()")
        graph = self._graph = Graph(self)
        self.capturing = True
        try:
            yield graph
        finally:
            self.capturing, self._graph = False, None

    @contextmanager
    def timer(self) -> Iterator[Timer]:
        timer, start = Timer(), time.perf_counter()
        yield timer
        timer.seconds = time.perf_counter() - start

    @contextmanager
    def racing(self, orders: Sequence[str | int] = ORDERS, exempt: Sequence[Any] = ()) -> Iterator[None]:
        """Within: run every launch in each of `orders` from the same memory; arrays may differ in `exempt` only."""
        kept, self._races = self._races, (tuple(orders), tuple(exempt))
        try:
            yield
        finally:
            self._races = kept


def _compile_for_a_card(stem: str, text: str, macros: dict[str, Any]) -> None:
    options = (*source.OPTIONS, *source.flags(macros), f"--gpu-architecture={nvrtc.ARCHITECTURES[-1]}", *nvrtc.STRICT)
    result = nvrtc.compile(text, options, f"{stem}.cu")
    if not result.cubin or result.messages:
        raise BackendError(
            f"{stem} does not compile for a card ({' '.join(source.flags(macros))}):\n{result.log[:3000]}"
        )


def assert_no_race(
    device: cuda.Device, kernel: cuda.Kernel, count: int, *arguments: Any, exempt: Sequence[Any] = (), **launch: Any
) -> None:
    """Launch `kernel(count, *arguments, **launch)` in several orders of threads and blocks, each from the same memory;
    raises `KernelError` unless all device memory is the same afterwards, apart from the arrays in `exempt`. A card
    chooses its order itself: there it is one launch."""
    if not isinstance(device, HostDevice):
        kernel(count, *arguments, **launch)
        return
    with device.racing(exempt=exempt):
        kernel(count, *arguments, **launch)


def region_of(array: Any) -> Region | None:
    """The memory an array lies in."""
    at = array.data.ptr
    return next((r for r in MEMORY.regions.values() if r.start <= at < r.start + r.size), None)


def whole(text: str) -> str:
    """A kernel text that is no file, as a .cu file is compiled: the common header first, its includes pasted. Headers
    are looked for in all of the package."""
    seen: set[Path] = set()
    lines = source._paste(source.COMMON, seen) + ['#line 1 "test.cu"\n']
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        found = source._INCLUDE.match(line)
        if found is None:
            lines.append(line)
            continue
        path = next(source.PACKAGE.rglob(Path(found[1]).name))
        if path not in seen:
            lines += source._paste(path, seen)
        lines.append(f'#line {number + 1} "test.cu"\n')
    return "".join(lines)


def pack(kernel: str, index: int, value: Any, parameter: build.Parameter) -> Any:
    """One argument as a ctypes value. Raises TypeError when it is not what the parameter takes."""
    kind, size = parameter.kind.decode(), parameter.size
    where = f"kernel {kernel}: argument {index}"
    takes = f"a pointer to {_pointee(parameter)}" if kind == "p" else f"{KINDS.get(kind, kind)} of {size} bytes"
    if value is None or isinstance(value, hostcupy.ndarray):
        if kind != "p":
            raise TypeError(f"{where} is {'None' if value is None else 'an array'}, the parameter is {takes}.")
        if value is None:
            return ctypes.c_uint64(0)
        if not value.flags.c_contiguous:
            raise TypeError(f"{where} is an array {value.shape} that is not contiguous.")
        if not _fits(parameter, value.dtype):
            raise TypeError(f"{where} is an array of {value.dtype}, the parameter is {takes}.")
        return ctypes.c_uint64(value.data.ptr)
    if not isinstance(value, np.generic):
        raise TypeError(
            f"{where} is of type {type(value).__name__}: arrays on the device, None and NumPy scalars are taken."
        )
    if kind == "p":
        raise TypeError(f"{where} is a number ({value.dtype}), the parameter is {takes}.")
    if value.dtype.kind != kind or value.dtype.itemsize != size:
        raise TypeError(f"{where} is a number of type {value.dtype}, the parameter is {takes}.")
    return (ctypes.c_ubyte * max(size, ALIGNMENT)).from_buffer_copy(value.tobytes().ljust(max(size, ALIGNMENT), b"\0"))


def _pointee(parameter: build.Parameter) -> str:
    kind = parameter.pointee.decode()
    return "anything" if kind == "v" else f"{KINDS.get(kind, kind)} of {parameter.pointee_size} bytes"


def _fits(parameter: build.Parameter, dtype: np.dtype) -> bool:
    """Whether an array of `dtype` may be given where the parameter's pointee is: bytes and structs take every array,
    unsigned integers take what is as wide, other types take their own kind."""
    kind, size = parameter.pointee.decode(), parameter.pointee_size
    if kind in "vs" or (size == 1 and kind in "iu") or dtype == np.uint8:
        return True
    if dtype.itemsize != size:
        return False
    return kind == "u" or kind == dtype.kind or (kind == "i" and dtype.kind == "u")
