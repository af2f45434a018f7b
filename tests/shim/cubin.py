"""What a CUBIN says about its kernels: registers, shared memory, stack, parameters. Read from the ELF file itself.

The figures lie in NVIDIA's `.nv.info` sections, lists of (format, attribute, value); the numbers of the attributes are
not documented, so each figure is compared with what `ptxas -v` prints for the same kernel (`figures_of_log`).
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

_REGISTERS, _FRAME, _PARAMETER, _PARAMETER_BYTES = 0x2F, 0x11, 0x17, 0x19
_SIZED = 4  # the format of attributes with a length; the others carry two bytes
_RESERVED = 1024  # bytes of shared memory that the system takes from each block from sm_90 on

_PROPERTIES = re.compile(r"Function properties for (\w+)\s*\n[^\n]*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
                         r"(\d+) bytes spill loads\s*\n([^\n]*)")  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """One kernel. registers: of a thread; shared, stack, spilled: bytes; parameters: the bytes of each, in order."""

    registers: int
    shared: int = 0
    stack: int = 0
    spilled: int = 0
    parameters: tuple[int, ...] = ()


def figures(cubin: bytes) -> dict[str, Figures]:
    """The kernels of a CUBIN by name; `spilled` is not in it."""
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(cubin))
    sections = {section.name: section for section in elf.iter_sections()}
    names = [name.removeprefix(".text.") for name in sections if name.startswith(".text.")]
    symbols: Any = sections[".symtab"]
    registers, frames = {}, {}
    for attribute, data in _attributes(sections[".nv.info"].data()):
        if attribute in (_REGISTERS, _FRAME):
            symbol, value = struct.unpack("<II", data[:8])
            (registers if attribute == _REGISTERS else frames)[symbols.get_symbol(symbol).name] = value
    reserved = _RESERVED if _architecture(elf) >= 90 else 0
    found = {}
    for name in names:
        shared = sections.get(f".nv.shared.{name}")
        sizes = {}
        for attribute, data in _attributes(sections[f".nv.info.{name}"].data()):
            if attribute == _PARAMETER:
                _, ordinal, _, packed = struct.unpack("<IHHI", data[:12])
                sizes[ordinal] = packed >> 18
        found[name] = Figures(
            registers=registers[name],
            shared=shared["sh_size"] - reserved if shared else 0,
            stack=frames.get(name, 0),
            parameters=tuple(sizes[i] for i in sorted(sizes)),
        )
    return found


def figures_of_log(log: str) -> dict[str, Figures]:
    """The same from what `--ptxas-options=-v` makes the compiler print, without the parameters."""
    found = {}
    for name, stack, stores, loads, used in _PROPERTIES.findall(log):
        registers = re.search(r"Used (\d+) registers", used)
        shared = re.search(r"(\d+) bytes smem", used)
        assert registers, used
        found[name] = Figures(
            int(registers[1]), int(shared[1]) if shared else 0, int(stack), max(int(stores), int(loads))
        )
    return found


def without_parameters(one: Figures) -> Figures:
    return replace(one, parameters=())


def unspilled(one: Figures) -> Figures:
    return replace(one, spilled=0)


def _architecture(elf: Any) -> int:
    """80, 90, ...: in the second byte of the flags since CUDA 13, in the first one before."""
    flags = elf.header["e_flags"]
    high, low = flags >> 8 & 0xFF, flags & 0xFF
    return high if elf.header["e_ident"]["EI_ABIVERSION"] >= 8 else low


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        form, attribute, value = struct.unpack_from("<BBH", data, at)
        at += 4
        if form == _SIZED:
            yield attribute, data[at : at + value]
            at += value
        else:
            yield attribute, data[at - 2 : at]
