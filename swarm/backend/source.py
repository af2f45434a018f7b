"""The text of a kernel file as it is compiled: the common header, then the file, with its `#include "..."` pasted.

Everything is one text because CuPy's disk cache does not look into included files; `#line` keeps the names and lines of
the real files in the compiler's messages. Needs neither CuPy nor a GPU, so that tests compile what users run.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from swarm.backend import polynomials, rng

PACKAGE = Path(__file__).resolve().parent.parent
COMMON = PACKAGE / "backend" / "common.cuh"
OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")

GENERATED = {  # headers that are no files
    COMMON.parent / "polynomials.cuh": polynomials.cuda,
    COMMON.parent / "streams.cuh": rng.cuda,
}

_INCLUDE = re.compile(r'^\s*#include "([\w./]+)"\s*$')
_KERNEL = re.compile(r"^KERNEL\s+(\w+)\s*\(", re.MULTILINE)


def path_of(stem: str) -> Path:
    """The .cu file of a stem such as "swarm.stages.move"."""
    return PACKAGE.joinpath(*stem.split(".")[1:]).with_suffix(".cu")


def stems() -> list[str]:
    """All stems that have a .cu file."""
    files = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.cu"))
    return sorted(".".join(("swarm", *file.parts)) for file in files)


@cache
def text_of(stem: str) -> str:
    """The whole source of `stem`, without macros."""
    seen: set[Path] = set()
    return "".join((*_paste(COMMON, seen), *_paste(path_of(stem), seen)))


def kernels_of(stem: str) -> list[str]:
    """The names of the kernels in the .cu file itself."""
    return _KERNEL.findall(path_of(stem).read_text())


def flags(macros: dict[str, object]) -> tuple[str, ...]:
    """`-D` options for macros, in the order of their names; True and False become 1 and 0."""
    values = {name: int(value) if isinstance(value, bool) else value for name, value in macros.items()}
    return tuple(f"-D{name}={values[name]}" for name in sorted(values))


def _paste(path: Path, seen: set[Path]) -> list[str]:
    """The lines of a file with its includes, looked for beside it and in backend/; each file once."""
    seen.add(path)
    name = path.relative_to(PACKAGE.parent).as_posix()
    lines = [f'#line 1 "{name}"\n']
    text = GENERATED[path]() if path in GENERATED else path.read_text()
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        found = _INCLUDE.match(line)
        if not found:
            lines.append(line)
            continue
        for folder in (path.parent, COMMON.parent):
            other = (folder / found[1]).resolve()
            if other.is_file() or other in GENERATED:
                break
        else:
            raise FileNotFoundError(f'{name}, line {number}: there is no "{found[1]}" beside it or in backend/')
        if other not in seen:
            lines += [*_paste(other, seen), f'\n#line {number + 1} "{name}"\n']
        else:
            lines.append("\n")
    return [*lines, "\n"]
