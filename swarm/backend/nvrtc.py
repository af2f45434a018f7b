"""Compiles the text of a kernel file with NVRTC, through CuPy's bindings, and keeps the result on disk.

CuPy's own `RawModule` is not used: it adds `-ftz=true`, which flushes small numbers to zero where the CPU keeps them.
What is kept is named by a digest of text, options, architecture and compiler; a folder that cannot be written to costs
compile time, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from swarm import config
from swarm.backend import source
from swarm.errors import BackendError

_PLACE = re.compile(r"^(\S+?)\((\d+)\): error", re.MULTILINE)


def compile(stem: str, macros: dict[str, Any], capability: tuple[int, int]) -> bytes:
    """Machine code of a stem for a card, from disk where it was compiled before. Raises `BackendError`."""
    text = source.text_of(stem)
    import cupy

    nvrtc: Any = cupy.cuda.nvrtc

    options = (*source.OPTIONS, *source.flags(macros), _architecture(nvrtc, capability))
    key = "\0".join((text, *options, str(nvrtc.getVersion())))
    kept = config.cache_dir("cuda") / f"{stem.rpartition('.')[2]}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.bin"
    with suppress(OSError):
        return kept.read_bytes()
    code = _compile(nvrtc, text, stem, options, macros)
    with suppress(OSError):
        _keep(kept, code)
    return code


def missing() -> str:
    """Why the compiler cannot be loaded, in one line; nothing where it can. CuPy's wheel alone does not bring it."""
    import cupy

    nvrtc: Any = cupy.cuda.nvrtc

    try:
        nvrtc.getVersion()
    except Exception as error:  # of CuPy's loader; its text has a line per place that was looked at
        return (str(error).strip().splitlines() or [type(error).__name__])[0].strip(" .")
    return ""


def _architecture(nvrtc: Any, capability: tuple[int, int]) -> str:
    """Machine code for the card; for one that is newer than the compiler, the newest portable code it makes."""
    known = sorted(int(arch) for arch in nvrtc.getSupportedArchs())
    number = 10 * capability[0] + capability[1]
    if number in known:
        return f"--gpu-architecture=sm_{number}"
    older = [arch for arch in known if arch <= number]
    return f"--gpu-architecture=compute_{(older or known)[-1]}"


def _compile(nvrtc: Any, text: str, stem: str, options: tuple[str, ...], macros: dict[str, Any]) -> bytes:
    program = nvrtc.createProgram(text, f"{stem}.cu", (), ())
    try:
        nvrtc.compileProgram(program, options)
        portable = "=compute_" in options[-1]
        return _bytes(nvrtc.getPTX(program) if portable else nvrtc.getCUBIN(program))
    except nvrtc.NVRTCError as error:
        raise failure(stem, macros, nvrtc.getProgramLog(program) or str(error)) from None
    finally:
        nvrtc.destroyProgram(program)


def failure(stem: str, macros: dict[str, Any], log: str) -> BackendError:
    """The error for a kernel file that does not compile: stem, first line at fault, macros, then the compiler's log."""
    place = _PLACE.search(log)
    where = f", {place[1]}, line {place[2]}" if place else ""
    given = " ".join(source.flags(macros)) or "none"
    return BackendError(
        f"{stem} does not compile for CUDA{where}; macros: {given}. Remedy: this is a fault of the engine or of this "
        f"CUDA version; backend='cpu' runs the same world. The compiler says:\n{log.strip()}"
    )


def _bytes(code: Any) -> bytes:
    return code.encode() if isinstance(code, str) else bytes(code)


def _keep(path: Path, code: bytes) -> None:
    """Write whole or not at all: other processes may compile the same file at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(code)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
