"""`swarm info`: what this machine offers, in plain words, and the remedy for whatever is missing.

Each question is a function that returns findings; one that fails says so and stops no other.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from . import __version__, config
from .backend import cuda, device, driver
from .backend.memory import human
from .bench import machine
from .errors import SwarmError

State = Literal["ok", "note", "missing"]
LITTLE = 1 << 30  # bytes free on a card, below which a word of warning is due
FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512bf16", "amx-bf16", "neon", "sve", "bf16")


@dataclass(frozen=True)
class Finding:
    """One line: what was asked, what was found, and the way out where something is missing."""

    topic: str
    text: str
    state: State = "ok"
    remedy: str = ""


def findings() -> list[Finding]:
    """All answers, in the order they are shown."""
    found: list[Finding] = []
    for ask in (_package, _processor, _memory, _backends, _threads, _gpu, _window, _caches, _data, _clashes):
        try:
            found += ask()
        except Exception as error:  # whatever a broken driver or package does: the other answers still come
            found.append(Finding(ask.__name__.strip("_"), f"could not be asked: {error!r}", "missing"))
    return found


def command() -> None:
    """Print the findings."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "missing": "[red]missing[/]"}
    from rich.markup import escape

    last = ""
    for item in findings():
        text = f"{marks[item.state]}  {escape(item.text)}"
        if item.remedy:
            text += f"\n      [cyan]remedy:[/] {escape(item.remedy)}"
        table.add_row("" if item.topic == last else item.topic, text)
        last = item.topic
    Console().print(table, highlight=False)


def _package() -> list[Finding]:
    here = Path(__file__).resolve().parent
    commit = machine.commit()
    text = f"swarm {__version__}{f', commit {commit}' if commit else ''}, in {here}"
    return [Finding("package", text), Finding("package", f"Python {sys.version.split()[0]}, {sys.executable}")]


def _processor() -> list[Finding]:
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    names = [name for name in FEATURES if features.get(name)]
    text = f"{machine.processor()} ({llvm.get_host_cpu_name()}), {device.cores()} cores; {', '.join(names) or 'plain'}"
    found = [Finding("processor", text)]
    named = os.environ.get("NUMBA_CPU_NAME")
    if named:
        text = f"NUMBA_CPU_NAME={named}: kernels are compiled for that processor, not for this one"
        found.append(Finding("processor", text, "note", "unset NUMBA_CPU_NAME, unless you compare processors"))
    return found


def _memory() -> list[Finding]:
    memory = psutil.virtual_memory()
    return [Finding("memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB of it free")]


def _backends() -> list[Finding]:
    chosen = device.choose("auto")
    found = [Finding("backends", f"auto is '{chosen.name}': {chosen.reason}")]
    for name in ("cuda", "cpu", "reference"):
        try:
            backend = device.choose(name)
            works = f"{backend.threads} thread{'s' * (backend.threads > 1)}"
            if backend.device is not None:
                works = str(backend.device.facts()["gpu"])
            found.append(Finding("backends", f"{name}: works, {works}"))
        except SwarmError as error:
            text, _, remedy = str(error).partition(" Remedy: ")
            if name == "cuda":  # why not, and the remedy, stand under "gpu"
                text, remedy = "cuda: cannot be used here; see gpu", ""
            found.append(Finding("backends", text, "note", remedy))
    return found


def _threads() -> list[Finding]:
    import numba

    from .backend import jit

    layer = jit.threading_layer()
    found = [
        Finding("threads", f"numba {numba.__version__} on its '{layer}' layer, {device.cores()} threads by default")
    ]
    if layer == "workqueue":
        text = "workqueue runs one kernel at a time: worlds in several Python threads take turns"
        found.append(Finding("threads", text, "note", "pip install tbb, or on Debian and Ubuntu: apt install libgomp1"))
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) < device.cores():
            text = f"{name}={value}: fewer than the {device.cores()} cores there are"
            found.append(Finding("threads", text, "note", f"unset {name}"))
    return found


