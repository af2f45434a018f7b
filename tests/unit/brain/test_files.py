"""Files: what is saved comes back, any tool can read it, and broken files say so."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from swarm.brain import files
from swarm.brain.brains import Brains
from swarm.brain.mixed import MixedBrains
from swarm.brain.mlp import DTYPES, MLP
from swarm.errors import NonFiniteError, SaveError

NET = MLP((3, 5, 2), "relu", "tanh")


def pool(dtype: str = "float32") -> Brains:
    return Brains(NET, 7, seed=11, backend="reference", dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_equal_pool_comes_back(tmp_path, dtype: str) -> None:
    brains = pool(dtype)
    brains.grow(20)
    brains.save(tmp_path / "crowd.safetensors")
    again = Brains.load(tmp_path / "crowd.safetensors", backend="reference")
    assert (again.mlp, again.dtype, again.seed, len(again)) == (NET, brains.dtype, 11, 7)
    assert again.parameters.tobytes() == brains.parameters.tobytes()
    assert os.listdir(tmp_path) == ["crowd.safetensors"]
    (tmp_path / "other").touch()
    assert (tmp_path / "crowd.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mixed_pool_comes_back(tmp_path, dtype: str) -> None:
    brains = Brains([NET, MLP((3, 2), bias=False), NET], seed=2, backend="reference", dtype=dtype)
    brains.permute([2, 1, 0])
    brains.save(str(tmp_path / "mix.safetensors"))
    again = Brains.load(tmp_path / "mix.safetensors", backend="reference")
    assert isinstance(again, MixedBrains)
    assert [one.mlp for one in again] == [one.mlp for one in brains]
    assert [one.flat().tobytes() for one in again] == [one.flat().tobytes() for one in brains]


def test_tensors_are_plain(tmp_path) -> None:
    brains = pool()
    brains.save(tmp_path / "a.safetensors")
    tensors = load_file(tmp_path / "a.safetensors")
    assert {k: v.shape for k, v in tensors.items()} == {
        "layer0.weight": (7, 3, 5),
        "layer0.bias": (7, 5),
        "layer1.weight": (7, 5, 2),
        "layer1.bias": (7, 2),
    }
    np.testing.assert_array_equal(tensors["layer1.weight"], brains.weight(1))


def test_an_empty_pool_comes_back(tmp_path) -> None:
    Brains(NET, 0, backend="reference").save(tmp_path / "none.safetensors")
    assert len(Brains.load(tmp_path / "none.safetensors", backend="reference")) == 0


def test_truncated_files_are_refused_at_every_length(tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    pool().save(path)
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 20, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SaveError, match=r"truncated or not a safetensors file.*another copy"):
            Brains.load(path, backend="reference")


def test_foreign_files_are_refused(tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("not at all")
    with pytest.raises(SaveError, match="not a safetensors file"):
        Brains.load(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(SaveError, match="holds no brains of ours"):
        Brains.load(path)
    with pytest.raises(SaveError, match="Cannot read"):
        Brains.load(tmp_path / "missing.safetensors")
    with pytest.raises(SaveError, match="Cannot read"):
        Brains.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m, t: m.update(version="2"), "has version 2, this program reads 1. Update swarm"),
        (lambda m, t: m.pop("architecture"), "description of its brains is broken"),
        (lambda m, t: m.update(architecture="[{"), "description of its brains is broken"),
        (lambda m, t: m.update(architecture=json.dumps([{"widths": [3]}])), "description of its brains is broken"),
        (lambda m, t: m.update(architecture="[]"), "description of its brains is broken"),
        (lambda m, t: m.update(dtype="int8"), "description of its brains is broken"),
        (lambda m, t: m.update(count="-4"), "description of its brains is broken"),
        (lambda m, t: m.update(count="8"), r"'layer0.weight' is float32 \(7, 3, 5\)"),
        (lambda m, t: t.pop("layer1.bias"), "'layer1.bias' is missing"),
        (lambda m, t: t.update({"layer1.bias": np.zeros((7, 2))}), "'layer1.bias' is float64"),
        (lambda m, t: m.update(mixed="true"), "'group0.positions' is missing"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, change, said: str) -> None:
    metadata, tensors = files.pack(pool())
    change(metadata, tensors)
    save_file(tensors, tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(SaveError, match=said):
        Brains.load(tmp_path / "a.safetensors", backend="reference")


def test_positions_must_be_a_permutation(tmp_path) -> None:
    metadata, tensors = files.pack(Brains([NET, NET], backend="reference"))
    for wrong in ([0, 0], [0, 2], [1, -1]):
        tensors["group0.positions"] = np.array(wrong)
        with pytest.raises(SaveError, match="name each of 2 brains once"):
            files.unpack(metadata, tensors, "reference")


def test_broken_parameters_are_named_at_loading_but_never_lost(tmp_path) -> None:
    brains = pool()
    brains.weight(1)[3, 4, 1] = np.nan
    brains.save(tmp_path / "a.safetensors")
    with pytest.raises(NonFiniteError, match=r"weight \[4, 1\] of layer 1 of brain 3 is nan"):
        Brains.load(tmp_path / "a.safetensors", backend="reference")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.safetensors"
    pool().save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SaveError, match="No space left on device"):
            Brains(NET, 3, backend="reference").save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.safetensors"]
    with pytest.raises(SaveError, match="Cannot write"):
        pool().save(tmp_path / "no such folder" / "a.safetensors")


def test_atomic_keeps_the_old_file_when_the_block_fails(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def stop_halfway() -> None:
        with files.atomic(path) as temporary, open(temporary, "w") as file:
            file.write("half")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        stop_halfway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]
