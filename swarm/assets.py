"""Where the engine's own files lie: shaders, fonts, trained brains.

An installed wheel carries them as `swarm/_assets`; a checkout has them in `assets/` beside the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from swarm.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """The folder that holds the assets. Raises `DataError` where the installation has none."""
    for folder in (_PACKAGE / "_assets", _PACKAGE.parent / "assets"):
        if (folder / "LICENSE").is_file():
            return folder
    raise DataError(
        f"assets: neither {_PACKAGE / '_assets'} nor {_PACKAGE.parent / 'assets'} holds the engine's files. "
        "The installation is incomplete. Remedy: pip install --force-reinstall swarm-engine"
    )


def path(name: str) -> Path:
    """The file `name` (such as "shaders/sprite.frag") on disk. Raises `DataError` if there is none."""
    base = root()
    file = (base / name).resolve()
    if not file.is_relative_to(base.resolve()) or not file.is_file():
        raise DataError(f"assets: {name!r} is not among the engine's files in {base}. Remedy: reinstall swarm-engine")
    return file


def text(name: str) -> str:
    """The contents of the text file `name`."""
    return path(name).read_text(encoding="utf-8")
