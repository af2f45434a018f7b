"""Brains standing alone: a hundred thousand different networks answer at once, one is changed, all are saved.

No world, no window. The rows of `parameters` are the networks; reading each once is all the work there is.
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import swarm

brains = swarm.Brains(swarm.MLP((16, 32, 4), activation="tanh", output="tanh"), count=100_000, seed=0)
x = np.random.default_rng(0).normal(size=(len(brains), 16)).astype(np.float32)
y = brains(x)                                            # [N, 16] -> [N, 4]: each network its own input
times = []
for _ in range(20):
    start = time.perf_counter()
    brains(x)
    times.append(time.perf_counter() - start)
size, seconds = brains.parameters.nbytes / 1e9, min(times)
print(f"{len(brains):,} networks of {brains.parameters.shape[1]} parameters, {size:.2f} GB: {1e3 * seconds:.1f} ms, "
      f"{size / seconds:.1f} GB/s, {len(brains) / seconds / 1e6:.0f} million answers a second")

same = brains(x[:1].repeat(len(brains), axis=0))         # one input for all: every network has its own opinion
print(f"one input, {len(np.unique(same, axis=0)):,} different answers")

before = brains(x)[7]
brains[7].weight(0)[...] *= 0.5                          # a view: this is network 7's own memory
print(f"network 7 changed from {before.round(2)} to {brains(x)[7].round(2)}; the others did not: "
      f"{np.array_equal(brains(x)[8:], y[8:])}")

with tempfile.TemporaryDirectory() as folder:
    brains.save(Path(folder) / "crowd.safetensors")
    again = swarm.Brains.load(Path(folder) / "crowd.safetensors")
    print(f"saved and loaded, the answers are the same: {np.array_equal(again(x), brains(x))}")
