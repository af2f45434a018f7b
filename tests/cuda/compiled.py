"""Every .cu file with the macro sets it is used with, compiled for real cards by NVRTC."""

from __future__ import annotations

import importlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from swarm.backend import source
from tests.shim import cubin, nvrtc

BOUNDS = Path(__file__).with_name("bounds.toml")
FIGURES = ("registers", "shared", "stack", "spilled")


@cache
def variants() -> dict[str, tuple[dict[str, Any], ...]]:
    """The macro sets of each stem: `VARIANTS` of the modules that launch kernels, `<stem>_cuda.py`. It is a tuple of
    macro sets for the stem itself, or a dict of such tuples by stem where a module launches several files."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for path in sorted(source.PACKAGE.rglob("*_cuda.py")):
        name = ".".join(("swarm", *path.relative_to(source.PACKAGE).with_suffix("").parts))
        listed = getattr(importlib.import_module(name), "VARIANTS", None)
        if listed is not None:
            found.update(listed if isinstance(listed, dict) else {name.removesuffix("_cuda"): tuple(listed)})
    return found


def macros_of(stem: str) -> tuple[dict[str, Any], ...]:
    return variants().get(stem, ({},))


def compile(stem: str, macros: dict[str, Any], architecture: str) -> nvrtc.Result:
    options = (*source.OPTIONS, *source.flags(macros), f"--gpu-architecture={architecture}", *nvrtc.STRICT)
    return nvrtc.compile(source.text_of(stem), options, f"{stem}.cu")


@cache
def bounds() -> dict[str, dict[str, Any]]:
    return tomllib.loads(BOUNDS.read_text(encoding="utf-8"))


def beyond(stem: str, name: str, found: cubin.Figures) -> list[str]:
    """What is more than the bounds allow, in words."""
    allowed = bounds()["default"] | bounds().get(f"{stem} {name}", {})
    return [
        f"{name}: {getattr(found, figure)} {figure}, {allowed[figure]} are stated in bounds.toml"
        for figure in FIGURES
        if getattr(found, figure) > allowed[figure]
    ]
