"""Which parameter is not finite, on the host or on a device."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.mlp import BFLOAT16

_ROWS = 4096  # looked at together on the host
_LOOKED_AT = 1 << 24  # parameters looked at on a device between two reads of what was found


def first_broken(backend: Backend, parameters: Any) -> tuple[int, int] | None:
    """Row and element of the first parameter [N, P] that is NaN or infinite; None without one."""
    each = max(1, parameters.shape[1])
    step = _ROWS if backend.device is None else max(1, _LOOKED_AT // each)
    for start in range(0, len(parameters), step):
        part = parameters[start : start + step]
        with nullcontext() if backend.device is None else backend.running():
            bad = ~finite(part, backend.xp)
            if bool(bad.any()):
                row, element = divmod(int(bad.reshape(-1).argmax()), each)
                return start + row, element
    return None


def finite(values: Any, xp: Any) -> Any:
    """As `isfinite`, for every dtype that parameters have."""
    if values.dtype == BFLOAT16 and xp is not np:  # the exponent's bits: CuPy's bfloat16 is new, integers are not
        top = np.uint16(0x7F80)
        return xp.ascontiguousarray(values).view(np.uint16) & top != top
    return xp.isfinite(values)
