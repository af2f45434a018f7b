"""Arrays in one deflated run of bytes that a browser reads in place.

    u32 length of the JSON text | JSON [[name, type, count], ...] | arrays, each from a multiple of 8 bytes on

Deflate works on bytes, so numbers come as planes: first all low bytes, then all high ones.
"""

from __future__ import annotations

import json
import zlib

import numpy as np

ALIGNMENT = 8
TYPES = {"u1": np.uint8, "u2": np.uint16, "u4": np.uint32, "i4": np.int32}


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """Flat arrays of `TYPES`, deflated."""
    flat = {name: np.ascontiguousarray(array).reshape(-1) for name, array in arrays.items()}
    text = json.dumps([[name, a.dtype.str[1:], len(a)] for name, a in flat.items()], separators=(",", ":")).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    at = 4 + len(text)
    for array in flat.values():
        data = array.tobytes()
        parts += [bytes(-at % ALIGNMENT), data]
        at += -at % ALIGNMENT + len(data)
    return zlib.compress(b"".join(parts), 6)


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """What `pack` was given, flat."""
    data = zlib.decompress(data)
    at = 4 + int.from_bytes(data[:4], "little")
    arrays = {}
    for name, kind, count in json.loads(data[4:at]):
        at += -at % ALIGNMENT
        arrays[name] = np.frombuffer(data, TYPES[kind], count, at)
        at += arrays[name].nbytes
    return arrays


def planes(values: np.ndarray) -> np.ndarray:
    """uint8 of the little-endian bytes of `values`: byte 0 of all, then byte 1 of all, and so on."""
    flat = np.ascontiguousarray(values).reshape(-1)
    return np.ascontiguousarray(flat.view(np.uint8).reshape(len(flat), flat.dtype.itemsize).T).reshape(-1)


def joined(data: np.ndarray, dtype: type) -> np.ndarray:
    """The values that `planes` took apart."""
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(data.reshape(size, -1).T).reshape(-1).view(dtype)
