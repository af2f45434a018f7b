"""What there is to run CUDA with: the driver, its cards, the CuPy wheel; and what is in the way, with the remedy.

Asked of the driver's own library and of the list of installed packages. CuPy is not loaded: it takes a second, and a
broken installation may take the process along.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys
from dataclasses import dataclass
from typing import Any

WHEELS = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")
OLDEST_CUPY = 14
OLDEST_CARD = (7, 0)  # Volta
OLDEST_CARD_13 = (7, 5)  # CUDA 13 compiles for Turing and later
LINUX_DRIVER = {12: "525", 13: "580"}  # the first driver of each CUDA version
_NO_DEVICE = 100
_MAJOR, _MINOR = 75, 76  # numbers of two attributes in the driver's interface


@dataclass(frozen=True)
class Card:
    """One card as the driver describes it. capability: the compute capability, such as (9, 0). memory: bytes."""

    name: str
    capability: tuple[int, int]
    memory: int

    def __str__(self) -> str:
        return f"{self.name}, compute capability {'.'.join(map(str, self.capability))}, {self.memory / 1e9:.1f} GB"


@dataclass(frozen=True)
class Found:
    """driver: the CUDA version it speaks, such as 12040; 0 = no driver. failure: what the driver said instead of
    listing cards. wheels: installed CuPy packages and their versions, asked for where there is a driver."""

    driver: int = 0
    failure: int = 0
    cards: tuple[Card, ...] = ()
    wheels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Obstacle:
    """Why CUDA cannot be used, in one line, and what to do about it."""

    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text}. Remedy: {self.remedy}"


def look() -> Found:
    """What is there. Takes microseconds without a driver."""
    library = _library()
    version = ctypes.c_int(0)
    if library is None or library.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return Found()
    failure, cards = _cards(library)
    return Found(version.value, failure, cards, installed())


def obstacle(found: Found) -> Obstacle | None:
    """What stands in the way of CUDA, the first thing first; None if nothing is known to."""
    if not found.driver:
        return Obstacle(
            "there is no NVIDIA driver",
            f"with an NVIDIA card, install its driver ({LINUX_DRIVER[12]} or later), then "
            'pip install "swarm-engine[cuda12]"',
        )
    speaks = f"{found.driver // 1000}.{found.driver % 1000 // 10}"
    if found.driver < 12000:
        return Obstacle(
            f"the NVIDIA driver is too old: it speaks CUDA {speaks}, and 12.0 is the oldest we use",
            f"update the driver to {LINUX_DRIVER[12]} or later",
        )
    if found.failure and found.failure != _NO_DEVICE:
        return Obstacle(
            f"the NVIDIA driver does not start (its error {found.failure})",
            "run nvidia-smi: it says what is wrong; after an update of the driver, restart the machine",
        )
    if not found.cards:
        return Obstacle(
            "the NVIDIA driver sees no card",
            "look at CUDA_VISIBLE_DEVICES and nvidia-smi; a container must be started with the card (--gpus all)",
        )
    card = found.cards[0]
    if card.capability < OLDEST_CARD:
        return Obstacle(
            f"{card.name} has compute capability {'.'.join(map(str, card.capability))}, and 7.0 (Volta) is the oldest "
            "we use",
            "use a newer card, chosen by CUDA_VISIBLE_DEVICES where there are several, or backend='cpu'",
        )
    if not found.wheels:
        return Obstacle("CuPy is not installed", f'pip install "swarm-engine[{extra(found)}]"')
    return _wheel_obstacle(found, card, extra(found), speaks)


def extra(found: Found) -> str:
    """The extra of the package that fits driver and card."""
    turing = bool(found.cards) and found.cards[0].capability >= OLDEST_CARD_13
    return "cuda13" if found.driver >= 13000 and turing else "cuda12"


def reinstall(found: Found) -> str:
    """The lines that put the CuPy that fits in the place of what is installed."""
    names = " ".join(name for name, _ in found.wheels)
    return f'pip uninstall -y {names}, then pip install "swarm-engine[{extra(found)}]"'


def toolkit(found: Found) -> str:
    """The line that installs CUDA's own libraries beside the CuPy that is there."""
    wheel = found.wheels[0][0]
    return "install the CUDA toolkit" if wheel == "cupy" else f'pip install "{wheel}[ctk]"'


def _wheel_obstacle(found: Found, card: Card, extra: str, speaks: str) -> Obstacle | None:
    names, instead = [name for name, _ in found.wheels], reinstall(found)
    if len(names) > 1:
        return Obstacle(f"{' and '.join(names)} are installed side by side: they overwrite each other", instead)
    name, version = found.wheels[0]
    built = name.removeprefix("cupy-cuda").removesuffix("x")
    if built == "11":
        return Obstacle(f"{name} is CuPy for CUDA 11, which we do not support", instead)
    if built == "13" and found.driver < 13000:
        return Obstacle(
            f"{name} is CuPy for CUDA 13, and the driver speaks CUDA {speaks}",
            f"{instead}; or update the driver to {LINUX_DRIVER[13]} or later",
        )
    if built == "13" and card.capability < OLDEST_CARD_13:
        return Obstacle(f"{name} is CuPy for CUDA 13, which has left out {card.name}", instead)
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST_CUPY:
        remedy = f'pip install --upgrade "swarm-engine[{extra}]"'
        return Obstacle(f"{name} {version} is too old, {OLDEST_CUPY}.0 is needed", remedy)
    return None


def installed() -> tuple[tuple[str, str], ...]:
    """The CuPy packages that are installed, with their versions."""
    found = []
    for name in WHEELS:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _library() -> Any:
    try:
        return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None


def _cards(library: Any) -> tuple[int, tuple[Card, ...]]:
    """What starting the driver said (0 = it works), and the cards it lets this process see."""
    failure = library.cuInit(0)
    count = ctypes.c_int(0)
    if failure == 0:
        failure = library.cuDeviceGetCount(ctypes.byref(count))
    cards = []
    for index in range(count.value):
        device, major, minor = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
        memory, name = ctypes.c_size_t(0), ctypes.create_string_buffer(256)
        library.cuDeviceGet(ctypes.byref(device), index)
        library.cuDeviceGetName(name, len(name), device)
        library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        library.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
        library.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
        cards.append(Card(name.value.decode(errors="replace"), (major.value, minor.value), memory.value))
    return failure, tuple(cards)
