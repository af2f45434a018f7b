"""Own-weight inference: N networks, one input each. Every library gets the same weights and inputs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from forms import Weights, jax_forms, torch_forms
from side_by_side import Peer, gather, race

from swarm.backend import device
from swarm.bench.report import Report
from swarm.bench.think import inputs, widths
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP


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
    """The forms of forms.py, without gradients."""
    import torch

    torch.set_num_threads(threads)
    last: dict[str, torch.Tensor] = {}
    for name, form in torch_forms(weights, x):

        def job(name: str = name, form: Callable[[], torch.Tensor] = form) -> None:
            with torch.inference_mode():
                last[name] = form()

        yield Peer(name, job, lambda name=name: last[name].numpy().reshape(len(x), -1))


def with_jax(weights: Weights, x: np.ndarray) -> Iterator[Peer]:
    """The forms of forms.py, waited for."""
    import jax

    last: dict[str, jax.Array] = {}
    for name, form in jax_forms(weights, x):

        def job(name: str = name, form: Callable[[], jax.Array] = form) -> None:
            last[name] = form().block_until_ready()

        yield Peer(name, job, lambda name=name: np.asarray(last[name]))
