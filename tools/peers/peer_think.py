"""Own-weight inference: N networks, one input each. Every library gets the same weights and inputs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from side_by_side import Peer, gather, race

from swarm.backend import device
from swarm.bench.report import Report
from swarm.bench.think import inputs, widths
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP

Weights = list[tuple[np.ndarray, np.ndarray]]  # per layer [N, I, O] and [N, O], contiguous


def compare(words: argparse.Namespace, report: Report) -> None:
    """Ours and everybody's, tanh after every layer."""
    backend = device.choose("cpu", words.threads)
    mlp = MLP(widths(words.layers), activation="tanh", output="tanh")
    brains = Brains(mlp, words.agents or 100_000, seed=words.seed, backend=backend)
    x = inputs(brains, words.seed)
    out = np.empty((len(brains), 1, brains.outputs), np.float32)
    layers = range(len(brains.layout.layers))
    weights = [(np.ascontiguousarray(brains.weight(k)), np.ascontiguousarray(brains.bias(k))) for k in layers]
    report.settings |= {"agents": len(brains), "layers": words.layers, "threads": backend.threads}
    report.notes.append(f"{len(brains):,} networks {words.layers}, float32, {backend.threads} threads")
    peers = gather(report, "numpy", lambda: with_numpy(weights, x))
    peers += gather(report, "torch", lambda: with_torch(weights, x, backend.threads))
    peers += gather(report, "jax", lambda: with_jax(weights, x))
    race(report, Peer("swarm", lambda: brains.forward(x, out), lambda: out[:, 0]), peers, 2e-5, words.repeats)


def with_numpy(weights: Weights, x: np.ndarray) -> Iterator[Peer]:
    """Stacked matmul into arrays made once."""
    spaces = [np.empty((len(x), 1, bias.shape[1]), np.float32) for _, bias in weights]

    def job() -> None:
        h = x
        for (weight, bias), space in zip(weights, spaces, strict=True):
            np.matmul(h, weight, out=space)
            np.add(space, bias[:, None], out=space)
            h = np.tanh(space, out=space)

    yield Peer("numpy matmul", job, lambda: spaces[-1][:, 0])


def with_torch(weights: Weights, x: np.ndarray, threads: int) -> Iterator[Peer]:
    """baddbmm and bmm on stacked weights, vmap over functional_call as the ensembling tutorial does, and compiled."""
    import torch
    from torch import nn
    from torch.func import functional_call, vmap

    torch.set_num_threads(threads)
    tensors = [(torch.from_numpy(weight), torch.from_numpy(bias)) for weight, bias in weights]
    given = torch.from_numpy(x)
    last: dict[str, torch.Tensor] = {}

    def peer(name: str, function: Callable[[], torch.Tensor]) -> Peer:
        def job() -> None:
            with torch.inference_mode():
                last[name] = function()

        return Peer(name, job, lambda: last[name].numpy().reshape(len(x), -1))

    def baddbmm() -> torch.Tensor:
        h = given
        for weight, bias in tensors:
            h = torch.baddbmm(bias[:, None], h, weight).tanh_()
        return h

    def bmm() -> torch.Tensor:
        h = given
        for weight, bias in tensors:
            h = torch.bmm(h, weight).add_(bias[:, None]).tanh_()
        return h

    yield peer("torch baddbmm", baddbmm)
    yield peer("torch bmm", bmm)

    stages: list[nn.Module] = []
    for weight, _ in weights:
        stages += [nn.Linear(weight.shape[1], weight.shape[2]), nn.Tanh()]
    network = nn.Sequential(*stages)
    stacked = {}
    for number, (weight, bias) in enumerate(tensors):
        stacked[f"{2 * number}.weight"] = weight.transpose(1, 2).contiguous()  # nn.Linear keeps [O, I]
        stacked[f"{2 * number}.bias"] = bias
    flat = given[:, 0].contiguous()

    def one(parameters: dict[str, torch.Tensor], sample: torch.Tensor) -> torch.Tensor:
        return functional_call(network, parameters, (sample,))

    many = vmap(one)
    yield peer("torch.func vmap", lambda: many(stacked, flat))

    def plain(parameters: list[tuple[torch.Tensor, torch.Tensor]], sample: torch.Tensor) -> torch.Tensor:
        for weight, bias in parameters:
            sample = torch.tanh(sample @ weight + bias)
        return sample

    forms = {
        "torch.compile(vmap)": (torch.compile(many), (stacked, flat)),
        "torch.compile(vmap), weights [I, O]": (torch.compile(vmap(plain)), (tensors, flat)),
        "torch.compile(vmap), max-autotune": (
            torch.compile(many, mode="max-autotune-no-cudagraphs"),
            (stacked, flat),
        ),
    }
    for name, (compiled, arguments) in forms.items():
        yield peer(name, lambda compiled=compiled, arguments=arguments: compiled(*arguments))


def with_jax(weights: Weights, x: np.ndarray) -> Iterator[Peer]:
    """jit(vmap) of one network's function; the product once as a matrix product, once as multiply and sum."""
    import jax
    import jax.numpy as jnp

    arrays = [(jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in weights]
    given = jnp.asarray(x[:, 0])
    last: dict[str, jax.Array] = {}

    def dot(parameters: list[tuple[jax.Array, jax.Array]], sample: jax.Array) -> jax.Array:
        for weight, bias in parameters:
            sample = jnp.tanh(sample @ weight + bias)
        return sample

    def summed(parameters: list[tuple[jax.Array, jax.Array]], sample: jax.Array) -> jax.Array:
        for weight, bias in parameters:
            sample = jnp.tanh((sample[:, None] * weight).sum(0) + bias)
        return sample

    for name, function in (("jax jit(vmap)", dot), ("jax jit(vmap), multiply and sum", summed)):
        compiled = jax.jit(jax.vmap(function))

        def job(name: str = name, compiled: Callable[..., jax.Array] = compiled) -> None:
            last[name] = compiled(arrays, given).block_until_ready()

        yield Peer(name, job, lambda name=name: np.asarray(last[name]))
