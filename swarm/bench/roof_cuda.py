"""The launches of roof.cu: reading and copying as fast as the card goes, several ways, because no single one wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from swarm.backend import cuda

BLOCK = 256
FULL = 65536  # blocks of a launch that covers an array; one far larger is walked in rounds
FEW = 2048  # blocks that stay and walk on: about two rounds of what an H100-class card holds at once

# kernel, pieces of 16 bytes under way per thread, blocks
_READ = {"one each": ("total", 1, FULL), "four each": ("total4", 4, FULL), "four each, few blocks": ("total4", 4, FEW)}
_COPY = {"one each": ("copy", 1, FULL), "four each": ("copy4", 4, FULL), "four each, few blocks": ("copy4", 4, FEW)}


class Reader:
    """One way to read. Called, it returns the sum of the words modulo 2**32; `launch` only starts it."""

    def __init__(self, kernel: str, each: int, blocks: int) -> None:
        self.kernel, self.each, self.blocks = kernel, each, blocks
        self.sums: Any = None

    def launch(self, words: Any) -> None:
        """Start reading `words [n]` uint32; nothing is waited for."""
        device = cuda.current()
        blocks = cover(words.size, self.each, self.blocks)
        if self.sums is None or self.sums.size != blocks:
            self.sums = device.xp.zeros(blocks, np.uint32)
        module = device.module("swarm.bench.roof")
        module[self.kernel](1, words, self.sums, np.uint64(words.size), block=BLOCK, blocks=blocks)

    def __call__(self, words: Any) -> int:
        """As `roof.checksum`."""
        self.launch(words)
        return int(np.add.reduce(cuda.current().read(self.sums), dtype=np.uint32))


def readers() -> dict[str, Reader]:
    """As `roof.readers`."""
    return {name: Reader(*how) for name, how in _READ.items()}


def copiers() -> dict[str, Callable[[Any, Any], None]]:
    """As `roof.copiers`: our kernels, and the driver's own copy."""

    def made(kernel: str, each: int, most: int) -> Callable[[Any, Any], None]:
        def launch(words: Any, out: Any) -> None:
            blocks = cover(words.size, each, most)
            module = cuda.current().module("swarm.bench.roof")
            module[kernel](1, words, out, np.uint64(words.size), block=BLOCK, blocks=blocks)

        return launch

    return {**{name: made(*how) for name, how in _COPY.items()}, "driver": lambda words, out: copy(words, out)}


def copy(words: Any, out: Any) -> None:
    """As `roof.copy`, by the driver."""
    cuda.current().copy(out, words)


def cover(words: int, each: int, most: int) -> int:
    """Blocks for `words` words, `each` pieces of 16 bytes a thread: at least one, at most `most`."""
    return max(1, min(most, -(-words // (4 * each * BLOCK))))