def _gpu() -> list[Finding]:
    found, there = [], driver.look()
    if there.driver:
        speaks = f"CUDA {there.driver // 1000}.{there.driver % 1000 // 10}"
        found.append(Finding("gpu", f"NVIDIA driver for {speaks}"))
        found += [Finding("gpu", f"card {number}: {card}") for number, card in enumerate(there.cards)]
    found += [Finding("gpu", f"{name} {version}") for name, version in driver.installed()]
    obstacle, not_used = driver.obstacle(there), "CUDA is not used, the CPU does the work"
    if obstacle is not None:
        nothing = not there.driver or not there.cards  # a machine without a card lacks nothing
        state: State = "note" if nothing else "missing"
        return [*found, Finding("gpu", f"{not_used}: {obstacle.text}", state, obstacle.remedy)]
    try:
        card = cuda.device()
    except Exception as error:  # whatever CuPy says when it is broken
        text, _, remedy = str(error).partition(" Remedy: ")
        return [*found, Finding("gpu", f"{not_used}: {text}", "missing", remedy or driver.reinstall(there))]
    free, total = card.memory()
    text = f"CUDA works: {human(free)} of {human(total)} are free on the card"
    if free < min(LITTLE, total // 4):
        remedy = "end the programs that nvidia-smi lists, or ask for fewer agents; swarm plan says what fits"
        return [*found, Finding("gpu", f"{text}, which is little", "note", remedy)]
    return [*found, Finding("gpu", text)]


_CONTEXT = """
import moderngl, sys
try:
    context = moderngl.create_context(standalone=True, **({"backend": "egl"} if sys.platform == "linux" else {}))
    print("ok", context.info["GL_RENDERER"], "OpenGL", context.version_code / 100)
except Exception as error:
    print("no", error)
"""


def _window() -> list[Finding]:
    more = {
        "imgui_bundle": ("imgui-bundle not installed: no charts, sliders and minds in the window", "view"),
        "av": ("PyAV not installed: no videos; --record F.html works", "video"),
    }
    return _screen() + [
        Finding("window", text, "missing", f'pip install "swarm-engine[{extra}]"')
        for module, (text, extra) in more.items()
        if not _has(module)
    ]


def _screen() -> list[Finding]:
    found = []
    absent = [name for name, module in (("pygame-ce", "pygame"), ("moderngl", "moderngl")) if not _has(module)]
    if absent:
        text = f"{' and '.join(absent)} not installed: no window, no screenshots; everything else works"
        return [Finding("window", text, "missing", 'pip install "swarm-engine[view]"')]
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen:
        found.append(Finding("window", "there is a screen: `swarm demo` opens a window"))
    else:
        text = "no screen (neither DISPLAY nor WAYLAND_DISPLAY is set): `swarm demo` shows live statistics"
        found.append(Finding("window", text, "note", "--screenshot F.png draws without a screen"))
    # asked in a process of its own: a broken driver may take its process along
    done = subprocess.run([sys.executable, "-c", _CONTEXT], capture_output=True, text=True, timeout=60)
    if done.stdout.startswith("ok"):
        return [*found, Finding("window", f"drawing without a screen works: {done.stdout[3:].strip()}")]
    reason = done.stdout[3:].strip() or f"the test process ended with {done.returncode}"
    remedy = (
        "on Debian and Ubuntu: apt install libegl1 libgl1-mesa-dri" if sys.platform == "linux" else "update the driver"
    )
    return [*found, Finding("window", f"drawing without a screen does not work: {reason}", "missing", remedy)]


def _caches() -> list[Finding]:
    found = []
    folders = {"compiled kernels": _kernel_cache(), "CUDA kernels": config.cache_dir("cuda")}
    for what, folder in {**folders, "everything cached": config.cache_dir()}.items():
        files = [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []
        size = sum(file.stat().st_size for file in files)
        found.append(Finding("caches", f"{what}: {folder}, {len(files)} files, {size / 1e6:.1f} MB; safe to delete"))
    return found


def _kernel_cache() -> Path:
    from .backend import jit

    return Path(jit.CACHE_DIR or config.cache_dir("kernels"))


def _data() -> list[Finding]:
    from .train import data

    digits = Finding("data", "8x8 digits: shipped")
    try:
        return [Finding("data", f"MNIST: {data.mnist(download=False).source}"), digits]
    except SwarmError:
        remedy = "swarm train mnist downloads it once; without a network: --data DIR or SWARM_DATA_DIR=DIR"
        return [Finding("data", "MNIST is not on this machine yet", "note", remedy), digits]


def _clashes() -> list[Finding]:
    found = []
    if len(_installed("pygame", "pygame-ce")) == 2:
        text = "classic pygame and pygame-ce are both installed: they overwrite each other's files"
        remedy = "pip uninstall -y pygame pygame-ce && pip install pygame-ce"
        found.append(Finding("clashes", text, "missing", remedy))
    wheels = _installed("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")
    if len(wheels) > 1:
        text = f"{' and '.join(wheels)} are installed side by side: only one may be"
        found.append(
            Finding("clashes", text, "missing", f"pip uninstall -y {' '.join(wheels)}, then install one of them")
        )
    return found or [Finding("clashes", "none")]


def _installed(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
