"""What think does besides the brains themselves: outputs checked, memory carried over, in one pass.

    outputs [N][A + M] float32 read        inputs [N][S + M] float32, M columns written
    4 (A + M) + 4 M bytes per agent

Tasks of 4,096 agents in row order. A sum of zeros finds NaN and infinity: either times 0 is NaN.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from swarm.backend.jit import kernel

_ROWS = 4096  # of one task


def remember(outputs, actions, inputs, senses):
    """See `think.remember`."""
    bad = _all(outputs, actions, inputs, senses)
    return -1 if bad == len(outputs) else bad


@kernel(parallel=True)
def _all(outputs, actions, inputs, senses):
    tasks = (len(outputs) + _ROWS - 1) // _ROWS
    if tasks <= 1:
        return _some(outputs, actions, inputs, senses, 0, len(outputs))
    bad = np.full(tasks, len(outputs))
    for task in prange(tasks):
        bad[task] = _some(outputs, actions, inputs, senses, task * _ROWS, min(len(outputs), (task + 1) * _ROWS))
    return bad.min()


@kernel
def _some(outputs, actions, inputs, senses, low, high):
    bad, width = len(outputs), outputs.shape[1]
    for i in range(low, high):
        zero = np.float32(0)
        for k in range(width):
            zero += outputs[i, k] * np.float32(0)  # NaN if any output is NaN or infinite
        if zero != 0:
            bad = min(bad, i)
        for k in range(actions, width):
            inputs[i, senses + k - actions] = outputs[i, k]
    return bad
