"""Where the brains of the digits scene learn to read: their samples, their training, and a cache of what they learned.

Samples pass through the eye that later sees the canvas (`digits_eye`). They are the engine's 8x8 digits but every
fifth, which is held out; handwriting of our own (`digits_strokes`); and, where its files are at hand, 6,000 images of
MNIST. All are sheared, stretched, thinned and fattened at random. Every brain draws its own bootstrap sample of them.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import numpy as np

from swarm.backend import rng
from swarm.backend.device import Backend
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.config import cache_dir
from swarm.errors import DataError, SwarmError
from swarm.scenes import digits_eye, digits_strokes
from swarm.train.data import digits, mnist
from swarm.train.fit import fit
from swarm.train.optimizers import SGD
from swarm.train.schedules import CosineRate

HELD_OUT = 5  # every fifth of the engine's digits is never trained on
COPIES = {"digits": 4, "strokes": 4, "mnist": 1}  # variants of each sample
WRITTEN = 12  # times each hand writes each digit, with a shaking pen
MNIST = 6000
RATE, BATCH = 0.5, 32

_f32 = np.float32


def taught(
    mlp: MLP, count: int, backend: Backend, *, epochs: int, seed: int, data: str, progress: bool = False
) -> Brains:
    """`count` trained brains of the architecture `mlp` on `backend`: trained now, or long ago with the same arguments.

    data: 'digits', 'mnist' (those as well) or 'auto' (MNIST where it is). Training runs on the CPU. Its result lies in
    the user's cache, named by a digest of the arguments and of the sources that shape it; where the cache cannot be
    written, every call trains. Raises DataError for data='mnist' where there is none.
    """
    if data == "auto":
        data = "mnist" if _mnist(data) is not None else "digits"
    path = cache_dir("digits", f"{_name(mlp, count, epochs, seed, data)}.safetensors")
    with suppress(SwarmError):  # there is none, or it is torn: it is made anew
        return Brains.load(path, backend=backend)
    brains = Brains(mlp, count, seed=seed, backend="cpu", threads=backend.threads)
    x, y = samples(seed, data)
    fit(
        brains, x, y, optimizer=SGD(RATE), schedule=CosineRate(), epochs=epochs, batch_size=BATCH,
        sampling="bootstrap", seed=seed, progress=progress,
    )  # fmt: skip
    with suppress(SwarmError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        brains.save(path)
    return brains.to(backend)


def samples(seed: int, data: str) -> tuple[np.ndarray, np.ndarray]:
    """What the brains train on: x uint8 [M, 64] as the eye gives it, y uint8 [M]. data: 'digits' or 'mnist'."""
    parts = [("digits", *_bundled(held=False)), ("strokes", *handwriting(seed))]
    if data == "mnist":
        found = _mnist(data)
        assert found is not None
        parts.append(("mnist", *found))
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
        for hand, text in enumerate(hands):
            strokes = digits_strokes.parse(text)
            ends = np.cumsum([2 * len(stroke) for stroke in strokes])
            draw = _even(seed, WRITTEN, f"digits hand {digit} {hand}", int(ends[-1]))
            pieces = []
            for stroke, end in zip(strokes, ends):
                shaken = stroke + _f32(0.045) * draw[:, end - 2 * len(stroke) : end].reshape(WRITTEN, -1, 2)
                corner = 1 + np.flatnonzero((stroke[1:] == stroke[:-1]).all(axis=1))
                shaken[:, corner] = shaken[:, corner - 1]
                line = digits_strokes.rounded(shaken)
                pieces.append(np.concatenate([line[:, :-1], line[:, 1:]], axis=2))
            images.append(digits_strokes.rasterise(np.concatenate(pieces, axis=1), digits_eye.SIDE))
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


def _mnist(data: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The first images of MNIST's training part, float32 [6000, 28, 28], and labels; None where 'auto' finds none."""
    try:
        found = mnist(download=data != "auto")
    except DataError:
        if data != "auto":
            raise
        return None
    return found.x[:MNIST].reshape(-1, 28, 28).astype(_f32) / _f32(255), found.y[:MNIST]


def _even(seed: int, rows: int, stream: str, count: int) -> np.ndarray:
    """float32 [rows, count], evenly in [-1, 1), keyed by seed, row and the name of the stream."""
    return rng.uniform(seed, np.arange(rows), 0, 0, rng.stream(stream), count) * _f32(2) - _f32(1)


def _name(mlp: MLP, count: int, epochs: int, seed: int, data: str) -> str:
    """A digest of all that shapes the brains."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (digits_eye, digits_strokes)]
    words = [repr(mlp), count, epochs, seed, data, Path(__file__).read_text(encoding="utf-8")]
    return hashlib.sha256(json.dumps(words).encode() + b"".join(sources)).hexdigest()[:24]
