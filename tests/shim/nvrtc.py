"""CUDA C++ to machine code without a GPU or a driver: the NVRTC library of the wheel `nvidia-cuda-nvrtc`, by ctypes.

What was compiled is kept in the shim's cache folder, by a digest of text, options and the library's version.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from tests.shim import build

ARCHITECTURES = ("sm_80", "sm_90")
STRICT = ("-Werror=all-warnings", "--ptxas-options=-v")
DISTRIBUTIONS = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12")


@dataclass(frozen=True)
class Result:
    """cubin: machine code, empty where it does not compile; log: what the compiler said."""

    cubin: bytes
    log: str

    @property
    def messages(self) -> list[str]:
        """The log without the figures that ptxas was asked for."""
        figures = ("ptxas info", "ptxas         .")
        return [line for line in self.log.splitlines() if line.strip() and not line.startswith(figures)]


def library_path() -> Path | None:
    """The wheel's libnvrtc, None where it is not installed."""
    for name in DISTRIBUTIONS:
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name.startswith("libnvrtc.so") or file.name.startswith("nvrtc64"):
                return Path(str(file.locate()))
    return None


@cache
def _library() -> ctypes.CDLL:
    path = library_path()
    if path is None:
        raise RuntimeError("NVRTC is not installed. Remedy: pip install nvidia-cuda-nvrtc")
    loaded = ctypes.CDLL(str(path))
    loaded.nvrtcGetErrorString.restype = ctypes.c_char_p
    return loaded


@cache
def version() -> tuple[int, int]:
    major, minor = ctypes.c_int(), ctypes.c_int()
    _library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


def compile(text: str, options: tuple[str, ...], name: str = "kernel.cu") -> Result:
    """`text` compiled with these options, which must name a real architecture such as `--gpu-architecture=sm_90`."""
    key = build.digest(text, options, name, version())
    kept = build.folder() / f"nvrtc-{key}.cubin"
    try:
        length, _, rest = kept.read_bytes().partition(b"\n")
        return Result(rest[: int(length)], rest[int(length) :].decode())
    except (OSError, ValueError):
        result = _compile(text, options, name)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
        file.write(b"%d\n%s%s" % (len(result.cubin), result.cubin, result.log.encode()))
    os.replace(file.name, kept)
    return result


def _compile(text: str, options: tuple[str, ...], name: str) -> Result:
    nvrtc, program, size = _library(), ctypes.c_void_p(), ctypes.c_size_t()

    def check(code: int) -> None:
        if code:
            raise RuntimeError(f"NVRTC: {nvrtc.nvrtcGetErrorString(code).decode()}")

    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), 0, None, None))
    try:
        given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        failed = nvrtc.nvrtcCompileProgram(program, len(options), given)
        check(nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        check(nvrtc.nvrtcGetProgramLog(program, log))
        said = log.value.decode(errors="replace")
        if failed:
            return Result(b"", said or nvrtc.nvrtcGetErrorString(failed).decode())
        check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)))
        cubin = ctypes.create_string_buffer(size.value)
        check(nvrtc.nvrtcGetCUBIN(program, cubin))
        return Result(cubin.raw, said)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
