"""Device memory for tests: each array ends where an unreadable page begins.

    | unreadable | canary ... | array ... | slack (canary) | unreadable |

An access up to a megabyte behind the array's last 16 bytes, or a page and more before its first, ends in a signal that
the runtime reports. Closer misses are found after the launch: the bytes around the array (`CANARY`) are looked at. New
memory is `POISON`. Freed memory stays unreadable for a while, so that a launch with an old pointer is noticed.
"""

from __future__ import annotations

import ctypes
import mmap
from collections import deque
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

PAGE = mmap.PAGESIZE
GUARD = 1 << 20  # unreadable bytes on both sides of an array
ALIGNMENT = 16  # what kernels may rely on
POISON, CANARY = 0xCB, 0xA5
WATCHED = 256  # bytes before an array that are looked at
QUARANTINE = 512  # freed arrays whose addresses are not used again yet

_NONE, _READ_WRITE = 0, mmap.PROT_READ | mmap.PROT_WRITE
_IN_PLACE = 0x10 | mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # MAP_FIXED, which Python has no name for
_FAILED = ctypes.c_void_p(-1).value
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_NO_RESERVE = 0x4000 if hasattr(mmap, "MAP_POPULATE") else 0  # Linux


class OutOfMemory(Exception):
    """size: bytes asked for; used, limit: of the device."""

    def __init__(self, size: int, used: int, limit: int) -> None:
        super().__init__(size, used, limit)
        self.size, self.used, self.limit = size, used, limit


class Memory:
    """All device memory of the process. `front`: arrays begin, rather than end, at an unreadable page."""

    def __init__(self) -> None:
        self.used = 0
        self.limit = 4 << 30
        self.front = False
        self.regions: WeakValueDictionary[int, Region] = WeakValueDictionary()  # by slot; arrays keep them alive
        self.starts = np.zeros(64, np.uint64)  # two stretches of canaries per slot
        self.lengths = np.zeros(64, np.uint32)
        self._free: list[int] = []
        self._next = 0
        self._quarantine: deque[tuple[int, int]] = deque()

    def take(self, size: int, label: str) -> Region:
        """`size` > 0 bytes. Raises `OutOfMemory`."""
        if self.used + size > self.limit:
            raise OutOfMemory(size, self.used, self.limit)
        region = Region(self, size, label)
        if self._free:
            region.slot = self._free.pop()
        else:
            region.slot = self._next
            self._next += 1
            if 2 * self._next > len(self.starts):
                self.starts = np.concatenate((self.starts, np.zeros_like(self.starts)))
                self.lengths = np.concatenate((self.lengths, np.zeros_like(self.lengths)))
        self._watch(region)
        self.regions[region.slot] = region
        self.used += size
        return region

    def _watch(self, region: Region) -> None:
        (a, n), (b, m) = region.stretches()
        slot = 2 * region.slot
        self.starts[slot : slot + 2] = a, b
        self.lengths[slot : slot + 2] = n, m

    def release(self, region: Region) -> None:
        self.regions.pop(region.slot, None)
        self.lengths[2 * region.slot : 2 * region.slot + 2] = 0
        self._free.append(region.slot)
        self.used -= region.size
        # the pages go back to the system, the addresses stay taken
        if region.map_size <= 1 << 30:
            _libc.mmap(region.map_start, region.map_size, _NONE, _IN_PLACE, -1, 0)
            self._quarantine.append((region.map_start, region.map_size))
            if len(self._quarantine) > QUARANTINE:
                _libc.munmap(*self._quarantine.popleft())
        else:
            _libc.munmap(region.map_start, region.map_size)

    @property
    def stretches(self) -> int:
        """How many entries of `starts` and `lengths` count."""
        return 2 * self._next

    def describe(self, address: int) -> str:
        """Where an address lies, in words."""
        nearest, best = None, 1 << 62
        for region in list(self.regions.values()):
            if region.start <= address < region.start + region.size:
                return f"inside of {region.label}, {address - region.start} bytes from its start"
            away = region.start - address if address < region.start else address - (region.start + region.size) + 1
            if away < best:
                nearest, best = region, away
        freed = any(start <= address < start + size for start, size in self._quarantine)
        if freed and (nearest is None or best > GUARD):
            return "in memory that has been freed"
        if nearest is None or best > 1 << 30:
            return "far from every array"
        if address < nearest.start:
            return f"{nearest.start - address} bytes before the start of {nearest.label}"
        return f"{address - nearest.start - nearest.size} bytes past the end of {nearest.label}"


class Region:
    """The memory of one array. `start`: its address; `label`: what is said about it."""

    slot = -1

    def __init__(self, memory: Memory, size: int, label: str) -> None:
        self.memory, self.size, self.label = memory, size, label
        pages = -(-size // PAGE) * PAGE
        self.map_size = pages + 2 * GUARD
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        found = _libc.mmap(None, self.map_size, _NONE, flags, -1, 0)
        if found in (None, _FAILED) or _libc.mprotect(found + GUARD, pages, _READ_WRITE):
            raise MemoryError(f"the host has no {self.map_size} bytes for an array")
        self.map_start = int(found)
        self.first, self.last = self.map_start + GUARD, self.map_start + GUARD + pages
        self.start = self.first if memory.front else self.last - -(-size // ALIGNMENT) * ALIGNMENT
        ctypes.memset(self.first, CANARY, pages)
        ctypes.memset(self.start, POISON, size)

    def stretches(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(address, bytes) of the canaries before and behind the array."""
        before = min(WATCHED, self.start - self.first)
        end = self.start + self.size
        return (self.start - before, before), (end, min(WATCHED, self.last - end))

    def heal(self) -> None:
        """Write the canaries again."""
        for at, length in self.stretches():
            ctypes.memset(at, CANARY, length)

    def bytes(self) -> bytes:
        return ctypes.string_at(self.start, self.size)

    def restore(self, kept: bytes) -> None:
        ctypes.memmove(self.start, kept, self.size)

    def buffer(self) -> Any:
        """The memory as a ctypes array, which keeps the region alive."""
        made = (ctypes.c_ubyte * self.size).from_address(self.start)
        made.region = self
        return made

    def __del__(self) -> None:
        if self.slot >= 0 and _libc is not None:  # None: Python is shutting down
            self.memory.release(self)


MEMORY = Memory()
