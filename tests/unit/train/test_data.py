"""Data sets: what is read, what is refused, and where files are looked for."""

from __future__ import annotations

import gzip
import os
import struct

import numpy as np
import pytest

from swarm.errors import DataError
from swarm.train import data

NAMES = list(data._MNIST)


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without MNIST and without a network."""
    import pooch

    def refuse(url, *_, **__):
        raise ConnectionError(f"no route to {url}")

    monkeypatch.delenv("SWARM_DATA_DIR", raising=False)
    monkeypatch.setenv("SWARM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(pooch, "retrieve", refuse)
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    """MNIST shrunk to a few images, so that tests need not the real files."""
    import hashlib

    rng = np.random.default_rng(0)
    arrays = {}
    for name, (shape, *_) in data._MNIST.items():
        shape = (7 if "train" in name else 3, *shape[1:])
        arrays[name] = rng.integers(0, 10, shape).astype(np.uint8)
        content = idx(arrays[name])
        digests = hashlib.sha256(gzip.compress(content, mtime=0)).hexdigest(), hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(data._MNIST, name, (shape, *digests))
    return arrays


def write(folder, arrays, gzipped=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx(array)
        (folder / (f"{name}.gz" if gzipped else name)).write_bytes(
            gzip.compress(content, mtime=0) if gzipped else content
        )


@pytest.mark.parametrize("shape", [(3,), (2, 4), (3, 28, 28)])
@pytest.mark.parametrize("gzipped", [True, False])
def test_idx_round_trip(tmp_path, shape, gzipped):
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if gzipped else idx(array))
    np.testing.assert_array_equal(data.read_idx(path), array)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: gzip.compress(raw)[:-9], "truncated or corrupted"),
        (lambda raw: gzip.compress(raw)[:40] + b"\xff" + gzip.compress(raw)[41:], "truncated or corrupted"),
        (lambda raw: raw[:-1], "holds 19"),
        (lambda raw: raw + b"\0", "holds 21"),
        (lambda raw: b"\x00\x00\x0d" + raw[3:], "not an IDX file"),
        (lambda raw: b"", "not an IDX file"),
        (lambda raw: raw[:6], "ends inside its header"),
    ],
)
def test_broken_files_are_named(tmp_path, change, words):
    path = tmp_path / "images.gz"
    path.write_bytes(change(idx(np.random.default_rng(1).integers(0, 255, (4, 5)))))
    with pytest.raises(DataError, match=words) as error:
        data.read_idx(path)
    assert str(path) in str(error.value)
    assert "Remedy" in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="Cannot read"):
        data.read_idx(tmp_path / "none")


def test_offline_with_nothing_there_names_all_four_ways(nowhere):
    with pytest.raises(DataError) as error:
        data.mnist()
    text = str(error.value)
    for way in ("--data", "SWARM_DATA_DIR", str(nowhere / "cache"), *data.MIRRORS, "swarm train digits"):
        assert way in text


def test_every_mirror_is_tried(nowhere, monkeypatch):
    import pooch

    asked = []

    def refuse(url, *_, **__):
        asked.append(url)
        raise ConnectionError

    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(DataError):
        data.mnist()
    assert [url.rpartition("/")[0] + "/" for url in asked] == list(data.MIRRORS)


def test_download_goes_to_the_cache(nowhere, small, monkeypatch):
    import pooch

    def retrieve(url, known_hash, fname, path):
        path.mkdir(parents=True, exist_ok=True)
        write(path, {fname.removesuffix(".gz"): small[fname.removesuffix(".gz")]})
        assert pooch.file_hash(str(path / fname)) == known_hash.removeprefix("sha256:")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    set_ = data.mnist()
    assert set_.source == str(nowhere / "cache" / "data" / "mnist")
    np.testing.assert_array_equal(set_.x, small[NAMES[0]].reshape(7, 784))


def test_places_are_tried_in_order(nowhere, small, monkeypatch):
    for where in ("given", "environment", "cache/data"):
        write(nowhere / where / "mnist", small, gzipped=where != "environment")
    assert data.mnist().source == str(nowhere / "cache/data/mnist")
    monkeypatch.setenv("SWARM_DATA_DIR", str(nowhere / "environment"))
    assert data.mnist().source == str(nowhere / "environment/mnist")
    assert data.mnist(nowhere / "given").source == str(nowhere / "given/mnist")
    assert data.mnist(nowhere / "given/mnist").y_test.tolist() == small[NAMES[3]].tolist()


def test_a_named_folder_must_have_the_files(nowhere, small):
    write(nowhere / "cache/data/mnist", small)  # does not stand in for a folder that was asked for
    write(nowhere / "given", {NAMES[0]: small[NAMES[0]]})
    with pytest.raises(DataError, match=rf"lacks {NAMES[1]}.gz, {NAMES[2]}.gz"):
        data.mnist(nowhere / "given")
    with pytest.raises(DataError, match="not a folder"):
        data.mnist(nowhere / "nothing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda array: array[:-1], "shape"),
        (lambda array: array ^ 1, "SHA-256"),
    ],
)
def test_foreign_files_are_refused(nowhere, small, change, words):
    write(nowhere / "given", small)
    write(nowhere / "given", {NAMES[1]: change(small[NAMES[1]])})
    with pytest.raises(DataError, match=words) as error:
        data.mnist(nowhere / "given")
    assert NAMES[1] in str(error.value)


def test_digits_are_shipped(nowhere):
    set_ = data.digits()
    assert (set_.x.shape, set_.x_test.shape, set_.classes) == ((1437, 64), (360, 64), 10)
    assert set_.x.dtype == np.uint8
    assert (set_.x.min(), set_.x.max()) == (0, 255)
    assert np.bincount(np.concatenate([set_.y, set_.y_test])).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip


@pytest.mark.skipif(not os.environ.get("SWARM_DATA_DIR"), reason="SWARM_DATA_DIR names no folder with MNIST")
def test_real_mnist():
    set_ = data.mnist()
    assert (set_.x.shape, set_.y.shape, set_.x_test.shape) == ((60000, 784), (60000,), (10000, 784))
    assert set_.x.dtype == np.uint8
    assert set_.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert set_.x[set_.x > 0].size / set_.x.size == pytest.approx(0.191, abs=0.001)
