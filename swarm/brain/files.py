"""Pools in files: safetensors that any tool opens, written whole or not at all.

Tensors are plain, without gaps: `layer0.weight` [N, I, H] and `layer0.bias` [N, H], and so on; a mixed pool has
`group0.layer0.weight` and `group0.positions` [N of the group] int64. Metadata, all text: `format`, `version`,
`architecture` (JSON: what rebuilds each group's MLP), `mixed`, `dtype`, `count`, `seed`. No code, no pickles.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from swarm.backend.device import Backend, choose
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.mlp import MLP
from swarm.brain.rows import allocate
from swarm.errors import SaveError, SettingsError

FORMAT, VERSION = "swarm.brains", "1"
_REMEDY = "Take another copy of the file, or save the pool again."


def save(brains: Brains, path: str | Path) -> None:
    """Write the living brains of a pool to `path`, in place of a file there. Raises `SaveError`; the old one stays."""
    write(path, *pack(brains))


def load(path: str | Path, backend: str | Backend = "auto") -> Brains:
    """The pool in a file. Raises `SaveError` for a missing, truncated or foreign file, `NonFiniteError` for a NaN."""
    metadata, tensors = read(path)
    try:
        brains = unpack(metadata, tensors, backend)
    except SaveError as error:
        raise SaveError(f"'{path}': {error}") from None
    for group in brains.groups:
        group.check_finite()
    return brains


def write(path: str | Path, metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> None:
    """A file of ours, whole or not at all. Raises `SaveError`; a file that was there then stays."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    with atomic(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=metadata)
            settle(temporary)
        except SafetensorError as error:
            raise SaveError(f"Cannot write '{path}': {error}. Free some space or choose another folder.") from None


def read(path: str | Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and tensors of a file with brains. Raises `SaveError` for a missing, truncated or foreign one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise SaveError(f"'{path}' holds no brains of ours. Give a file that Brains.save wrote.")
            if metadata.get("version") != VERSION:
                version = metadata.get("version")
                raise SaveError(f"'{path}' has version {version}, this program reads {VERSION}. Update swarm.")
            return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except SafetensorError as error:
        raise SaveError(f"'{path}' is truncated or not a safetensors file ({error}). {_REMEDY}") from None
    except SaveError:
        raise
    except OSError as error:
        raise SaveError(f"Cannot read '{path}': {error.strerror or error}. Check the path.") from None


def pack(brains: Brains) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """A pool as text metadata and plain tensors; copies. What `unpack` takes back, and what world saves embed."""
    mixed = isinstance(brains, MixedBrains)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": json.dumps([group.mlp.describe() for group in brains.groups]),
        "mixed": json.dumps(mixed),
        "dtype": brains.dtype.name,
        "count": str(len(brains)),
        "seed": str(brains.seed),
    }
    tensors = {}
    for g, group in enumerate(brains.groups):
        for name, view in _views(on_host(group), f"group{g}." if mixed else ""):
            tensors[name] = np.ascontiguousarray(view)
        if mixed:
            tensors[f"group{g}.positions"] = np.ascontiguousarray(group.positions, np.int64)
    return metadata, tensors


def unpack(metadata: dict[str, str], tensors: dict[str, np.ndarray], backend: str | Backend = "auto") -> Brains:
    """The pool that `pack` took apart. Raises `SaveError` when the parts do not fit each other."""
    where = choose(backend)
    here = where if where.device is None else choose("reference")
    try:
        architectures = [MLP(**values) for values in json.loads(metadata["architecture"])]
        mixed, count, seed = json.loads(metadata["mixed"]), int(metadata["count"]), int(metadata["seed"])
        layouts = [mlp.layout(metadata["dtype"]) for mlp in architectures]
        if count < 0 or not (architectures if mixed else len(architectures) == 1):
            raise ValueError(f"{count} brains of {len(architectures)} architectures")
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        raise SaveError(f"the description of its brains is broken ({error!r}). {_REMEDY}") from None
    groups = []
    for g, (mlp, layout) in enumerate(zip(architectures, layouts)):
        prefix = f"group{g}." if mixed else ""
        n = len(_tensor(tensors, f"{prefix}positions")) if mixed else count
        pool = Brains.over(mlp, layout, here, seed, allocate(n, layout), n)
        for name, view in _views(pool, prefix):
            tensor = _tensor(tensors, name)
            if tensor.shape != view.shape or tensor.dtype != view.dtype:
                raise SaveError(
                    f"'{name}' is {tensor.dtype} {tensor.shape}, but {n} brains {mlp} have {view.dtype} {view.shape}. "
                    f"{_REMEDY}"
                )
            view[...] = tensor
        groups.append(pool if here is where else pool.to(where))
    if not mixed:
        return groups[0]
    positions = [_tensor(tensors, f"group{g}.positions") for g in range(len(groups))]
    if sorted(np.concatenate([*positions, []]).tolist()) != list(range(count)):
        raise SaveError(f"the positions of its groups do not name each of {count} brains once. {_REMEDY}")
    return MixedBrains.of(groups, positions, where, seed)


def on_host(pool: Brains) -> Brains:
    """An equal pool with its rows on the host: itself, or a copy of one on a device."""
    return pool if pool.backend.device is None else pool.to("reference")


def _views(pool: Brains, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for k, layer in enumerate(pool.layout.layers):
        yield f"{prefix}layer{k}.weight", pool.weight(k)
        if layer.bias >= 0:
            yield f"{prefix}layer{k}.bias", pool.bias(k)


def _tensor(tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in tensors:
        raise SaveError(f"'{name}' is missing. {_REMEDY}")
    return tensors[name]


@contextmanager
def atomic(path: str | Path) -> Iterator[str]:
    """A temporary name beside `path`; when the block ends well it is synced to disk and takes `path`'s place.

    When it fails, the temporary file is removed and `path` stays as it was. Raises `SaveError` for the system's errors.
    """
    path = Path(path)
    temporary = str(path.with_name(f".{path.name}.{secrets.token_hex(4)}.part"))
    try:
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        mode = os.fstat(handle).st_mode  # what the user's umask leaves; writers may set a narrower one
        os.close(handle)
        yield temporary
        os.chmod(temporary, mode)
        _sync(temporary, os.O_RDWR)
        os.replace(temporary, path)
        if os.name == "posix":
            _sync(str(path.parent), os.O_RDONLY)
    except SaveError:
        raise
    except OSError as error:
        raise SaveError(
            f"Cannot write '{path}': {error.strerror or error}. Choose another place or free space."
        ) from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def settle(path: str | Path) -> None:
    """Put the metadata of a safetensors file, which its writer leaves in any order, into the order of their names.

    So the same state makes the same bytes. The file has a header's length (u64), the header (JSON), then the data.
    """
    with open(path, "r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        if len(text) == length:
            file.seek(8)
            file.write(text)


def _sync(path: str, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
