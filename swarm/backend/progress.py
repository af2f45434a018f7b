"""Who is told that kernels are being compiled: nobody, until a program that talks to a person sets `watch`.

This module knows no numba, so that the command line can say beforehand what it will print.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

watch: Callable[[str], None] | None = None  # called with the room and the name of each kernel before it is compiled


@contextmanager
def shown() -> Iterator[None]:
    """Say on stderr what is compiled: a line that moves on a terminal, one sentence elsewhere, nothing if cached."""
    global watch
    count, before = 0, watch
    terminal = sys.stderr.isatty()

    def say(kernel: str) -> None:
        nonlocal count
        count += 1
        if terminal:
            sys.stderr.write(f"\r\x1b[2Kcompiling kernels, once for this version: {count}  {kernel}")
        elif count == 1:
            sys.stderr.write("compiling kernels, once for this version; this takes some ten seconds ...\n")
        sys.stderr.flush()

    watch = say
    try:
        yield
    finally:
        watch = before
        if terminal and count:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
