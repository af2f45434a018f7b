"""Compiles the text of a .cu file with g++ and host.h to a shared library, once per text, macros and compiler.

The library of a text lies in a folder of the user's cache, named by a digest of everything that goes into it, and is
moved there whole, so that two processes may build the same one.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from swarm.backend import source
from swarm.errors import BackendError

HERE = Path(__file__).resolve().parent
MOST_PARAMETERS = 16
CHECKS = (
    "bounds,bounds-strict,alignment,null,object-size,shift,float-cast-overflow,integer-divide-by-zero,"
    "signed-integer-overflow,bool,return,unreachable,vla-bound"
)
FLAGS = (
    "-std=gnu++17", "-O1", "-g1", "-fPIC", "-w", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing",
    "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-ftrivial-auto-var-init=pattern",
    f"-fsanitize={CHECKS}", "-fno-sanitize-recover=all", "-U_FORTIFY_SOURCE",
)  # fmt: skip
RUNTIME_FLAGS = ("-std=gnu++17", "-O2", "-g1", "-fPIC", "-fno-exceptions", "-U_FORTIFY_SOURCE")
_KERNEL = re.compile(r'extern "C" __attribute__\(\(used, noinline\)\) void\s+(\w+)\s*\(')
_TAIL = (
    'extern "C" __attribute__((used)) const shim::Entry* shim_entry_{0}() {{ '
    "static const shim::Entry found = shim::make({0}); return &found; }}\n"
)


class Parameter(ctypes.Structure):
    """One parameter of a kernel; host.h has the same fields."""

    _fields_ = (
        ("kind", ctypes.c_char),
        ("pointee", ctypes.c_char),
        ("constant", ctypes.c_short),
        ("size", ctypes.c_int),
        ("pointee_size", ctypes.c_int),
    )


class Entry(ctypes.Structure):
    """What host.h says about a kernel."""

    _fields_ = (
        ("call", ctypes.c_void_p),
        ("function", ctypes.c_void_p),
        ("count", ctypes.c_int),
        ("parameters", Parameter * MOST_PARAMETERS),
    )


class Report(ctypes.Structure):
    """What went wrong in a launch; host.cpp has the same fields."""

    _fields_ = (
        ("message", ctypes.c_char * 1200),
        ("block", ctypes.c_longlong),
        ("thread", ctypes.c_longlong),
        ("address", ctypes.c_ulonglong),
        ("at", ctypes.c_ulonglong),
    )


@dataclass
class Library:
    """A compiled .cu file: `functions[name]` is the address of the kernel's `Entry`."""

    path: Path
    names: tuple[str, ...]
    loaded: ctypes.CDLL

    def entry(self, name: str) -> int:
        find = getattr(self.loaded, f"shim_entry_{name}")
        find.restype = ctypes.c_void_p
        return int(find())

    def line_of(self, at: int) -> str:
        """ "file:line" of an instruction of this library, inlined calls innermost first; "" where it is not known."""
        tool = shutil.which("addr2line")
        if not tool:
            return ""
        done = subprocess.run([tool, "-i", "-e", str(self.path), hex(at)], capture_output=True, text=True)
        lines = (line.split(" ")[0].removeprefix("./") for line in done.stdout.splitlines())
        return ", in ".join(line for line in lines if "?" not in line and "host.h" not in line)


def available() -> str:
    """Why kernels cannot be compiled for the host here; "" if they can."""
    if platform.system() not in ("Linux", "Darwin"):
        return f"the shim does not run on {platform.system()}"
    return "" if shutil.which(compiler()) else f"there is no {compiler()}"


def compiler() -> str:
    return os.environ.get("CXX", "g++")


@cache
def _version() -> str:
    return subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True).stdout


@cache
def _machine() -> tuple[str, ...]:
    """Fused multiply-add and rounding as instructions where the processor has them: the same results, faster."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    pairs = (("FMA3", "-mfma"), ("SSE41", "-msse4.1"), ("POPCNT", "-mpopcnt"))
    return tuple(flag for name, flag in pairs if features.get(name))


@cache
def folder() -> Path:
    """The cache; SWARM_SHIM_CACHE names another place."""
    named = os.environ.get("SWARM_SHIM_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in (Path(named) if named else Path(home) / "swarm" / "shim", Path(tempfile.gettempdir()) / "swarm-shim"):
        try:
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="swarm-shim-"))


def digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


@cache
def _runtime() -> Path:
    """host.cpp, compiled."""
    text = (HERE / "host.cpp").read_text() + (HERE / "host.h").read_text()
    made = folder() / f"host-{digest(text, RUNTIME_FLAGS, _machine(), _version())}.o"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=folder()) as room:
            part = Path(room) / "host.o"
            _run([*RUNTIME_FLAGS, *_machine(), "-c", str(HERE / "host.cpp"), "-o", str(part)], "the shim's runtime")
            os.replace(part, made)
    return made


_loaded: dict[str, Library] = {}


def library(text: str, macros: dict[str, object], stem: str = "a kernel") -> Library:
    """The compiled `text` (a whole .cu file). Raises `BackendError` naming stem, line and macros."""
    defines = source.flags(macros)
    header = (HERE / "host.h").read_text()
    name = digest(text, defines, header, (HERE / "host.cpp").read_text(), FLAGS, _machine(), _version(), _TAIL)
    if name not in _loaded:
        made = folder() / f"{name}.so"
        if not made.exists():
            _build(text, header, defines, made, stem)
        names = tuple(made.with_suffix(".txt").read_text().split())
        _loaded[name] = Library(made, names, ctypes.CDLL(str(made)))
    return _loaded[name]


def _build(text: str, header: str, defines: tuple[str, ...], made: Path, stem: str) -> None:
    what = f"{stem} does not compile for the host (macros: {' '.join(defines) or 'none'})"
    with tempfile.TemporaryDirectory(dir=made.parent) as room:
        whole, plain, part, shared = (Path(room) / name for name in ("k.cpp", "k.ii", "k.o", "k.so"))
        defined = "".join("#define {} {}\n".format(*flag.removeprefix("-D").split("=", 1)) for flag in defines)
        whole.write_text(f'#line 1 "host.h"\n{header}\n{defined}{text}')  # macros do not reach the header
        _run(["-std=gnu++17", "-E", str(whole), "-o", str(plain)], what, Path(room))
        expanded = plain.read_text()
        names = list(dict.fromkeys(_KERNEL.findall(expanded)))
        plain.write_text(expanded + '\n# 1 "calls"\n' + "".join(_TAIL.format(name) for name in names))
        names_only = f"-fdebug-prefix-map={room}=."  # in what the library says about its lines
        _run([*FLAGS, *_machine(), names_only, "-fpreprocessed", "-c", str(plain), "-o", str(part)], what, Path(room))
        _run(["-shared", "-Wl,-Bsymbolic", "-Wl,-z,noexecstack", str(part), str(_runtime()), "-o", str(shared)], what)
        listed = Path(room) / "k.txt"
        listed.write_text("\n".join(names))
        os.replace(listed, made.with_suffix(".txt"))
        os.replace(shared, made)


def _run(words: list[str], what: str, room: Path | None = None) -> None:
    done = subprocess.run([compiler(), *words], capture_output=True, text=True, cwd=room)
    if done.returncode:
        wrong = [line for line in done.stderr.splitlines() if "error:" in line or "undefined" in line]
        raise BackendError(f"{what}:\n" + "\n".join((wrong or done.stderr.splitlines())[:12]))
