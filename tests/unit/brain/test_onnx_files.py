"""ONNX: every activation, dtype and shape of network gives in onnxruntime what it gives here."""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest

from swarm import ACTIVATIONS, MLP, Brains, to_onnx
from swarm.brain import onnx_files
from swarm.brain.mlp import DTYPES
from swarm.errors import ExtraError, SaveError, SettingsError

rng = np.random.default_rng(6)
X = (3 * rng.standard_normal((40, 4))).astype(np.float32)


def answers(path, x: np.ndarray) -> np.ndarray:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is in the extra `test`")
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["y"], {"x": x})[0]


def pool(mlp: MLP, count: int = 2, dtype: str = "float32") -> Brains:
    brains = Brains(mlp, count, seed=2, dtype=dtype, backend="reference")
    for k in range(len(mlp.widths) - 1 if mlp.bias else 0):
        brains.bias(k)[:] = rng.standard_normal(brains.bias(k).shape)
    return brains


@pytest.fixture(autouse=True)
def onnx():
    return pytest.importorskip("onnx", reason="onnx is in the extra `onnx`")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(tmp_path, name):
    brains = pool(MLP((4, 9, 6, 3), name, name))
    to_onnx(brains[1], tmp_path / "a.onnx")
    np.testing.assert_allclose(answers(tmp_path / "a.onnx", X), brains(X, shared=True)[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mlp", [MLP((4, 3)), MLP((4, 5, 1), "elu", bias=False)], ids=str)
def test_dtypes_and_layers(tmp_path, mlp, dtype):
    brains = pool(mlp, 1, dtype)
    to_onnx(brains, tmp_path / "a.onnx")
    for batch in (1, 40):
        mine = brains(X[:batch], shared=True)[0]
        np.testing.assert_allclose(answers(tmp_path / "a.onnx", X[:batch]), mine, rtol=1e-5, atol=1e-5)


def test_a_row_of_a_mixed_pool(tmp_path, onnx):
    mixed = Brains([MLP((4, 3)), MLP((4, 8, 3), "mish")], seed=3, backend="cpu")
    for k in range(2):
        to_onnx(mixed[k], tmp_path / f"{k}.onnx")
        np.testing.assert_allclose(answers(tmp_path / f"{k}.onnx", X), mixed(X, shared=True)[k], atol=1e-5)
    made = onnx.load(tmp_path / "1.onnx")
    told = {entry.key: entry.value for entry in made.metadata_props}
    assert MLP(**json.loads(told["swarm.architecture"])) == MLP((4, 8, 3), "mish")
    assert sorted(os.listdir(tmp_path)) == ["0.onnx", "1.onnx"]


@pytest.mark.parametrize("mlp", [MLP((4, 3)), MLP((4, 9, 6, 3), ("mish", "gelu"), "tanh"), MLP((4, 5, 3), bias=False)])
def test_equal_brains_together(tmp_path, mlp):
    brains = pool(mlp, 7)
    to_onnx(brains, tmp_path / "a.onnx")
    for batch in (1, 40):
        together = answers(tmp_path / "a.onnx", X[:batch])
        assert together.shape == (7, batch, 3)
        np.testing.assert_allclose(together, brains(X[:batch], shared=True), rtol=1e-5, atol=1e-5)


def test_equal_brains_of_a_mixed_pool_stand_in_their_order(tmp_path):
    mixed = Brains([MLP((4, 5, 3))] * 4, seed=3, backend="reference")
    mixed.permute([2, 0, 3, 1])
    to_onnx(mixed, tmp_path / "a.onnx")
    np.testing.assert_allclose(answers(tmp_path / "a.onnx", X), mixed(X, shared=True), rtol=1e-5, atol=1e-5)


def test_what_is_refused(tmp_path, monkeypatch):
    brains = pool(MLP((4, 3)))
    with pytest.raises(SettingsError, match="one architecture, these brains have 2"):
        to_onnx(Brains([MLP((4, 3)), MLP((4, 2, 3))], backend="reference"), tmp_path / "a.onnx")
    with pytest.raises(SettingsError, match="has no brains"):
        to_onnx(brains.clone([]), tmp_path / "a.onnx")
    with pytest.raises(SettingsError, match="MLP is no brain"):
        to_onnx(brains.mlp, tmp_path / "a.onnx")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SaveError, match="Cannot write"):
        to_onnx(brains[0], tmp_path / "none" / "a.onnx")
    with monkeypatch.context() as patch:
        patch.setattr(onnx_files, "_MOST", 100)
        with pytest.raises(SaveError, match="120 bytes of parameters; a file holds 100"):
            to_onnx(brains, tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExtraError, match=r"onnx is not installed. Remedy: pip install 'swarm-engine\[onnx\]'"):
        to_onnx(brains[0], tmp_path / "a.onnx")
    assert not os.listdir(tmp_path)
