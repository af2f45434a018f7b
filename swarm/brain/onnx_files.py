"""Brains to ONNX: one network, or equal ones together, as a graph that any runtime executes; needs the package `onnx`.

One brain: `x` float32 [batch, I] -> `y` float32 [batch, O], a Gemm and an activation per layer. N brains of one
architecture: the same `x` for all -> `y` [N, batch, O], a MatMul and an Add instead. The batch is left open.
Operator set 20 has all ten activations (hardshrink is Shrink; gelu and mish are there since 20 and 18); the operators'
definitions: https://onnx.ai/onnx/operators. Opset 20 goes with file version (IR) 9, so runtimes from 2024 on read it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from swarm.brain.activations import ACTIVATIONS, ELU_ALPHA, LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, SHRINK
from swarm.brain.brains import Brains
from swarm.brain.files import atomic, on_host
from swarm.errors import ExtraError, SaveError, SettingsError

OPSET, IR = 20, 9
_MOST = (1 << 31) - (1 << 20)  # bytes; a protobuf message ends at 2 GiB
_OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leakyrelu": ("LeakyRelu", {"alpha": LEAKY_SLOPE}),
    "elu": ("Elu", {"alpha": ELU_ALPHA}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "selu": ("Selu", {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}),
    "hardshrink": ("Shrink", {"lambd": SHRINK, "bias": 0.0}),
    "mish": ("Mish", {}),
}


def to_onnx(brains: Brains, path: str | Path) -> None:
    """Write one brain, such as brains[7], or a pool of equal ones to `path` as ONNX, whole or not at all.

    Parameters are stored as float32, which holds float16 and bfloat16 exactly and rounds float64. Raises SettingsError
    for a pool of several architectures or without brains, ExtraError without `onnx`, SaveError, for too many, too.
    """
    made = model(brains)
    with atomic(path) as temporary:
        Path(temporary).write_bytes(made.SerializeToString())


def model(brains: Brains) -> Any:
    """The checked `onnx.ModelProto` that `to_onnx` writes; raises what it raises."""
    pool = _equal(brains)
    size = 4 * len(pool) * pool.layout.count
    if size > _MOST:
        raise SaveError(f"to_onnx: {size:,} bytes of parameters; a file holds {_MOST:,}. Write fewer brains to a file.")
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise ExtraError("to_onnx: onnx is not installed. Remedy: pip install 'swarm-engine[onnx]'") from None

    nodes, constants, at = [], [], "x"
    last = len(pool.layout.layers) - 1
    for k, layer in enumerate(pool.layout.layers):
        operator, settings = _OPERATORS[ACTIVATIONS[layer.activation]]
        end = "y" if k == last else f"layer{k}"
        sums = f"layer{k}.sums" if operator else end
        weight, bias = f"layer{k}.weight", f"layer{k}.bias" if layer.bias >= 0 else ""
        constants.append(numpy_helper.from_array(_plain(pool.weight(k)), weight))
        if bias:
            values = pool.bias(k) if len(pool) == 1 else pool.bias(k)[:, None, :]
            constants.append(numpy_helper.from_array(_plain(values), bias))
        if len(pool) == 1:
            nodes.append(helper.make_node("Gemm", [at, weight, *([bias] if bias else [])], [sums], f"layer{k}.linear"))
        else:
            product = f"layer{k}.product" if bias else sums
            nodes.append(helper.make_node("MatMul", [at, weight], [product], f"layer{k}.linear"))
            if bias:
                nodes.append(helper.make_node("Add", [product, bias], [sums], f"layer{k}.shift"))
        if operator:
            nodes.append(helper.make_node(operator, [sums], [end], f"layer{k}.activation", **settings))
        at = end
    many = [] if len(pool) == 1 else [len(pool)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", pool.inputs])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [*many, "batch", pool.outputs])
    graph = helper.make_graph(nodes, "brains", [x], [y], constants)
    made = helper.make_model(
        graph, producer_name="swarm", ir_version=IR, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    helper.set_model_props(made, {"swarm.architecture": json.dumps(pool.mlp.describe())})
    onnx.checker.check_model(made)
    return made


def _equal(brains: Brains) -> Brains:
    """The one equal pool on the host that holds these brains, in their order. Raises SettingsError."""
    if not isinstance(brains, Brains):
        raise SettingsError(f"to_onnx: {type(brains).__name__} is no brain. Give brains[7], or a pool of equal ones.")
    if len(brains) == 0:
        raise SettingsError("to_onnx: the pool has no brains. Give brains[7], or a pool of equal ones.")
    if len(brains) == 1:
        return on_host(brains[0])
    if len(brains.groups) > 1:
        raise SettingsError(
            f"to_onnx: a file holds one architecture, these brains have {len(brains.groups)}. Write one brain, "
            "brains[7], or each of brains.groups to a file of its own."
        )
    group = brains.groups[0]
    return on_host(group.clone(np.argsort(group.positions)))


def _plain(values: np.ndarray) -> np.ndarray:
    """[N, ...] as contiguous float32; of one brain without N."""
    values = np.ascontiguousarray(values, np.float32)
    return values[0] if len(values) == 1 else values
