"""One process writes into a folder: a file says which. That of a process that has died is taken over."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from swarm.errors import SaveError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises `SaveError` naming the process that has it."""
    path = folder / "lock"
    mine = json.dumps(
        {"pid": os.getpid(), "began": psutil.Process().create_time(), "host": socket.gethostname(),
         "token": secrets.token_hex(8)}
    )  # fmt: skip
    for _ in range(3):
        refuse(folder)
        seen = _read(path)
        if seen is not None:
            _take_over(path, seen)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            continue
        except OSError as error:
            raise SaveError(f"Cannot write to '{folder}': {error.strerror or error}. Choose another --out.") from None
        with os.fdopen(handle, "w") as file:
            file.write(mine)
        break
    else:
        raise SaveError(f"'{folder}' was locked by another process meanwhile. Choose another --out.")
    try:
        yield
    finally:
        if _read(path) == mine:
            path.unlink()


def refuse(folder: Path) -> None:
    """Raise `SaveError` when a living process holds the folder."""
    owner = holder(folder)
    if owner:
        raise SaveError(
            f"'{folder}' is being written by {owner}. Wait for it, or choose another --out. Should that process be "
            f"gone, remove '{folder / 'lock'}'."
        )


def holder(folder: Path) -> str:
    """The process that holds the folder, in words; "" if none does. On another machine it counts as living."""
    text = _read(folder / "lock")
    if not text:
        return ""
    try:
        about = json.loads(text)
        pid, began, host = int(about["pid"]), float(about["began"]), str(about["host"])
    except (ValueError, KeyError, TypeError):
        return ""  # its writer died while it wrote
    if host != socket.gethostname():
        return f"process {pid} on {host}"
    with suppress(psutil.Error):
        if abs(psutil.Process(pid).create_time() - began) < 1.0:
            return f"process {pid}"
    return ""


def _take_over(path: Path, seen: str) -> None:
    """Remove a dead process's lock, unless it has been taken over meanwhile."""
    aside = path.with_name(f"lock.{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):
        os.rename(path, aside)
        if _read(aside) != seen:
            os.rename(aside, path)
        else:
            aside.unlink()


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SaveError(f"Cannot read '{path}': {error.strerror or error}. Choose another --out.") from None
