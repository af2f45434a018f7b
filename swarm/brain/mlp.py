"""An architecture: layer widths and activations, and where its parameters lie in a row.

`MLP` says what a network is; `MLP.layout(dtype)` says where each weight and bias stands in a row of a pool. The layout
object is the one place that knows offsets: the pool, the kernels, variation and files all read it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import index
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from swarm.brain.activations import ACTIVATIONS, CODES
from swarm.errors import SettingsError

ALIGNMENT = 16  # bytes; where each weight, each bias and each row starts
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": BFLOAT16,
    "float16": np.dtype(np.float16),
}


@dataclass(frozen=True, init=False, repr=False)
class MLP:
    """A multilayer perceptron: `widths` of inputs, hidden layers (any number, or none) and outputs: (16, 32, 4).

    activation: one name for all hidden layers or one per hidden layer, of `ACTIVATIONS`.
    output: the activation behind the last layer. bias: whether layers have biases.
    Equal architectures compare equal and hash equal. Raises `SettingsError`.
    """

    widths: tuple[int, ...]
    activation: tuple[str, ...]  # one per hidden layer
    output: str
    bias: bool

    def __init__(
        self,
        widths: Sequence[int],
        activation: str | Sequence[str] = "tanh",
        output: str = "identity",
        bias: bool = True,
    ) -> None:
        sizes = _widths(widths)
        hidden = len(sizes) - 2
        names = (activation,) * hidden if isinstance(activation, str) else activation
        if not isinstance(names, Sequence) or isinstance(names, bytes):
            raise SettingsError(
                f"MLP: activation {activation!r} is not a name. Widths go in one sequence: MLP((16, 32, 4), 'tanh')."
            )
        if len(names) != hidden:
            raise SettingsError(
                f"MLP: {len(names)} activations for {hidden} hidden layers of {sizes}. Give one name for all, or one "
                "per hidden layer; the last layer's is `output`."
            )
        for name in (*([activation] if isinstance(activation, str) else names), output):
            _check_activation(name)
        object.__setattr__(self, "widths", sizes)
        object.__setattr__(self, "activation", tuple(names))
        object.__setattr__(self, "output", output)
        object.__setattr__(self, "bias", bool(bias))

    @property
    def inputs(self) -> int:
        """I, the width of the input."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """O, the width of the output."""
        return self.widths[-1]

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths of the hidden layers."""
        return self.widths[1:-1]

    @property
    def count(self) -> int:
        """How many parameters one network has."""
        return sum((i + self.bias) * o for i, o in zip(self.widths, self.widths[1:], strict=False))

    def layout(self, dtype: Any = "float32") -> Layout:
        """Where the parameters of one brain lie in a row of this dtype."""
        return _layout(self, as_dtype(dtype))

    def describe(self) -> dict[str, Any]:
        """Plain values that rebuild this architecture by `MLP(**values)`; what files hold."""
        return {
            "widths": list(self.widths),
            "activation": list(self.activation),
            "output": self.output,
            "bias": self.bias,
        }

    def __str__(self) -> str:
        words = ["-".join(map(str, self.widths)), *dict.fromkeys(self.activation)]
        if len(set(self.activation)) > 1:
            words[1:] = ["/".join(self.activation)]
        if self.output != "identity":
            words.append(f"-> {self.output}")
        return " ".join(words) + ("" if self.bias else ", no bias")

    def __repr__(self) -> str:
        parts = [repr(self.widths)]
        if self.activation:
            same = len(set(self.activation)) == 1
            parts.append(f"activation={(self.activation[0] if same else self.activation)!r}")
        parts += [f"output={self.output!r}"] * (self.output != "identity") + ["bias=False"] * (not self.bias)
        return f"MLP({', '.join(parts)})"


class Layer(NamedTuple):
    """One layer in a row; offsets in elements from the row's start."""

    inputs: int
    outputs: int
    weight: int  # [inputs, outputs], row-major
    bias: int  # [outputs]; -1 = none
    activation: int  # code


