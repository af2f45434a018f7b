"""PyTorch's state_dict: names and shapes, there and back, and against PyTorch itself where it is installed."""

from __future__ import annotations

import os

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from swarm import ACTIVATIONS, MLP, Brains, from_torch, to_torch
from swarm.brain.mlp import DTYPES
from swarm.errors import NonFiniteError, SaveError, SchemaError, SettingsError

rng = np.random.default_rng(4)
X = rng.standard_normal((9, 3)).astype(np.float32)
NET = MLP((3, 5, 4, 2), ("relu", "gelu"), "tanh")
TORCH = {
    "identity": "Identity", "sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "ReLU", "leakyrelu": "LeakyReLU",
    "elu": "ELU", "gelu": "GELU", "selu": "SELU", "hardshrink": "Hardshrink", "mish": "Mish",
}  # fmt: skip

BIASES = {"0.bias": (5,), "2.bias": (4,), "4.bias": (2,)}


def pool(mlp: MLP = NET, dtype: str = "float32") -> Brains:
    brains = Brains(mlp, 4, seed=1, dtype=dtype, backend="reference")
    for k in range(len(mlp.widths) - 1 if mlp.bias else 0):
        brains.bias(k)[:] = rng.standard_normal(brains.bias(k).shape)
    return brains


def test_names_and_shapes_are_torchs(tmp_path):
    brains = pool()
    told = to_torch(brains[2], tmp_path / "a.safetensors")
    tensors = load_file(tmp_path / "a.safetensors")
    shapes = {"0.weight": (5, 3), "2.weight": (4, 5), "4.weight": (2, 4), **BIASES}
    assert {name: tensor.shape for name, tensor in tensors.items()} == shapes
    np.testing.assert_array_equal(tensors["2.weight"], brains.weight(1)[2].T)
    np.testing.assert_array_equal(told["4.bias"], brains.bias(2)[2])
    with safe_open(tmp_path / "a.safetensors", "numpy") as file:
        assert file.metadata()["format"] == "pt"
    assert os.listdir(tmp_path) == ["a.safetensors"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
def test_a_file_comes_back(tmp_path, dtype, bias):
    one = pool(MLP(NET.widths, NET.activation, NET.output, bias), dtype)[1]
    to_torch(one, tmp_path / "a.safetensors")
    again = from_torch(tmp_path / "a.safetensors", backend="reference")
    assert (again.mlp, again.dtype, len(again)) == (one.mlp, one.dtype, 1)
    assert again.flat().tobytes() == one.flat().tobytes()


def test_a_row_of_a_mixed_pool_and_one_on_another_backend():
    mixed = Brains([MLP((3, 2)), NET, MLP((3, 7, 2), "mish")], seed=3, backend="cpu")
    for k, one in enumerate(mixed):
        again = from_torch(to_torch(one), one.mlp.activation, one.mlp.output, backend="cpu")
        np.testing.assert_array_equal(again(X, shared=True)[0], mixed(X, shared=True)[k])
    assert to_torch(mixed.clone([1])).keys() == to_torch(mixed[1]).keys()


def test_other_names_and_types():
    one = pool(MLP((3,) + (4,) * 11 + (2,), "elu"))[0]
    told = to_torch(one)
    for pattern in ("body.{}", "fc{}", "net.{}.linear", "{}"):
        shuffled = {pattern.format(name.split(".")[0]) + "." + name.split(".")[1]: t for name, t in told.items()}
        again = from_torch(dict(reversed(shuffled.items())), "elu", backend="reference")
        np.testing.assert_array_equal(again.flat(), one.flat())
    half = from_torch(told, "elu", dtype="bfloat16", backend="reference")
    assert half.dtype == ml_dtypes.bfloat16
    single = from_torch({"weight": np.ones((2, 3)), "bias": np.ones(2)}, backend="reference")
    assert single.mlp == MLP((3, 2))
    assert single.dtype == np.float64
    told.pop("0.bias")
    assert not from_torch(told, "elu", backend="reference").bias(0).any()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t: t.update({"2.weight": np.ones((4, 6), "f")}), SchemaError, "takes 6 inputs, but '0.weight' .* 5"),
        (lambda t: t.update({"2.weight": np.ones((4, 5, 1), "f")}), SchemaError, r"shape \[4, 5, 1\], not \[outputs"),
        (lambda t: t.update({"2.bias": np.ones(5, "f")}), SchemaError, r"bias of '2.weight' \[4, 5\] has the shape"),
        (lambda t: t.update({"3.running_mean": np.ones(4, "f")}), SchemaError, "'3' has running_mean: not a Linear"),
        (lambda t: t.update({"2.weight": np.ones((4, 5), int)}), SchemaError, "'2.weight' is int64. Convert"),
        (lambda t: t.clear(), SchemaError, "no tensors"),
        (lambda t: t["2.weight"].__setitem__((3, 1), np.nan), NonFiniteError, r"weight \[1, 3\] of layer 1"),
    ],
)
def test_tensors_that_do_not_fit(change, error, said):
    tensors = to_torch(pool()[0])
    change(tensors)
    with pytest.raises(error, match=said):
        from_torch(tensors, "relu", backend="reference")


