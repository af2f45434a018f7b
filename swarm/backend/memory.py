"""How much memory is left, asked before a large allocation: systems that overcommit would grant it and kill later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swarm.errors import CapacityError

_CGROUP = Path("/sys/fs/cgroup")
_SMALL = 1 << 20  # bytes nobody asks about


def available() -> int:
    """Bytes this process can still take: what the system has to spare, or what is left of its container's limit."""
    import psutil

    left = int(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit.isdigit():
            used = int((_CGROUP / "memory.current").read_text())
            figures = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
            cache = int(figures.get("inactive_file", 0)) + int(figures.get("active_file", 0))
            left = min(left, max(0, int(limit) - used + cache))
    except (OSError, ValueError):
        pass
    return left


def require(what: str, count: int, each: int, unit: str, device: Any = None) -> None:
    """Raise `CapacityError` when `count` things of `each` bytes do not fit: what was asked, is there, would fit.

    device: the CUDA device they are to lie on; None for the host.
    """
    asked = count * each
    if asked < _SMALL:
        return
    left = available() if device is None else device.memory()[0]
    if asked > left:
        where = "" if device is None else " on the card"
        raise CapacityError(
            f"{what}: {count:,} {unit} of {each:,} bytes ask for {human(asked)}; {human(left)} are free{where}. "
            f"{left // each:,} {unit} would fit."
        )


def human(size: int) -> str:
    """Bytes as a short text: '270 MB', '2.7 GB' (powers of ten)."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or unit == "bytes" else f"{value:.1f} {unit}"
