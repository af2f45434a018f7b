"""What a result was measured on: processor, memory, versions, commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from swarm.backend import device

PACKAGES = (
    "swarm-engine",
    "numpy",
    "numba",
    "llvmlite",
    "ml_dtypes",
    "moderngl",
    "pygame-ce",
    "cupy-cuda12x",
    "cupy-cuda13x",
)


@cache
def processor() -> str:
    """The processor's name as its maker wrote it, or the architecture where the system does not tell."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return " ".join(line.partition(":")[2].split())
    if sys.platform == "darwin":
        name = _said("sysctl", "-n", "machdep.cpu.brand_string")
        if name:
            return name
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """The versions of Python and of the packages a result depends on, those that are installed."""
    return {"python": platform.python_version(), **installed(*PACKAGES)}


def installed(*names: str) -> dict[str, str]:
    """The versions of these packages, those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The checkout's commit, with "+" when files differ from it; empty outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    name = _said("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    return name + "+" * bool(name and _said("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"))


def facts(card: Any = None) -> dict[str, object]:
    """Everything a saved report says about the machine; with the device of a CUDA backend also about the card."""
    return {
        **({} if card is None else card.facts()),
        **({"nvidia_driver": _driver()} if card is not None and card.gpu else {}),
        "processor": processor(),
        "cores": device.cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "numba_cpu_name": os.environ.get("NUMBA_CPU_NAME", ""),
        "versions": versions(),
        "commit": commit(),
    }


def _driver() -> str:
    """The driver's own version, such as 570.86.15; `driver` in a card's facts is the CUDA version that it speaks."""
    said = _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").splitlines()
    return said[0].strip() if said else "unknown"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