def test_what_is_refused(tmp_path):
    brains = pool()
    with pytest.raises(SettingsError, match="to_torch: a file holds one network, these are 4"):
        to_torch(brains)
    with pytest.raises(SettingsError, match="is not a brain"):
        to_torch(NET)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingsError, match="which activation stands behind its 2 hidden"):
        from_torch(to_torch(brains[0]))
    with pytest.raises(SettingsError, match="list is not a path"):
        from_torch([1])
    with pytest.raises(SaveError, match="Cannot read"):
        from_torch(tmp_path / "none.safetensors")
    (tmp_path / "a.pt").write_bytes(b"PK\3\4 pickles")
    with pytest.raises(SaveError, match=r"safetensors\.torch\.save_file"):
        from_torch(tmp_path / "a.pt")
    metadata = {"swarm.architecture": '{"widths": [3, 4, 2]}'}
    save_file(to_torch(brains[0]), tmp_path / "b.safetensors", metadata=metadata)
    with pytest.raises(SchemaError, match="its tensors have"):
        from_torch(tmp_path / "b.safetensors")
    with pytest.raises(SaveError, match="Cannot write"):
        to_torch(brains[0], tmp_path / "no such folder" / "a.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match="No space left"):
        to_torch(pool()[0], path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.safetensors"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_against_pytorch(tmp_path, name):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as load_torch
    from safetensors.torch import save_file as save_torch

    nn = torch.nn
    act = getattr(nn, TORCH[name])
    module = nn.Sequential(nn.Linear(3, 6), act(), nn.Linear(6, 5), act(), nn.Linear(5, 2))
    expected = module(torch.from_numpy(X)).detach().numpy()
    save_torch(module.state_dict(), tmp_path / "theirs.safetensors")
    one = from_torch(tmp_path / "theirs.safetensors", name, backend="reference")
    np.testing.assert_allclose(one(X, shared=True)[0], expected, atol=1e-6)
    np.testing.assert_array_equal(from_torch(module, name, backend="reference").flat(), one.flat())
    np.testing.assert_array_equal(
        from_torch(module.bfloat16(), name, backend="reference").flat(), one.astype("bfloat16").flat()
    )
    to_torch(one, tmp_path / "ours.safetensors")
    back = nn.Sequential(nn.Linear(3, 6), act(), nn.Linear(6, 5), act(), nn.Linear(5, 2))
    back.load_state_dict(load_torch(tmp_path / "ours.safetensors"))
    np.testing.assert_array_equal(back(torch.from_numpy(X)).detach().numpy(), expected)
