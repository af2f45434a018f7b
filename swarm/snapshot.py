"""A world in one file: the state as safetensors that any tool opens, the rest as JSON in its metadata, never code.

    table/<name>/<Component.column>       [n, *shape]     the living, in row order
    table/<name>/slots, generations, parents, born, brain [n]
    table/<name>/brains/...               one pool, as `Brains.save` writes it
    slots/generation, died, free          [slots]
    resources/<name>
    override log/tick, id, width, actions   where agents were driven

Metadata: `format`, `version` and `world`: tick, seed, size, dt, the tables' schemas, caps, mutations and counters, and
the scene's path, settings and source digest. Files are written whole or not at all.
"""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain import files
from swarm.brain.vary import Mutation
from swarm.digest import Difference, difference, digest, fingerprint
from swarm.ecs import override
from swarm.ecs.component import Component
from swarm.ecs.table import IDENTITY, Table
from swarm.errors import SaveError

if TYPE_CHECKING:
    from swarm.brain.brains import Brains
    from swarm.world import World

__all__ = ["Difference", "difference", "digest", "fingerprint", "load", "read", "restore", "save", "state", "write"]

FORMAT, VERSION = "swarm.world", "1"
_REMEDY = "Take another copy of the file, or save the world again."


# ---------------------------------------------------------------------- world -> state -> file


