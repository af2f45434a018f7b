"""Networks dealt to threads, a few at a time.

A call trains networks for a tenth of a second and more, so the threads are Python's: kernels release the GIL, whoever
is done takes the next networks, and a core that is busy elsewhere holds nobody up. Who trains a network changes no
bit of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import get_num_threads

_HANDS = 8  # times a thread comes back for more, about


def deal(count: int, size: int, work: Callable[[int, int, np.ndarray], None]) -> None:
    """Call work(start, stop, workspace) for runs of networks that cover 0 .. count - 1, on the backend's threads.

    The workspaces, one per thread, have `size` float32, zeroed before the call. With count 0 there is one empty run.
    """
    threads = max(1, min(get_num_threads(), count))
    desks = np.zeros((threads, -(-size // 1024) * 1024), np.float32)  # whole pages: no cache line has two owners
    if threads == 1:
        work(0, count, desks[0])
        return
    step = -(-count // (threads * _HANDS))
    starts, lock = iter(range(0, count, step)), threading.Lock()

    def serve(desk: np.ndarray) -> None:
        while True:
            with lock:
                start = next(starts, None)
            if start is None:
                return
            work(start, min(start + step, count), desk)

    with ThreadPoolExecutor(threads) as pool:  # on Ctrl-C, too, the runs of this call are finished
        for done in [pool.submit(serve, desk) for desk in desks]:
            done.result()
