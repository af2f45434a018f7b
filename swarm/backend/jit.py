"""How kernels are compiled: numba without fast-math, the GIL released, and a disk cache that knows the sources.

numba's own cache looks at one file only; an intrinsic edited in another would run stale code. The cache folder is
therefore named after a digest of all the package's sources, and folders of older sources are removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event

from swarm.backend import progress

# Threads of GNU OpenMP spin at the end of a launch. With another program on a core, each launch then waits for the
# scheduler, in steps of 4 ms (measured: 12 ms a launch instead of 0.11). Read when the first launch loads the library.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

_PACKAGE = Path(__file__).resolve().parent.parent
_KEEP_DAYS = 14  # how long the folder of other sources stays after its last use


def cache_root() -> Path:
    """The folder of the kernel caches: SWARM_CACHE_DIR, else the user's cache folder."""
    if asked := os.environ.get("SWARM_CACHE_DIR"):
        return Path(asked) / "kernels"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "swarm" / "kernels"


def source_digest() -> str:
    """Digest of all sources that can end up in a kernel (`backend/*.py`, all `*_cpu.py`) and of numba's version."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:2]}".encode())
    for path in sorted({*_PACKAGE.glob("backend/*.py"), *_PACKAGE.glob("**/*_cpu.py")}):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_dir() -> str:
    digest = source_digest()
    user = os.getuid() if hasattr(os, "getuid") else 0
    for root in (cache_root(), Path(tempfile.gettempdir()) / f"swarm-kernels-{user}"):
        try:
            folder = root / digest
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
            _prune(root)
            if os.access(folder, os.W_OK):
                return str(folder)
        except OSError:
            continue
    return ""


def _prune(root: Path) -> None:
    oldest = time.time() - _KEEP_DAYS * 86400
    for folder in root.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


CACHE_DIR = _cache_dir()


def kernel(
    function: Callable | None = None,
    *,
    parallel: bool = False,
    inline: bool = False,
    allocates: bool = True,
    merges: bool = False,
) -> Any:
    """Compile a function with the engine's settings.

    inline: a small helper that must melt into its caller. allocates=False: the function makes no arrays, so numba need
    not count references to the ones it is given; a hot loop that passes arrays to helpers must say so, or pays two
    atomic operations per array and call (measured: 130 against 30 ns a brain). Inlined helpers never allocate.
    merges: a large function with one caller becomes part of it before anything is compiled: LLVM, which takes a caller
    together with all that it calls, goes over the lot once less.
    """

    def compile(function: Callable) -> Any:
        ours, config.CACHE_DIR = config.CACHE_DIR, CACHE_DIR
        try:
            return numba.njit(
                cache=bool(CACHE_DIR) and not inline,
                nogil=True,
                parallel=parallel,
                forceinline=inline,
                error_model="numpy",
                fastmath=False,
                _nrt=allocates and not inline,
                inline="always" if merges else "never",
            )(function)
        finally:
            config.CACHE_DIR = ours

    return compile if function is None else compile(function)


_layer: str | None = None
_detecting = threading.Lock()


def threading_layer() -> str:
    """The layer that runs numba's threads: 'omp', 'tbb' or 'workqueue'. Known after a launch; makes one if need be."""
    with _detecting:
        if _known() is None:
            _touch(1)
    return _known() or "none"


def _known() -> str | None:
    """The layer, once something has been launched."""
    global _layer
    if _layer is None:
        with suppress(ValueError):
            _layer = str(numba.threading_layer())
    return _layer


@kernel(parallel=True)
def _touch(n):
    total = 0
    for i in numba.prange(n):
        total += i
    return total


@contextmanager
def threads(count: int, lock: threading.RLock) -> Iterator[None]:
    """Run kernels on `count` threads of the calling thread; `lock` is taken on the layer that cannot be shared."""
    with lock if _known() in (None, "workqueue") else nullcontext():  # the first launch chooses the layer
        before, wanted = numba.get_num_threads(), min(count, config.NUMBA_NUM_THREADS)
        if before == wanted:  # inside of another, as systems are: setting it costs 20 us
            yield
            return
        numba.set_num_threads(wanted)
        try:
            yield
        finally:
            numba.set_num_threads(before)


class _Listener(event.Listener):
    """Tells whoever watches which of our kernels is being compiled."""

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if progress.watch is not None and function.__module__.startswith("swarm."):
            progress.watch(f"{function.__module__.removeprefix('swarm.').removesuffix('_cpu')} {function.__name__}")

    def on_end(self, event: Any) -> None:
        return None


event.register("numba:compile", _Listener())
