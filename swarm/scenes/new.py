"""`swarm new my_world.py`: a short scene that runs, to begin one's own from: a copy of `template.py`."""

from __future__ import annotations

from pathlib import Path

from swarm.brain.files import atomic
from swarm.errors import SettingsError

TEMPLATE = Path(__file__).with_name("template.py")


def write(path: Path, force: bool = False) -> None:
    """Write the scene to `path`. Raises `SettingsError` for a name that is no Python file or, without `force`, is
    there already; `SaveError` where it cannot be written."""
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise SettingsError(f"new: '{path}' cannot be a scene. Take a name such as my_world.py: letters, digits and _.")
    if path.is_dir() or (path.exists() and not force):
        raise SettingsError(f"new: '{path}' is there already. Choose another name, or replace it with --force.")
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"new: the folder '{path.parent}' does not exist. Make it first.")
    text = TEMPLATE.read_text(encoding="utf-8").replace("my_world.py", path.as_posix())
    with atomic(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def command(path: Path, force: bool = False) -> None:
    """Write it and say what can be done with it."""
    write(path, force)
    print(f"{path} is written. Next:")
    next_steps = {
        f"swarm demo {path}": "watch it",
        f"swarm settings {path}": "what can be set",
        f"swarm check {path}": "does the same seed give the same run?",
        f"swarm run {path} --ticks 2000 --seeds 0..4 --out runs": "five recorded runs",
    }
    wide = max(map(len, next_steps))
    for words, about in next_steps.items():
        print(f"  {words:<{wide}}  {about}")
