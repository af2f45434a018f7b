"""Worlds in threads: kernels let other threads run, and no threading layer of numba is broken by two worlds at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from swarm.backend import cuda, device, driver, progress
from swarm.errors import BackendError, SettingsError

ROOT = Path(__file__).parents[3]
TWO_WORLDS = """
import threading
from swarm.backend import jit
from swarm.scenes import scene

worlds = [scene("foragers", agents=60, seed=k // 2, threads=2) for k in range(4)]
def live(world):
    for _ in range(40):
        world.step()
threads = [threading.Thread(target=live, args=(world,)) for world in worlds]
[t.start() for t in threads]
[t.join() for t in threads]
a, b, c, d = (world.hash() for world in worlds)
print(jit.threading_layer(), a == b, c == d, a != c)
"""


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_worlds_step_in_threads_of_their_own(layer):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    command = [sys.executable, "-c", TWO_WORLDS]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if layer == "omp" and "No threading layer could be loaded" in done.stderr:
        pytest.skip("numba has no OpenMP layer here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [layer, "True", "True", "True"]


def test_kernels_release_the_interpreter_lock():
    from swarm.backend import rng_cpu

    slots = np.arange(400_000, dtype=np.uint32)
    rng_cpu.normal(1, slots[:10], 0, 0, 5, 64)
    turns, running = 0, True

    def launch():
        nonlocal running
        with device.choose("cpu", 1).running():
            rng_cpu.normal(1, slots, 0, 0, 5, 64)
        running = False

    worker = threading.Thread(target=launch)
    worker.start()
    while running:
        turns += 1
        time.sleep(0.001)
    worker.join()
    assert turns > 5  # with the lock held by the kernel this thread would get no turn before the end


def test_the_thread_count_is_put_back():
    import numba

    before = numba.get_num_threads()
    with device.choose("cpu", 1).running():
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before


def test_who_watches_is_told_what_is_compiled():
    from swarm.backend import jit

    def fresh(x):
        return x + 1

    fresh.__module__ = "swarm.test_cpu"
    seen: list[str] = []
    progress.watch = seen.append
    try:
        assert jit.kernel(fresh, inline=True)(1) == 2
    finally:
        progress.watch = None
    assert seen == ["test fresh"]


def test_choice_of_a_backend_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "look", driver.Found)  # a machine without a card
    monkeypatch.setattr(cuda, "_open", cuda._open.__wrapped__)
    assert device.choose("reference").threads == 1
    assert "numba kernels; CUDA is not used: there is no NVIDIA driver" in device.choose("auto").reason
    assert device.choose(device.choose("cpu"), threads=1).threads == 1
    with pytest.raises(BackendError, match=r"no NVIDIA driver\. Remedy: .*swarm-engine\[cuda12\]"):
        device.choose("cuda")
    with pytest.raises(SettingsError, match="Choose one of"):
        device.choose("gpu")
    with pytest.raises(SettingsError, match="positive"):
        device.choose("cpu", threads=0)


def test_a_stem_finds_its_twin():
    assert device.choose("cpu").twin("swarm.backend.rng").__name__ == "swarm.backend.rng_cpu"
    assert device.choose("reference").twin("swarm.backend.rng").__name__ == "swarm.backend.rng"
    assert device.choose("cpu").twin("swarm.backend.device").__name__ == "swarm.backend.device"
