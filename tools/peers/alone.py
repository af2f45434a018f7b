"""One library by itself, in a process of its own: own-weight inference on the graphics card, or on the processor.

    python tools/peers/alone.py --library torch --device cuda --agents 1000000 --layers 16-32-4 --json torch.json

Libraries for cards do not share well: each reserves memory, and one's warm clock is another's heat. So each runs alone;
tools/gpu.py runs them one after the other and sets their figures side by side. Everybody gets the same weights and
inputs, drawn as `swarm bench think` draws them; outputs are compared with the float32 reference on a sample before a
time counts. A sample of time is as many calls as fill ten milliseconds, waited for at the end, divided by their number:
the cost of launching is hidden where a library can hide it.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import numpy as np

FILL = 0.01  # s of calls in one sample
WARM = 3
SAMPLE = 512  # brains whose outputs are compared
BOUNDS = {"float32": 2e-5, "bfloat16": 5e-2}  # libraries that compute in bfloat16 round every sum, too

COLUMNS = {
    "name": ("name", "s"),
    "dtype": ("dtype", "s"),
    "agents": ("brains", ",d"),
    "median_ms": ("ms", ".3f"),
    "p99_ms": ("p99", ".3f"),
    "best_ms": ("best", ".3f"),
    "calls": ("calls a sample", "d"),
    "error": ("largest difference", ".1e"),
}

# name, what is called, what waits for a result, a result on the host
Job = tuple[str, Callable[[], Any], Callable[[Any], Any], Callable[[Any], np.ndarray]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", choices=("swarm", "torch", "jax"), required=True)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--agents", type=int, default=1_000_000)
    parser.add_argument("--layers", default="16-32-4")
    parser.add_argument("--dtype", choices=tuple(BOUNDS), default="float32")
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()

    from swarm.bench.harness import Timing, close
    from swarm.bench.report import Report
    from swarm.errors import SwarmError

    report = Report(f"{words.library} alone", COLUMNS, words.seed)
    report.settings = {key: str(value) for key, value in vars(words).items() if key != "json"}
    try:
        weights, x, right, at = problem(words)
        for name, call, wait, host in JOBS[words.library](words, weights, x, report):
            try:
                wait(call())
                error = close(name, np.asarray(host(call()), np.float32)[at], right, BOUNDS[words.dtype])
                seconds, calls = timed(call, wait, words.repeats)
            except Exception as reason:  # out of memory, cannot compile, wrong: the others still count
                report.notes.append(f"{name}: left out. {type(reason).__name__}: {str(reason).splitlines()[0][:200]}")
                continue
            row = {"name": name, "dtype": words.dtype, "agents": len(x), **Timing(name, seconds).row()}
            report.rows.append({**row, "calls": calls, "error": error})
            if words.json is not None and not report.hosted:
                report.save(words.json)  # a form that takes too long must not cost the others
    except ModuleNotFoundError as missing:
        if missing.name != words.library:
            raise
        print(f"{missing}: left out.", file=sys.stderr)
        return 3
    except SwarmError as error:
        print(error, file=sys.stderr)
        return 2
    report.rows.sort(key=lambda row: row["median_ms"])
    report.finish(words.json)
    return 0 if report.rows else 1


def problem(
    words: argparse.Namespace,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, np.ndarray, np.ndarray]:
    """Weights per layer, inputs [N, 1, I], the reference's outputs [K, O] of a sample, and which brains those are."""
    from swarm.bench.think import inputs, widths
    from swarm.brain import forward
    from swarm.brain.brains import Brains
    from swarm.brain.mlp import MLP

    mlp = MLP(widths(words.layers), activation="tanh", output="tanh")
    brains = Brains(mlp, words.agents, seed=words.seed, backend="cpu", dtype=words.dtype)
    x = inputs(brains, words.seed)
    at = np.unique(np.linspace(0, len(brains) - 1, SAMPLE).astype(np.int64))
    right = np.empty((len(at), 1, brains.outputs), np.float32)
    forward.forward(np.ascontiguousarray(brains.rows[at]), brains.layout, np.ascontiguousarray(x[at]), right)
    layers = range(len(brains.layout.layers))
    weights = [(np.ascontiguousarray(brains.weight(k)), np.ascontiguousarray(brains.bias(k))) for k in layers]
    return weights, x, right[:, 0], at


def timed(call: Callable[[], Any], wait: Callable[[Any], Any], repeats: int) -> tuple[np.ndarray, int]:
    """Seconds per call of each sample, and how many calls a sample has."""
    for _ in range(WARM):
        wait(call())
    begun = time.perf_counter()
    wait(call())
    calls = max(1, min(1000, math.ceil(FILL / max(time.perf_counter() - begun, 1e-6))))
    taken = np.empty(repeats)
    for k in range(repeats):
        begun = time.perf_counter()
        for _ in range(calls):
            last = call()
        wait(last)
        taken[k] = (time.perf_counter() - begun) / calls
    return taken, calls


def with_swarm(words: argparse.Namespace, weights: Any, x: np.ndarray, report: Any) -> Iterator[Job]:
    """Ours, measured as the others are."""
    from swarm.backend import device
    from swarm.bench.think import widths
    from swarm.brain.brains import Brains
    from swarm.brain.mlp import MLP

    backend = device.choose(words.device)
    report.device = backend.device
    mlp = MLP(widths(words.layers), activation="tanh", output="tanh")
    brains = Brains(mlp, words.agents, seed=words.seed, backend=backend, dtype=words.dtype)
    given, out = backend.array(x), backend.zeros((len(x), 1, brains.outputs), np.float32)

    def call() -> Any:
        brains.forward(given, out)
        return out

    def wait(_: Any) -> None:
        if backend.device is not None:
            backend.device.synchronize()

    yield "swarm", call, wait, lambda result: backend.host(result)[:, 0]


def with_torch(words: argparse.Namespace, weights: Any, x: np.ndarray, report: Any) -> Iterator[Job]:
    import torch
    from forms import torch_forms

    if words.device == "cuda":
        report.settings |= {"gpu": torch.cuda.get_device_name(), "torch_cuda": torch.version.cuda}
    report.settings["torch"] = torch.__version__

    def wait(_: Any) -> None:
        if words.device == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        for name, form in torch_forms(weights, x, words.device):
            yield name, form, wait, lambda result: result.float().cpu().numpy().reshape(len(x), -1)


def with_jax(words: argparse.Namespace, weights: Any, x: np.ndarray, report: Any) -> Iterator[Job]:
    import jax
    from forms import jax_forms

    report.settings |= {"jax": jax.__version__, "jax_device": jax.devices(words.device)[0].device_kind}
    for name, form in jax_forms(weights, x, words.device):
        yield name, form, lambda result: result.block_until_ready(), np.asarray


JOBS = {"swarm": with_swarm, "torch": with_torch, "jax": with_jax}

if __name__ == "__main__":
    sys.exit(main())
