"""Networks dealt to threads, a few at a time.

A call trains networks for a tenth of a second and more, so the threads are Python's: kernels release the GIL, whoever
is done takes the next networks, and a core that is busy elsewhere holds nobody up. Who trains a network changes no
bit of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import numpy as np
from numba import get_num_threads

_HANDS = 8  # times a thread comes back for more, about
_PAGE = 2 << 20  # bytes of a large page
_KEPT = 16  # workspaces, the last that were used

_desks: list[np.ndarray] = []
_lock = threading.Lock()


def deal(count: int, size: int, work: Callable[[int, int, np.ndarray], None], cost: np.ndarray | None = None) -> None:
    """Call work(start, stop, workspace) for runs of networks that cover 0 .. count - 1, on the backend's threads.

    The workspaces, one per thread, have `size` float32 of any content. With count 0 there is one empty run.
    cost [count]: of each network, where they differ.
    """
    threads = max(1, min(get_num_threads(), count))
    if threads == 1:
        with desk(size) as own:
            work(0, count, own)
        return
    runs, lock = iter(_runs(count, threads * _HANDS, cost)), threading.Lock()

    def serve() -> None:
        with desk(size) as own:
            while True:
                with lock:
                    run = next(runs, None)
                if run is None:
                    return
                work(*run, own)

    others = [_pool(threads).submit(serve) for _ in range(threads - 1)]
    try:
        serve()
    finally:  # on Ctrl-C, too, the runs of this call are finished
        for done in others:
            done.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: to start one takes as long as a step of a hundred small networks."""
    return ThreadPoolExecutor(threads - 1, "swarm-train")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _pool.cache_clear())  # threads do not come along


@contextmanager
def desk(size: int) -> Iterator[np.ndarray]:
    """A workspace of `size` float32 on a boundary of 2 MiB, of any content; it is kept for whoever comes next.

    Large pages matter: a network's half megabyte on small ones misses the page table's cache at every row, and lies
    across the second cache as chance will have it (measured: the gradient of 784-32-10 took 31 us or 20).
    """
    with _lock:
        found = next((k for k, held in enumerate(_desks) if held.size >= size), None)
        own = None if found is None else _desks.pop(found)
    if own is None:
        pages = -(-4 * size // _PAGE)
        memory = np.zeros(max(2, pages + 1) * _PAGE // 4, np.float32)  # from 4 MiB on NumPy asks for large pages
        own = memory[-memory.ctypes.data % _PAGE // 4 :][: pages * _PAGE // 4]
    try:
        yield own
    finally:
        with _lock:
            _desks[:] = [held for held in _desks if held.size >= own.size][-_KEPT + 1 :] + [own]


def _runs(count: int, parts: int, cost: np.ndarray | None) -> list[tuple[int, int]]:
    """About `parts` runs of networks of about equal cost."""
    way = np.arange(1, count + 1, dtype=float) if cost is None else np.cumsum(cost)
    edges = np.unique(np.searchsorted(way, way[-1] * np.arange(1, parts) / parts, side="right"))
    edges = [0, *(int(edge) for edge in edges if 0 < edge < count), count]
    return list(zip(edges, edges[1:]))
