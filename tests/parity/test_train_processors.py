"""The same bits on every processor: training compiled for AVX2 and for AVX-512, whose tiles differ."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, AdamW, Brains, CosineRate, RMSprop, fit
from swarm.backend.jit import cache_root

ROOT = Path(__file__).resolve().parents[2]


def digest() -> str:
    """Of a mixed population's parameters after some epochs: activations, losses, optimizers, bytes, ragged batches,
    inputs that are zero, last layers of either form, dropout, noise, weights of samples."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (150, 21)).astype(np.uint8), rng.integers(0, 6, 150)
    smooth = ("relu", "tanh", "sigmoid", "gelu", "mish", "selu", "elu", "leakyrelu", "hardshrink")
    brains = Brains([*(MLP((21, 37, 19, 6), name) for name in smooth), MLP((21, 6))], seed=1, backend="cpu")
    fit(brains, x, y, optimizer=SGD(0.1), epochs=2, batch_size=32)
    fit(brains, x, y, optimizer=Adam(0.01, clip=1, weight_decay=0.01), batch_size=32, schedule=CosineRate(final=0.1))
    fit(brains, x, y, batch_size=32, dropout=np.linspace(0, 0.5, 10), noise=0.1, weights=rng.random(150))
    x[rng.random(x.shape) < 0.8] = 0  # from here on along lists
    for optimizer in (SGD(0.1), SGD(0.1, clip=0.5), RMSprop(0.01)):
        fit(brains, x, y, optimizer=optimizer, batch_size=32)
    targets = rng.random((150, 6))
    fit(brains, x, targets, loss="bce", optimizer=RMSprop(0.01, momentum=0.5), batch_size=32, freeze=[0])
    fit(brains, x, targets, loss="huber", optimizer=SGD(0.01, 0.9, True, clip=0.5), batch_size=32, reduction="sum")
    wide, more = Brains([MLP((21, 9, 34), "tanh"), MLP((21, 34))], seed=1, backend="cpu"), rng.random((150, 34))
    for loss in ("mse", "bce", "huber"):
        fit(wide, x, more, loss=loss, optimizer=AdamW(0.01), batch_size=32)
    fit(wide, x, y, batch_size=32)
    return hashlib.sha256(b"".join(brain.flat().tobytes() for brain in (*brains, *wide))).hexdigest()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the named processors are x86-64")
@pytest.mark.timeout(900)  # every kernel of training is compiled once more
@pytest.mark.parametrize("processor", ["haswell", "skylake-avx512"])
def test_equal_bits_on(processor):
    features = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if processor == "skylake-avx512" and "avx512f" not in features:
        pytest.skip("this processor has no AVX-512")
    assert elsewhere({"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}) == digest()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_equal_bits_with_the_tile_of_other_processors():
    """8 x 2 where 4 x 1 is faster, or the other way round; compiled into a cache of its own."""
    other = (
        "from swarm.backend import simd as s; wide = s.has_wide_registers(); s.has_wide_registers = lambda: not wide"
    )
    assert elsewhere({"SWARM_CACHE_DIR": str(cache_root().parent / "other tile")}, other) == digest()


def elsewhere(settings: dict[str, str], first: str = "") -> str:
    """The digest from another process with these settings, which runs `first` at first."""
    here = str(Path(__file__).parent)
    code = f"import sys; {first}\nsys.path.insert(0, {here!r}); import test_train_processors as t; print(t.digest())"
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]
