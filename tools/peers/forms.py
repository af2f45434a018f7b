"""Own-weight inference as users of PyTorch and JAX write it: every form by its name, over the same weights and inputs.

Weights come per layer as [N, I, O] and [N, O], NumPy, contiguous, float32 or bfloat16; inputs as [N, 1, I] float32. A
form is called without arguments and returns the outputs [N, O] or [N, 1, O] of its library. tanh follows every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Weights = list[tuple[np.ndarray, np.ndarray]]
Form = tuple[str, Callable[[], Any]]

# for torch.compile: what is written behind the name, and the mode. CUDA graphs come with reduce-overhead on a card.
ON_CPU = {"": None, ", max-autotune": "max-autotune-no-cudagraphs"}
ON_CARD = {"": None, ", reduce-overhead (CUDA graphs)": "reduce-overhead", ", max-autotune": "max-autotune"}


def torch_forms(weights: Weights, x: np.ndarray, where: str = "cpu") -> Iterator[Form]:
    """baddbmm and bmm on stacked weights, vmap over functional_call as the ensembling tutorial does, and compiled.

    where: "cpu" or "cuda"; there the products are replayed from CUDA graphs as well, and TF32 stays off.
    """
    import torch
    from torch import nn
    from torch.func import functional_call, vmap

    torch.backends.cuda.matmul.allow_tf32 = False
    tensors = [(_tensor(weight, where), _tensor(bias, where)) for weight, bias in weights]
    given = torch.from_numpy(np.ascontiguousarray(x)).to(where, tensors[0][0].dtype)

    def baddbmm() -> Any:
        h = given
        for weight, bias in tensors:
            h = torch.baddbmm(bias[:, None], h, weight).tanh_()
        return h

    def bmm() -> Any:
        h = given
        for weight, bias in tensors:
            h = torch.bmm(h, weight).add_(bias[:, None]).tanh_()
        return h

    def summed() -> Any:
        h = given[:, 0]
        for weight, bias in tensors:
            h = torch.tanh((h[:, :, None] * weight).sum(1) + bias)
        return h

    for name, form in (("torch baddbmm", baddbmm), ("torch bmm", bmm)):
        yield name, form
        if where == "cuda":
            yield f"{name}, CUDA graph", _graphed(form)

    stages: list[nn.Module] = []
    for weight, _ in weights:
        stages += [nn.Linear(weight.shape[1], weight.shape[2]), nn.Tanh()]
    network = nn.Sequential(*stages).to(where, given.dtype)
    stacked = {}
    for number, (weight, bias) in enumerate(tensors):
        stacked[f"{2 * number}.weight"] = weight.transpose(1, 2).contiguous()  # nn.Linear keeps [O, I]
        stacked[f"{2 * number}.bias"] = bias
    flat = given[:, 0].contiguous()

    def one(parameters: dict[str, Any], sample: Any) -> Any:
        return functional_call(network, parameters, (sample,))

    def plain(parameters: list[tuple[Any, Any]], sample: Any) -> Any:
        for weight, bias in parameters:
            sample = torch.tanh(sample @ weight + bias)
        return sample

    many = vmap(one)
    yield "torch.func vmap", lambda: many(stacked, flat)
    for text, mode in (ON_CPU if where == "cpu" else ON_CARD).items():
        compiled = torch.compile(many, mode=mode)
        yield f"torch.compile(vmap){text}", lambda compiled=compiled: compiled(stacked, flat)
    wide = torch.compile(vmap(plain))
    yield "torch.compile(vmap), weights [I, O]", lambda: wide(tensors, flat)
    yield "torch.compile, multiply and sum", torch.compile(summed)


def _tensor(array: np.ndarray, where: str) -> Any:
    import torch

    if array.dtype.itemsize == 2:  # NumPy's bfloat16 is no type of torch's
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).to(where)
    return torch.from_numpy(array).to(where)


def _graphed(form: Callable[[], Any]) -> Callable[[], Any]:
    """A form captured once; called, it is replayed into the same memory."""
    captured: list[Any] = []

    def replay() -> Any:
        import torch

        if not captured:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    form()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                out = form()
            captured.extend((graph, out))
        captured[0].replay()
        return captured[1]

    return replay


def jax_forms(weights: Weights, x: np.ndarray, where: str = "cpu") -> Iterator[Form]:
    """jit(vmap) of one network's function; the product once as a matrix product, once as multiply and sum.

    Products are asked for in full precision: on a card JAX would take TF32, which is not the same result.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    device = jax.devices(where)[0]
    arrays = [(jax.device_put(weight, device), jax.device_put(bias, device)) for weight, bias in weights]
    given = jax.device_put(np.ascontiguousarray(x[:, 0]), device).astype(arrays[0][0].dtype)

    def dot(parameters: Any, sample: Any) -> Any:
        for weight, bias in parameters:
            sample = jnp.tanh(sample @ weight + bias)
        return sample

    def summed(parameters: Any, sample: Any) -> Any:
        for weight, bias in parameters:
            sample = jnp.tanh((sample[:, None] * weight).sum(0) + bias)
        return sample

    for name, function in (("jax jit(vmap)", dot), ("jax jit(vmap), multiply and sum", summed)):
        compiled = jax.jit(jax.vmap(function))
        yield name, lambda compiled=compiled: compiled(arrays, given)