def state(world: World, whole: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The world as plain values (for JSON) and arrays on the host, which may share the world's memory.

    whole=False leaves out the brains and the log of overrides, for those who keep them in another way. Raises
    `SaveError` when births or deaths are queued: they are no state.
    """
    if any(table.births or table.deaths or table.arrivals for table in world.tables.values()):
        raise SaveError(f"Births or deaths are queued at tick {world.tick}. Save between ticks: world.step() first.")
    arrays: dict[str, Any] = {}
    tables = []
    for table in world.tables.values():
        prefix = f"table/{table.name}/"
        for component in table.components:
            for column in component.columns:
                if column.parent is None:
                    arrays[prefix + column.key] = table.column(column)
        for key in (*IDENTITY, *(("brain",) if table.shared else ())):
            arrays[prefix + key] = table.storage[key][: table.n]
        pool = None
        if table.brains is not None and whole:
            pool, tensors = files.pack(table.brains)
            arrays |= {f"{prefix}brains/{name}": tensor for name, tensor in tensors.items()}
        tables.append(
            {
                "name": table.name,
                "n": table.n,
                "components": [_schema(component) for component in table.components],
                "given": sorted(column.key for column in table.given),
                "shared": table.shared,
                "brains": pool,
                "mutation": None if table.mutation is None else asdict(table.mutation),
                "cap": table.cap,
                "totals": [np.asarray(t).tolist() for t in (table.born_total, table.died_total, table.refused_total)],
            }
        )
    ids = world.ids
    arrays |= {f"slots/{key}": getattr(ids, key)[: ids.used] for key in ("generation", "died", "free")}
    arrays |= {f"resources/{name}": world.backend.host(value) for name, value in world.resources.items()}
    arrays = {name: world.backend.host(array) for name, array in arrays.items()}
    if whole:
        arrays |= override.pack(world._overrides)
    values = {
        "tick": world.tick,
        "seed": world.seed,
        "size": list(world.size),
        "dt": world.dt,
        "max_catch_up": world.max_catch_up,
        "scattered": world.scattered,
        "tables": tables,
        "scene": world.scene,
    }
    if world.worlds > 1:
        values["worlds"] = {"seeds": world.seeds.tolist(), "ticks": world.ticks.tolist()}
    return values, arrays


def save(world: World, path: str | Path) -> None:
    """Write `path`, in place of a file there. Raises `SaveError`; a file that was there then stays as it was."""
    write(path, *state(world))


def write(path: str | Path, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a state to `path`, as `save` does. Raises `SaveError`."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        text = json.dumps(values)
    except TypeError as error:
        raise SaveError(f"Cannot write '{path}': {error}. Settings are plain numbers and texts.") from None
    metadata = {"format": FORMAT, "version": VERSION, "world": text}
    with files.atomic(path) as temporary:
        try:
            whole = {name: a if a.flags.c_contiguous else np.ascontiguousarray(a) for name, a in arrays.items()}
            save_file(whole, temporary, metadata=metadata)
            files.settle(temporary)
        except SafetensorError as error:
            raise SaveError(f"Cannot write '{path}': {error}. Free some space or choose another folder.") from None


# ---------------------------------------------------------------------- file -> state -> world


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Values and arrays of a file. Raises `SaveError` for a missing, truncated or foreign one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise SaveError(f"'{path}' holds no world of ours. Give a file that World.save wrote.")
            if metadata.get("version") != VERSION:
                version = metadata.get("version")
                raise SaveError(f"'{path}' has version {version}, this program reads {VERSION}. Update swarm.")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        values = json.loads(metadata["world"])
        if missing := {"tick", "seed", "size", "dt", "max_catch_up", "scattered", "tables", "scene"} - set(values):
            raise ValueError(f"without {', '.join(sorted(missing))}")
        return values, arrays
    except SaveError:
        raise
    except SafetensorError as error:
        raise SaveError(f"'{path}' is truncated or not a safetensors file ({error}). {_REMEDY}") from None
    except (KeyError, ValueError) as error:
        raise SaveError(f"'{path}': its description is broken ({error!r}). {_REMEDY}") from None
    except OSError as error:
        raise SaveError(f"Cannot read '{path}': {error.strerror or error}. Check the path.") from None


def load(
    kind: type[World],
    path: str | Path,
    components: Iterable[type[Component]] | None = None,
    schedule: Iterable[Any] | None = None,
    backend: str | Backend = "auto",
    threads: int | None = None,
    rebuild: Callable[..., World] | None = None,
) -> World:
    """See `World.load`. rebuild(scene, backend=, threads=) makes a scene's world; its state is then replaced."""
    values, arrays = read(path)
    if components is not None:
        world = kind(values["size"], values["dt"], backend, values["seed"], threads, values["max_catch_up"])
        known = {component.__name__: component for component in components}
    elif values["scene"] is not None:
        make = importlib.import_module("swarm.scenes").rebuild if rebuild is None else rebuild
        world = make(values["scene"], backend=backend, threads=threads)
        values["scene"] = _same_source(values["scene"], world.scene)
        known = {c.__name__: c for table in world.tables.values() for c in table.components}
    else:
        names = ", ".join(sorted({c["name"] for t in values["tables"] for c in t["components"]}))
        raise SaveError(
            f"'{path}' holds a world built by hand. Give its code: "
            f"World.load(path, components=[{names}], schedule=(...))."
        )
    try:
        restore(world, values, arrays, known)
    except SaveError as error:
        raise SaveError(f"'{path}': {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise SaveError(f"'{path}': its description does not fit its data ({error!r}). {_REMEDY}") from error
    if schedule is not None:
        world.schedule = schedule
    return world


def restore(
    world: World,
    values: dict[str, Any],
    arrays: dict[str, np.ndarray],
    known: dict[str, type[Component]],
    pools: Mapping[str, Brains] | None = None,
) -> None:
    """Put a state into a world in place of what it holds. Raises `SaveError` if components differ from the file's.

    pools: by table, the brains of a state that holds none; the tables take them as they are.
    """
    with world.backend.running():
        _restore(world, values, arrays, known, pools or {})


def _restore(
    world: World,
    values: dict[str, Any],
    arrays: dict[str, np.ndarray],
    known: dict[str, type[Component]],
    pools: Mapping[str, Brains],
) -> None:
    made = [[_component(schema, known) for schema in table["components"]] for table in values["tables"]]
    several = values.get("worlds")
    ids = type(world.ids)(world.backend, len(several["seeds"]) if several else 1)
    generation = _array(arrays, "slots/generation", None, np.uint32)
    ids.used = len(generation)
    each = -(-ids.used // ids.worlds)  # slots of every world
    ids.resize(max(64, 1 << max(0, each - 1).bit_length()) * ids.worlds)
    for key in ("generation", "died", "free"):
        target = getattr(ids, key)
        target[: ids.used] = world.backend.array(_array(arrays, f"slots/{key}", (ids.used,), target.dtype))
    ids.spare = int(ids.free.sum()) if ids.worlds == 1 else ids.free.reshape(-1, ids.worlds).sum(axis=0)
    tables: dict[str, Table] = {}
    for saved, components in zip(values["tables"], made):
        table = Table(saved["name"], len(tables), components, ids, shared=saved["shared"])
        table.brains = pools.get(table.name)
        _fill(table, saved, arrays, world.backend)
        ids.enter(table.slots, table.index, ids.xp.arange(table.n, dtype=np.int32))
        tables[table.name] = table
    for table in world.tables.values():
        table.expire("loading a file")
    world.ids, world.tables = ids, tables
    world.tick, world.seed, world.dt = values["tick"], values["seed"], values["dt"]
    if several:
        world.several(several["seeds"], several["ticks"])
    world.size, world.scattered = (values["size"][0], values["size"][1]), values["scattered"]
    world.scene = values["scene"]
    world.resources = {
        name.removeprefix("resources/"): world.backend.array(array.copy()) if array.ndim else array.item()
        for name, array in arrays.items()
        if name.startswith("resources/")
    }
    world._overrides = override.unpack(arrays)
    world.forget()


def _fill(table: Table, saved: dict[str, Any], arrays: dict[str, np.ndarray], backend: Backend) -> None:
    """The rows of one table from a file."""
    prefix, n = f"table/{table.name}/", saved["n"]
    table.reserve(n, "load")
    table.n = n
    columns = {column.key: column for c in table.components for column in c.columns if column.parent is None}
    for key, column in columns.items():
        table.storage[column][:n] = backend.array(_array(arrays, prefix + key, (n, *column.shape), column.dtype))
    for key in (*IDENTITY, *(("brain",) if table.shared else ())):
        table.storage[key][:n] = backend.array(_array(arrays, prefix + key, (n,), table.storage[key].dtype))
    if saved["brains"] is not None:
        start = f"{prefix}brains/"
        tensors = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        table.brains = files.unpack(saved["brains"], tensors, backend)
    if table.own_brains is not None and len(table.own_brains) != n:
        raise SaveError(f"table '{table.name}' has {n} entities and {len(table.own_brains)} brains. {_REMEDY}")
    table.mutation = None if saved["mutation"] is None else Mutation(**saved["mutation"])
    table.cap = saved["cap"]
    totals = (np.asarray(total) if isinstance(total, list) else total for total in saved["totals"])
    table.born_total, table.died_total, table.refused_total = totals
    every = {column.key: column for c in table.components for column in c.columns}
    table.given = {every[key] for key in saved["given"] if key in every}
    table.resize(n, "loading a file")


def _same_source(saved: dict[str, Any], here: dict[str, Any] | None) -> dict[str, Any]:
    """The saved scene with the digest of the source that goes on running it; warns when that has changed."""
    source = (here or saved).get("source")
    if source != saved.get("source"):
        warnings.warn(
            f"Scene '{saved.get('path')}' was changed since this file was saved (source {saved.get('source')}, now "
            f"{source}). The run goes on with the code as it is now and may differ.",
            stacklevel=4,
        )
    return {**saved, "source": source}


def _schema(component: type[Component]) -> dict[str, Any]:
    columns = [column.describe() for column in component.columns if column.parent is None]
    return {"name": component.__name__, "columns": columns}


def _component(saved: dict[str, Any], known: dict[str, type[Component]]) -> type[Component]:
    """The component of that name, if it still has the columns it was saved with."""
    name = saved["name"]
    if name not in known:
        raise SaveError(f"its component {name} is missing here. Give it: components=[..., {name}].")
    ours = {column["name"]: column for column in _schema(known[name])["columns"]}
    theirs = {column["name"]: column for column in saved["columns"]}
    for column in [*theirs, *(column for column in ours if column not in theirs)]:
        if ours.get(column) != theirs.get(column):
            raise SaveError(
                f"{name}.{column} changed since it was saved: {_words(theirs.get(column))} in the file, "
                f"{_words(ours.get(column))} here. Load it with the code that saved it."
            )
    return known[name]


def _words(column: dict[str, Any] | None) -> str:
    if column is None:
        return "not there"
    return f"{column['dtype']}{column['shape'] or ''} {column['unit']}".strip()


def _array(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...] | None, dtype: Any) -> np.ndarray:
    if name not in arrays:
        raise SaveError(f"'{name}' is missing. {_REMEDY}")
    array = arrays[name]
    if (shape is not None and array.shape != shape) or array.dtype != dtype:
        raise SaveError(f"'{name}' is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}. {_REMEDY}")
    return array
