"""What think does besides the brains themselves: outputs checked, memory carried over, in one pass.

    outputs [N][A + M] float32 read        inputs [N][S + M] float32, M columns written
    4 (A + M) + 4 M bytes per agent

One thread, in row order: a tenth of a millisecond for 100,000 agents. A number times 0 is NaN if it is NaN or infinite.
"""

from __future__ import annotations

import numpy as np

from swarm.backend.jit import kernel


@kernel
def remember(outputs, actions, inputs, senses):
    """See `think.remember`."""
    bad, width = -1, outputs.shape[1]
    for i in range(len(outputs) - 1, -1, -1):
        zero = np.float32(0)
        for k in range(width):
            zero += outputs[i, k] * np.float32(0)
        if zero != 0:
            bad = i
        for k in range(actions, width):
            inputs[i, senses + k - actions] = outputs[i, k]
    return bad


@kernel
def remember_rows(outputs, actions, inputs, senses, rows):
    """See `think.remember_rows`."""
    bad, width = -1, outputs.shape[1]
    for r in range(len(rows) - 1, -1, -1):
        i, zero = rows[r], np.float32(0)
        for k in range(width):
            zero += outputs[i, k] * np.float32(0)
        if zero != 0:
            bad = r
        for k in range(actions, width):
            inputs[i, senses + k - actions] = outputs[i, k]
    return bad
