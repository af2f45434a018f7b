"""Where the brains of the digits scene learn to read: their samples, their training, and a cache of what they learned.

Samples pass through the eye that later sees the canvas (`digits_eye`). They are the engine's 8x8 digits but every
fifth, which is held out; handwriting of our own (`digits_strokes`); and, if asked for, 12,000 images of MNIST. All are
sheared, stretched, thinned and fattened at random. Each of forty schools teaches a part of them, and every brain draws
a bootstrap sample of its own of what its school teaches: alone they err differently, together they err seldom
(L. Breiman, "Bagging predictors", Machine Learning 24, 1996).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from swarm.backend import rng
from swarm.backend.device import Backend
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.config import cache_dir
from swarm.errors import SwarmError
from swarm.scenes import digits_eye, digits_strokes
from swarm.train.data import digits, mnist
from swarm.train.fit import fit
from swarm.train.optimizers import SGD
from swarm.train.schedules import CosineRate

HELD_OUT = 5  # every fifth of the engine's digits is never trained on
COPIES = {"digits": 8, "strokes": 3, "mnist": 1}  # variants of each sample
WRITTEN = 12  # times each hand writes each digit, with a shaking pen
SHAKE = 0.045  # in sides of the canvas
MNIST = 12000
SCHOOLS = 40
TAUGHT = {"digits": 1500, "mnist": 4000}  # samples that a school teaches
RATE, BATCH = 0.3, 16

_f32 = np.float32


def taught(
    mlp: MLP, count: int, backend: Backend, *, epochs: int, seed: int, data: str, progress: bool = False
) -> Brains:
    """`count` trained brains of the architecture `mlp` on `backend`: trained now, or long ago with the same arguments.

    data: 'digits', or 'mnist' for those as well. Training runs on the CPU. Its result lies in the user's cache, named
    by a digest of the arguments and of the sources that shape it; where the cache cannot be written, every call trains.
    Raises DataError for data='mnist' where there is none.
    """
    path = cache_dir("digits", f"{_name(mlp, count, epochs, seed, data)}.safetensors")
    with suppress(SwarmError):  # there is none, or it is torn: it is made anew
        return Brains.load(path, backend=backend)
    brains = Brains(mlp, count, seed=seed, backend="cpu", threads=backend.threads)
    x, y = samples(seed, data)
    ends = np.linspace(0, count, min(SCHOOLS, count) + 1).astype(int)
    schools = track(
        list(pairwise(ends.tolist())), f"{count:,} brains learn to read, once for these settings",
        console=Console(stderr=True), transient=True, disable=not progress,
    )  # fmt: skip
    for school, (start, stop) in enumerate(schools):
        rows = rng.words(seed, [school], 0, 0, rng.stream("digits school"), TAUGHT[data])[0] % np.uint32(len(x))
        fit(
            brains[start:stop], x[rows], y[rows], optimizer=SGD(RATE), schedule=CosineRate(),
            epochs=epochs, batch_size=BATCH, sampling="bootstrap", seed=seed, keys=np.arange(start, stop),
        )  # fmt: skip
    with suppress(SwarmError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        brains.save(path)
    return brains.to(backend)


def samples(seed: int, data: str) -> tuple[np.ndarray, np.ndarray]:
    """What the brains train on: x uint8 [M, 64] as the eye gives it, y uint8 [M]. data: 'digits' or 'mnist'."""
    parts = [("digits", *_bundled(held=False)), ("strokes", *handwriting(seed))]
    if data == "mnist":
        found = mnist()
        images = found.x[:MNIST].reshape(-1, 28, 28).astype(_f32) / _f32(255)
        parts.append(("mnist", images, found.y[:MNIST]))
    x = [digits_eye.see(varied(images, COPIES[name], seed, f"digits {name}")) for name, images, _ in parts]
    y = [np.tile(labels, COPIES[name]) for name, _, labels in parts]
    return np.concatenate(x), np.concatenate(y)


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """The engine's digits that no brain was trained on, as the eye sees them: x uint8 [359, 64], y uint8 [359]."""
    images, labels = _bundled(held=True)
    return digits_eye.see(images), labels


def handwriting(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits written by `digits_strokes.HANDS` with a shaking pen: images float32 [M, 32, 32], labels uint8 [M]."""
    images, labels = [], []
    for digit, hands in enumerate(digits_strokes.HANDS):
        for hand in range(len(hands)):
            draw = _even(seed, WRITTEN, f"digits hand {digit} {hand}", digits_strokes.NUMBERS)
            pieces = digits_strokes.written(digit, hand, draw, SHAKE)
            images.append(digits_strokes.rasterise(pieces, digits_eye.SIDE))
            labels.append(np.full(WRITTEN, digit, np.uint8))
    return np.concatenate(images), np.concatenate(labels)


def varied(images: np.ndarray, copies: int, seed: int, stream: str) -> np.ndarray:
    """Variants of images [M, K, K] float32, `copies` of each in turn: sheared, stretched, thinned or fattened.

    Entries of a random matrix stand for rotation, shear and stretch, so that nothing transcendental is computed.
    """
    K = images.shape[1]
    at = np.arange(K, dtype=_f32) + _f32(0.5 - K / 2)
    middle, found = _f32(K / 2 - 0.5), []
    for copy in range(copies):
        turn, shear, tall, wide, ink = _even(seed, len(images), f"{stream} {copy}", 5).T[:, :, None, None]
        rows = middle + (1 + _f32(0.2) * tall) * at[:, None] + _f32(0.25) * turn * at
        columns = middle + (1 + _f32(0.2) * wide) * at + _f32(0.25) * (shear - turn) * at[:, None]
        found.append(digits_eye.sample(images, rows, columns) + _f32(0.2) * ink)
    return np.concatenate(found)


def _bundled(held: bool) -> tuple[np.ndarray, np.ndarray]:
    """The engine's digits, held out or not, smoothly enlarged: images float32 [M, 32, 32], labels [M]."""
    data = digits()
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    chosen = (np.arange(len(x)) % HELD_OUT == HELD_OUT - 1) == held
    small = x[chosen].reshape(-1, digits_eye.CELLS, digits_eye.CELLS).astype(_f32) / _f32(255)
    size = digits_eye.SIDE // digits_eye.CELLS
    at = (np.arange(digits_eye.SIDE, dtype=_f32) + _f32(0.5)) / _f32(size) - _f32(0.5)
    shape = len(small), digits_eye.SIDE, digits_eye.SIDE
    rows, columns = np.broadcast_to(at[:, None], shape), np.broadcast_to(at, shape)
    return digits_eye.sample(small, rows, columns), y[chosen]


def _even(seed: int, rows: int, stream: str, count: int) -> np.ndarray:
    """float32 [rows, count], evenly in [-1, 1), keyed by seed, row and the name of the stream."""
    return rng.uniform(seed, np.arange(rows), 0, 0, rng.stream(stream), count) * _f32(2) - _f32(1)


def _name(mlp: MLP, count: int, epochs: int, seed: int, data: str) -> str:
    """A digest of all that shapes the brains."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (digits_eye, digits_strokes)]
    words = [repr(mlp), count, epochs, seed, data, Path(__file__).read_text(encoding="utf-8")]
    return hashlib.sha256(json.dumps(words).encode() + b"".join(sources)).hexdigest()[:24]