class Block(NamedTuple):
    """A run of parameters without a gap: one weight or one bias."""

    start: int  # element in the row
    length: int
    first: int  # number of its first parameter, counted without padding
    layer: int
    is_bias: bool


@dataclass(frozen=True)
class Layout:
    """Where one brain's parameters lie in a row. Weights and biases start on 16-byte boundaries; gaps hold zeros.

    size: P, elements from the row's start to its last parameter. stride: elements from row to row, a multiple of 16
    bytes. count: the parameters without padding, numbered weight 0, bias 0, weight 1, ...: the number that random draws
    are keyed by, so that draws do not depend on the dtype.
    """

    dtype: np.dtype
    layers: tuple[Layer, ...]
    size: int
    stride: int
    count: int

    @property
    def inputs(self) -> int:
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        return self.layers[-1].outputs

    @property
    def compute(self) -> np.dtype:
        """The dtype of inputs, outputs and sums: float64 for float64 rows, else float32."""
        return self.dtype if self.dtype == np.float64 else DTYPES["float32"]

    @property
    def row_bytes(self) -> int:
        return self.stride * self.dtype.itemsize

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The weights and biases in the order of their parameters."""
        return _blocks(self)

    @property
    def table(self) -> np.ndarray:
        """The layers as int64 [layers, 5], read-only: inputs, outputs, weight, bias, activation. For kernels."""
        return _table(self)


def as_dtype(dtype: Any) -> np.dtype:
    """The storage dtype of this name (`DTYPES`), or the NumPy dtype itself. Raises `SettingsError`."""
    name = dtype if isinstance(dtype, str) else None
    if name is None:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = repr(dtype)
    if name not in DTYPES:
        raise SettingsError(f"dtype: {name} cannot hold parameters. Choose one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def _widths(widths: Any) -> tuple[int, ...]:
    if isinstance(widths, (str, bytes)) or not hasattr(widths, "__iter__"):
        raise SettingsError(f"MLP: widths {widths!r} is not a sequence. Write MLP((16, 32, 4)).")
    sizes = []
    for width in widths:
        try:
            sizes.append(index(width))
        except TypeError:
            raise SettingsError(f"MLP: width {width!r} is not a whole number. Write MLP((16, 32, 4)).") from None
    if len(sizes) < 2:
        raise SettingsError(f"MLP: {tuple(sizes)} has no output. Give inputs and outputs at least: MLP((16, 4)).")
    if min(sizes) < 1:
        raise SettingsError(f"MLP: widths {tuple(sizes)} must all be 1 or more. Leave out a layer that has no units.")
    return tuple(sizes)


def _check_activation(name: Any) -> None:
    if name in CODES:
        return
    near = difflib.get_close_matches(str(name).lower().replace("_", ""), ACTIVATIONS, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SettingsError(f"MLP: activation {name!r} is unknown.{hint} Choose one of {', '.join(ACTIVATIONS)}.")


@cache
def _layout(mlp: MLP, dtype: np.dtype) -> Layout:
    step = ALIGNMENT // dtype.itemsize
    layers, at, size = [], 0, 0
    for inputs, outputs, name in zip(mlp.widths, mlp.widths[1:], (*mlp.activation, mlp.output), strict=False):
        weight, bias = at, -1
        size = weight + inputs * outputs
        at = _up(size, step)
        if mlp.bias:
            bias, size = at, at + outputs
            at = _up(size, step)
        layers.append(Layer(inputs, outputs, weight, bias, CODES[name]))
    return Layout(dtype, tuple(layers), size, at, mlp.count)


@cache
def _blocks(layout: Layout) -> tuple[Block, ...]:
    blocks, first = [], 0
    for k, layer in enumerate(layout.layers):
        parts = [(layer.weight, layer.inputs * layer.outputs, False), (layer.bias, layer.outputs, True)]
        for start, length, is_bias in parts:
            if start >= 0:
                blocks.append(Block(start, length, first, k, is_bias))
                first += length
    return tuple(blocks)


@cache
def _table(layout: Layout) -> np.ndarray:
    table = np.array(layout.layers, np.int64)
    table.flags.writeable = False
    return table


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
