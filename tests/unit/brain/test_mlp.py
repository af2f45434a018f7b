"""Architectures and layouts: what is accepted, what is said when it is not, and where parameters lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm.brain.activations import ACTIVATIONS
from swarm.brain.mlp import DTYPES, MLP, as_dtype
from swarm.errors import SettingsError

architectures = st.builds(
    MLP,
    st.lists(st.integers(1, 40), min_size=2, max_size=5),
    activation=st.sampled_from(ACTIVATIONS),
    output=st.sampled_from(ACTIVATIONS),
    bias=st.booleans(),
)
dtypes = st.sampled_from(sorted(DTYPES))


def test_equal_architectures_are_equal_and_hash_equal() -> None:
    one = MLP((3, 5, 5, 2), "relu", output="tanh")
    two = MLP([3, np.int64(5), 5, 2], ["relu", "relu"], "tanh")
    assert one == two
    assert hash(one) == hash(two)
    assert one != MLP((3, 5, 5, 2), ("relu", "tanh"), "tanh")
    assert MLP((4, 2), "tanh") == MLP((4, 2), "relu")  # without a hidden layer there is nothing to activate


def test_an_architecture_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        MLP((2, 3)).widths = (2, 4)  # type: ignore[misc]


@given(architectures)
def test_repr_and_description_rebuild_the_architecture(mlp: MLP) -> None:
    assert eval(repr(mlp), {"MLP": MLP}) == mlp
    assert MLP(**mlp.describe()) == mlp


def test_counts_and_names() -> None:
    assert MLP((16, 32, 4)).count == 16 * 32 + 32 + 32 * 4 + 4
    assert MLP((16, 32, 4), bias=False).count == 16 * 32 + 32 * 4
    assert str(MLP((16, 32, 4), "relu", output="tanh", bias=False)) == "16-32-4 relu -> tanh, no bias"
    assert str(MLP((2, 3, 4, 5), ("relu", "tanh"))) == "2-3-4-5 relu/tanh"
    assert MLP((16, 32, 8, 4)).hidden == (32, 8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((16,), r"not a sequence.*MLP\(\(16, 32, 4\)\)"),
        ((16, 32, 4), r"not a sequence"),
        (((16, 4), 32), r"not a name.*one sequence"),
        (((16,),), r"no output"),
        (((16, 0, 4),), r"1 or more"),
        (((16, 3.5, 4),), r"3\.5 is not a whole number"),
        (("16-32-4",), r"not a sequence"),
        (((16, 32, 4), "leaky_relu"), r"Did you mean 'leakyrelu'"),
        (((16, 4), "softmax"), r"'softmax' is unknown.*identity, sigmoid"),
        (((16, 32, 4), ("tanh", "relu")), r"2 activations for 1 hidden"),
        (((16, 32, 4), "tanh", "swish"), r"'swish' is unknown"),
    ],
)
def test_bad_architectures_say_the_remedy(arguments: tuple, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        MLP(*arguments)


@given(architectures, dtypes)
def test_layout_is_aligned_dense_and_without_overlap(mlp: MLP, dtype: str) -> None:
    layout = mlp.layout(dtype)
    used = np.zeros(layout.stride, int)
    number = 0
    for block in layout.blocks:
        assert block.start * layout.dtype.itemsize % 16 == 0
        assert block.first == number
        used[block.start : block.start + block.length] += 1
        number += block.length
    assert used.max() == 1
    assert used.sum() == number == layout.count == mlp.count
    assert np.flatnonzero(used)[-1] == layout.size - 1
    assert layout.stride * layout.dtype.itemsize % 16 == 0
    gaps = 2 * len(layout.layers) * 16 // layout.dtype.itemsize
    assert layout.count <= layout.size <= layout.stride < layout.count + gaps


@given(architectures, dtypes)
def test_layers_name_their_blocks(mlp: MLP, dtype: str) -> None:
    layout = mlp.layout(dtype)
    assert [(k.inputs, k.outputs) for k in layout.layers] == list(zip(mlp.widths, mlp.widths[1:], strict=False))
    assert [ACTIVATIONS[k.activation] for k in layout.layers] == [*mlp.activation, mlp.output]
    starts = [(b.layer, b.is_bias, b.start) for b in layout.blocks]
    expected = [(k, False, layer.weight) for k, layer in enumerate(layout.layers)]
    expected += [(k, True, layer.bias) for k, layer in enumerate(layout.layers) if mlp.bias]
    assert starts == sorted(expected)
    assert mlp.bias or all(layer.bias == -1 for layer in layout.layers)
    assert layout.table.tolist() == [list(layer) for layer in layout.layers]


def test_dtypes() -> None:
    assert as_dtype("bfloat16").itemsize == 2
    assert as_dtype(np.float64) == np.float64
    assert as_dtype(np.float16) == as_dtype("float16") == np.float16
    assert MLP((2, 3)).layout("float16").compute == np.float32
    assert MLP((2, 3)).layout("bfloat16").compute == np.float32
    assert MLP((2, 3)).layout(np.float64).compute == np.float64
    for wrong in ("float8", np.int32, "nonsense", 7):
        with pytest.raises(SettingsError, match="float32, float64, bfloat16"):
            as_dtype(wrong)
