"""JAX training many small networks: `jit(vmap(grad(loss)))` and the update in one compiled step, memory donated.

Samples lie on the device; the step picks its batch by index. Adam is written out (Kingma and Ba, 2015), since JAX has
none of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from swarm.train.optimizers import Adam

from .peers import Peer
from .train_oracle import Weights
from .train_problem import Problem, split


def forms(problem: Problem) -> Iterator[Peer]:
    """jax vmap, with own or shared batches as the problem has them. Raises ImportError without jax."""
    x, y = jax.device_put(problem.inputs()), jax.device_put(problem.y.astype(np.int32))
    index = jax.device_put(problem.index.astype(np.int32))
    step = _compiled(problem)
    last: list[Any] = []

    def run(steps: int) -> float:
        parameters = [jnp.array(array, copy=True) for pair in problem.weights for array in pair]
        moments = []
        if isinstance(problem.optimizer, Adam):
            moments = [[jnp.zeros_like(array) for array in parameters] for _ in range(2)]
        state = (parameters, moments)
        jax.block_until_ready(state)
        begun = time.perf_counter()
        for number in range(steps):
            state = step(state, x, y, index, number)
        jax.block_until_ready(state)
        seconds = time.perf_counter() - begun
        last[:] = state[0]
        return seconds

    def result() -> list[Weights]:
        arrays = [np.asarray(array) for array in last]
        return split(list(zip(arrays[::2], arrays[1::2], strict=True)))

    yield Peer("jax vmap", run, result, np.arange(problem.count))


def _compiled(problem: Problem) -> Any:
    """(state, x, y, index, number) -> state, one step for all networks."""
    batch, optimizer = problem.batch, problem.optimizer
    rate = optimizer.learning_rate

    def loss(parameters: Any, inputs: Any, labels: Any) -> Any:
        out = inputs
        for k in range(0, len(parameters), 2):
            out = out @ parameters[k] + parameters[k + 1]
            if k < len(parameters) - 2:
                out = jax.nn.relu(out)
        log = jax.nn.log_softmax(out)
        return -jnp.take_along_axis(log, labels[:, None], axis=1).mean()

    ways = (0, None, None) if problem.shared else (0, 0, 0)
    gradients = jax.vmap(jax.grad(loss), in_axes=ways)

    @partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Any, y: Any, index: Any, number: Any) -> Any:
        parameters, moments = state
        at = jax.lax.dynamic_slice_in_dim(index, number * batch, batch, axis=1)
        at = at[0] if problem.shared else at
        found = gradients(parameters, x[at], y[at])
        if not isinstance(optimizer, Adam):
            return [p - rate * g for p, g in zip(parameters, found, strict=True)], moments
        one, two = optimizer.beta1, optimizer.beta2
        mean = [one * m + (1 - one) * g for m, g in zip(moments[0], found, strict=True)]
        square = [two * s + (1 - two) * g * g for s, g in zip(moments[1], found, strict=True)]
        first, second = 1 - one ** (number + 1), 1 - two ** (number + 1)
        moved = [
            p - rate * (m / first) / (jnp.sqrt(s / second) + optimizer.epsilon)
            for p, m, s in zip(parameters, mean, square, strict=True)
        ]
        return moved, [mean, square]

    return step
