"""Brains to ONNX: one network as a graph that any runtime executes; needs the package `onnx`.

The graph is `x` float32 [batch, I] -> `y` float32 [batch, O]: a Gemm and an activation per layer, the batch left open.
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
from swarm.brain.files import atomic
from swarm.brain.torch_files import single
from swarm.errors import ExtraError, SaveError

OPSET, IR = 20, 9
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


def to_onnx(brain: Brains, path: str | Path) -> None:
    """Write one brain, such as brains[7], to `path` as an ONNX file, whole or not at all.

    Parameters are stored as float32, which holds float16 and bfloat16 exactly and rounds float64. Raises SettingsError
    for several brains, ExtraError without `onnx`, SaveError.
    """
    made = model(brain)
    with atomic(path) as temporary:
        try:
            Path(temporary).write_bytes(made.SerializeToString())
        except ValueError as error:  # a protobuf holds 2 GiB at most
            raise SaveError(f"Cannot write '{path}': {error}. Use Brains.save or swarm.to_torch.") from None


def model(brain: Brains) -> Any:
    """One brain as a checked `onnx.ModelProto`; `to_onnx` says what may be raised."""
    one = single(brain, "to_onnx")
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise ExtraError("to_onnx: onnx is not installed. Remedy: pip install 'swarm-engine[onnx]'") from None

    nodes, constants, at = [], [], "x"
    last = len(one.layout.layers) - 1
    for k, layer in enumerate(one.layout.layers):
        operator, settings = _OPERATORS[ACTIVATIONS[layer.activation]]
        names = [f"layer{k}.weight"]
        constants.append(numpy_helper.from_array(one.weight(k)[0].astype(np.float32), names[0]))
        if layer.bias >= 0:
            names.append(f"layer{k}.bias")
            constants.append(numpy_helper.from_array(one.bias(k)[0].astype(np.float32), names[1]))
        end = "y" if k == last else f"layer{k}"
        sums = f"layer{k}.sums" if operator else end
        nodes.append(helper.make_node("Gemm", [at, *names], [sums], f"layer{k}.linear"))
        if operator:
            nodes.append(helper.make_node(operator, [sums], [end], f"layer{k}.activation", **settings))
        at = end
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", one.inputs])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", one.outputs])
    graph = helper.make_graph(nodes, "brain", [x], [y], constants)
    made = helper.make_model(
        graph, producer_name="swarm", ir_version=IR, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    helper.set_model_props(made, {"swarm.architecture": json.dumps(one.mlp.describe())})
    onnx.checker.check_model(made)
    return made
