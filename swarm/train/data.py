"""Data sets: MNIST from its four files, and the small digits that come with the engine.

MNIST (LeCun, Cortes, Burges, 1998) is looked for in this order: the folder that is named, `SWARM_DATA_DIR`, the cache,
a download from the public mirrors into the cache. Every file is checked: size, gzip checksum, IDX header, and the
SHA-256 of its content. The 8x8 digits are the test part of the UCI data set "Optical Recognition of Handwritten
Digits" (Alpaydin, Kaynak, 1998), which scikit-learn bundles too; they are shipped and need no download.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from swarm.assets import path as asset
from swarm.config import cache_dir
from swarm.errors import DataError
from swarm.train.split import split

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# file -> (shape, SHA-256 of the gzip file as the mirrors have it, SHA-256 of what is inside)
_MNIST = {
    "train-images-idx3-ubyte": (
        (60000, 28, 28),
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        (60000,),
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        (10000, 28, 28),
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        (10000,),
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


@dataclass(frozen=True)
class DataSet:
    """A labelled data set in two splits.

    x [M, I] uint8 (0..255; `fit` scales to 0..1 in the kernel), y [M] uint8 labels; `x_test`, `y_test` the test split.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    source: str

    @property
    def inputs(self) -> int:
        return self.x.shape[1]

    def held(self, fraction: float, seed: int) -> tuple[DataSet, tuple[np.ndarray, np.ndarray] | None]:
        """This data set without `fraction` of the training samples of each class, drawn by `seed`, and those (xv, yv).

        Fraction 0 holds nothing back: None. Raises SettingsError.
        """
        if fraction == 0:
            return self, None
        train, back = split(len(self.x), fraction, seed, self.y)
        return replace(self, x=self.x[train], y=self.y[train]), (self.x[back], self.y[back])


def mnist(folder: str | Path | None = None, download: bool = True) -> DataSet:
    """The 60,000 training and 10,000 test images of handwritten digits: x [M, 784] uint8, y [M] uint8.

    `folder` holds the four files, gzipped or plain, itself or in a subfolder `mnist`; without it SWARM_DATA_DIR, the
    cache and the mirrors are tried in turn. Raises DataError when the files are nowhere, truncated or not MNIST.
    """
    place = _find(folder, download)
    x, y, x_test, y_test = (_load(place, name) for name in _MNIST)
    return DataSet("mnist", x.reshape(len(x), -1), y, x_test.reshape(len(x_test), -1), y_test, 10, str(place))


def digits() -> DataSet:
    """1,797 handwritten digits of 8x8 pixels, shipped with the engine: x [M, 64] uint8, y [M] uint8.

    The first 1,437 (four fifths, in the order of the source) train, the rest test. The source counts 0..16 dots per
    pixel; here 16 becomes 255. Raises DataError when the installation lacks the file.
    """
    path = asset("data/digits.npz")
    with np.load(path) as file:
        counts, y = file["x"], file["y"]
    x = (counts.astype(np.uint16) * 255 // 16).astype(np.uint8)
    train = 1437
    return DataSet("digits", x[:train], y[:train], x[train:], y[train:], 10, str(path))


def read_idx(path: str | Path) -> np.ndarray:
    """The uint8 array in an IDX file, gzipped or plain, with the dimensions its header tells.

    Raises DataError naming the file when it is missing, truncated, or not an IDX file of unsigned bytes.
    """
    path = Path(path)
    return _parse(_content(path), path)


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, f"is truncated or corrupted ({error})") from None
    except OSError as error:
        raise DataError(f"Cannot read the data file '{path}': {error.strerror or error}.") from None


def _parse(content: bytes, path: Path) -> np.ndarray:
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or not 1 <= content[3] <= 8:
        raise _bad(path, f"is not an IDX file of unsigned bytes (it starts with {content[:4].hex(' ') or 'nothing'})")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise _bad(path, "ends inside its header")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != size:
        raise _bad(path, f"tells {size:,} bytes of data in its header ({shape}) but holds {len(content) - start:,}")
    return np.frombuffer(bytearray(content), np.uint8, offset=start).reshape(shape)


def _load(folder: Path, name: str) -> np.ndarray:
    path = _file(folder, name)
    if path is None:
        raise DataError(f"MNIST: '{folder}' lacks {name}.gz. {_ways()}")
    content = _content(path)
    shape, _, digest = _MNIST[name]
    array = _parse(content, path)
    if array.shape != shape:
        raise _bad(path, f"has the shape {array.shape}, MNIST's is {shape}")
    if hashlib.sha256(content).hexdigest() != digest:
        raise _bad(path, "differs from MNIST's file (SHA-256 of the content)")
    return array


def _bad(path: Path, what: str) -> DataError:
    return DataError(
        f"The data file '{path}' {what}. Remedy: delete it and copy or download it again"
        " (`swarm train mnist` downloads into the cache when the folder it looks into has none)."
    )


def _cache() -> Path:
    return cache_dir("data", "mnist")


def _ways() -> str:
    names = ", ".join(f"{name}.gz" for name in _MNIST)
    return (
        f"MNIST's four files ({names}) can come from: (1) --data DIR, (2) the environment variable SWARM_DATA_DIR=DIR,"
        f" (3) the cache, {_cache()}, (4) a download from {' or '.join(MIRRORS)}."
        " `swarm train digits` needs no download."
    )


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)


def _complete(folder: Path) -> Path | None:
    """The folder, or its subfolder `mnist`, that has all four files."""
    for place in (folder, folder / "mnist"):
        if all(_file(place, name) for name in _MNIST):
            return place
    return None


def _find(folder: str | Path | None, download: bool) -> Path:
    if folder is not None:
        if not Path(folder).is_dir():
            raise DataError(f"MNIST: --data '{folder}' is not a folder. {_ways()}")
        if place := _complete(Path(folder)):
            return place
        lacks = [f"{name}.gz" for name in _MNIST if not _file(Path(folder), name)]
        raise DataError(f"MNIST: '{folder}' lacks {', '.join(lacks)}. {_ways()}")
    named = os.environ.get("SWARM_DATA_DIR")
    for place in (Path(named) if named else None, _cache()):
        if place and (found := _complete(place)):
            return found
    if not download:
        raise DataError(f"MNIST is not on this machine, and downloading was not allowed. {_ways()}")
    try:
        return _download(_cache())
    except Exception as error:
        looked = f" SWARM_DATA_DIR={named} has not all four." if named else ""
        raise DataError(f"MNIST is not on this machine and cannot be downloaded ({error}).{looked} {_ways()}") from None


def _download(folder: Path) -> Path:
    import logging

    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    for name, (_, digest, _) in _MNIST.items():
        for last, mirror in enumerate(MIRRORS, 1 - len(MIRRORS)):
            try:
                pooch.retrieve(f"{mirror}{name}.gz", f"sha256:{digest}", fname=f"{name}.gz", path=folder)
                break
            except Exception:  # whatever a mirror's failure looks like, the next one may do
                if last == 0:
                    raise
    return folder
