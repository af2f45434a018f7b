"""One network written once more from the formulas, in float64: what both twins of descent are measured against."""

from __future__ import annotations

import math

import numpy as np

from swarm.brain.brains import Brains

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _normal(z):
    return 0.5 * (1 + _erf(z / math.sqrt(2)))


def _gate(z):
    return np.tanh(np.log1p(np.exp(z)))


F = {  # activation -> (f, f')
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: np.where(z > 0, 1.0, 0)),
    "leakyrelu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1, np.exp(z))),
    "gelu": (
        lambda z: z * _normal(z), lambda z: _normal(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    ),
    "selu": (
        lambda z: SCALE * np.where(z > 0, z, ALPHA * np.expm1(z)),
        lambda z: SCALE * np.where(z > 0, 1, ALPHA * np.exp(z)),
    ),
    "hardshrink": (lambda z: np.where(abs(z) > 0.5, z, 0), lambda z: np.where(abs(z) > 0.5, 1.0, 0)),
    "mish": (lambda z: z * _gate(z), lambda z: _gate(z) + z * (1 - _gate(z) ** 2) * _sigmoid(z)),
}  # fmt: skip
KINKS = {"relu": 0.0, "leakyrelu": 0.0, "selu": 0.0, "hardshrink": 0.5}  # |z| where f' jumps


def cross_entropy(out, labels):
    p = np.exp(out - out.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    hot = np.arange(out.shape[1]) == labels[:, None]
    return -np.log(p[hot]), p - hot


def mse(out, t):
    return np.mean((out - t) ** 2, axis=1), 2 * (out - t) / out.shape[1]


def bce(out, t):
    p = _sigmoid(out)
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p), axis=1), (p - t) / out.shape[1]


def huber(out, t):
    e = out - t
    return np.mean(np.where(abs(e) <= 1, e * e / 2, abs(e) - 0.5), axis=1), np.clip(e, -1, 1) / out.shape[1]


LOSSES = {"cross_entropy": cross_entropy, "mse": mse, "bce": bce, "huber": huber}


class Network:
    """Weights w[k] [I, O] and biases c[k] [O] (None without), and how near a sum ever came to a kink: `margin`.

    A sum nearer to a kink than rounding may fall to either side; such a case says nothing, and needs another seed.
    """

    def __init__(self, brain: Brains) -> None:
        (pool,) = brain.groups
        depth = len(pool.mlp.widths) - 1
        self.names = (*pool.mlp.activation, pool.mlp.output)
        self.w = [pool.weight(k)[0].astype(np.float64) for k in range(depth)]
        self.c = [pool.bias(k)[0].astype(np.float64) if pool.mlp.bias else None for k in range(depth)]
        self.margin = math.inf

    def step(self, x, y, loss, rate, weights=None, mean=True, noise=None, gates=None) -> float:
        """Plain descent along one batch's gradient: returns the sum of the weighted losses.

        x [B, I], y [B] or [B, O], weights [B]; noise [B, I] is added to x, gates[k] [B, H_k] multiply hidden values.
        """
        weights = np.ones(len(x)) if weights is None else weights.astype(float)
        h, z = [x if noise is None else x + noise], []
        for k, (w, c, name) in enumerate(zip(self.w, self.c, self.names, strict=True)):
            z.append(h[-1] @ w + (0 if c is None else c))
            if name in KINKS and (z[-1] != 0).any():
                self.margin = min(self.margin, abs(abs(z[-1][z[-1] != 0]) - KINKS[name]).min())
            gate = 1 if gates is None or k == len(self.w) - 1 else gates[k]
            h.append(F[name][0](z[-1]) * gate)
        value, d = LOSSES[loss](h[-1], y)
        d = d * weights[:, None] / (len(x) if mean else 1)
        for k in reversed(range(len(self.w))):
            gate = 1 if gates is None or k == len(self.w) - 1 else gates[k]
            d = d * gate * F[self.names[k]][1](z[k])
            slope, shift, d = h[k].T @ d, d.sum(axis=0), d @ self.w[k].T
            self.w[k] -= rate * slope
            if self.c[k] is not None:
                self.c[k] -= rate * shift
        return float((weights * value).sum())

    def distance(self, brain: Brains) -> float:
        """The largest difference of a parameter."""
        (pool,) = brain.groups
        parts = [abs(pool.weight(k)[0] - w).max() for k, w in enumerate(self.w)]
        parts += [abs(pool.bias(k)[0] - c).max() for k, c in enumerate(self.c) if c is not None]
        return max(parts)
