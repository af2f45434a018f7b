"""From a drawing to what a brain sees: 8x8 counts of ink as in the data set of digits, upright and equally heavy.

The data set normalised its 32x32 bitmaps in place, size and weight and counted the inked pixels of each 4x4 block,
0..16 (C. L. Wilson et al., "NIST form-based handprint recognition system", NISTIR 5469, 1994; Alpaydin and Kaynak, UCI,
1998). So does this eye for any image: it takes the slant out (by second moments), fits the ink's box to 32 x 22 pixels,
and inks the 306 pixels where it is darkest, with soft edges, whatever the pen. Sums are of whole numbers and nothing is
transcendental, so that the same drawing gives the same counts on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 32  # pixels of the bitmap
CELLS = 8  # blocks along a side; each has 4 x 4 pixels
WIDTH = 22  # pixels a digit is wide, unless it is slim
SLIM = 0.35  # width / height below which a digit keeps its proportions: a 1 without flag or base
INKED = 306  # pixels of ink in a bitmap
_CRISP = 2.0  # how steeply the ink fades at the edge of those
_STEEPEST = 0.7  # slant that is taken out at most, m/m

_f32 = np.float32


def see(images: np.ndarray) -> np.ndarray:
    """Counts uint8 [B, 64], 0..255 for 0..16 inked pixels in a block, of images [B, K, K] float32, ink 0..1.

    An image without a pixel of at least half ink is blank: all zeros.
    """
    ink = np.rint(np.clip(images, 0, 1) * _f32(255)).astype(np.int64)
    out = np.zeros((len(ink), CELLS * CELLS), np.uint8)
    some = np.flatnonzero((ink >= 128).any(axis=(1, 2)))
    if len(some):
        boxed = fitted(upright(ink[some]))
        out[some] = (blocks(reinked(boxed)).astype(np.uint16) * 255 // 16).astype(np.uint8)
    return out


def upright(ink: np.ndarray) -> np.ndarray:
    """The images [B, K, K], 0..255 integers, sheared so that their ink does not lean: float32 0..1."""
    B, K, _ = ink.shape
    at = np.arange(K, dtype=np.int64)
    mass = ink.sum(axis=(1, 2))
    rows, columns = ink.sum(axis=2), ink.sum(axis=1)
    x, y = (columns * at).sum(axis=1), (rows * at).sum(axis=1)  # whole numbers until here: exact in any order
    xy = ((ink * at).sum(axis=2) * at).sum(axis=1)
    yy = (rows * at * at).sum(axis=1)
    lean = (mass * xy - x * y) / np.maximum(mass * yy - y * y, 1)
    lean = np.clip(lean, -_STEEPEST, _STEEPEST).astype(_f32)[:, None, None]
    middle = (y / mass).astype(_f32)[:, None, None]
    rows_at = np.broadcast_to(at.astype(_f32)[None, :, None], (B, K, K))
    return sample(ink.astype(_f32) / _f32(255), rows_at, at.astype(_f32)[None, None, :] + lean * (rows_at - middle))


def fitted(images: np.ndarray) -> np.ndarray:
    """The box around the ink of each image, stretched to `SIDE` rows and `WIDTH` columns in the middle."""
    inked = images >= 0.5
    inked[~inked.any(axis=(1, 2))] = True
    top, bottom = _ends(np.any(inked, axis=2))
    left, right = _ends(np.any(inked, axis=1))
    height, width = bottom - top, right - left
    natural = width * _f32(SIDE) / height
    wide = np.where(natural > _f32(SLIM * SIDE), _f32(WIDTH), natural)
    at = np.arange(SIDE, dtype=_f32) + _f32(0.5 - SIDE / 2)
    y = ((top + bottom) / 2 - _f32(0.5))[:, None] + at * (height / _f32(SIDE))[:, None]
    x = ((left + right) / 2 - _f32(0.5))[:, None] + at * (width / wide)[:, None]
    shape = len(images), SIDE, SIDE
    return sample(images, np.broadcast_to(y[:, :, None], shape), np.broadcast_to(x[:, None, :], shape))


def reinked(images: np.ndarray) -> np.ndarray:
    """Images [B, 32, 32] with as much ink each: after a soft blur, about the `INKED` darkest pixels are ink."""
    soft = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    soft = soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]
    soft = (soft[:, :, :-2] + 2 * soft[:, :, 1:-1] + soft[:, :, 2:]) / 16
    cut = np.partition(soft.reshape(len(soft), -1), -INKED, axis=1)[:, -INKED]
    cut = np.maximum(cut, _f32(0.0125))[:, None, None]
    return np.clip((soft - cut) * np.maximum(_f32(_CRISP), _f32(0.5) / cut) + _f32(0.5), 0, 1)  # 0 stays 0


def blocks(images: np.ndarray) -> np.ndarray:
    """Ink of each 4 x 4 block, 0..16 pixels: uint8 [B, 64] of images [B, 32, 32], ink 0..1."""
    size = SIDE // CELLS
    ink = np.rint(images * _f32(256)).astype(np.int32).reshape(-1, CELLS, size, CELLS, size).sum(axis=(2, 4))
    return ((ink + 128) // 256).astype(np.uint8).reshape(-1, CELLS * CELLS)


def sample(images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Images [B, K, K] at places [B, R, C] in pixels (0 is the first pixel's middle), bilinear; 0 outside: float32."""
    K = images.shape[1]
    flat = np.pad(images, ((0, 0), (1, 1), (1, 1))).astype(_f32).reshape(-1)
    first = np.arange(len(images), dtype=np.int64)[:, None, None] * (K + 2) ** 2
    y, x = np.clip(rows, -1, K).astype(_f32) + 1, np.clip(columns, -1, K).astype(_f32) + 1
    up, left = np.minimum(y.astype(np.int32), K), np.minimum(x.astype(np.int32), K)
    y, x = y - up.astype(_f32), x - left.astype(_f32)
    at = first + up * (K + 2) + left
    upper = flat.take(at) * (1 - x) + flat.take(at + 1) * x
    lower = flat.take(at + K + 2) * (1 - x) + flat.take(at + K + 3) * x
    return upper * (1 - y) + lower * y


def _ends(some: Any) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last True of each row, float32."""
    K = some.shape[1]
    return some.argmax(axis=1).astype(_f32), (K - some[:, ::-1].argmax(axis=1)).astype(_f32)
