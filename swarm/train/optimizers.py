"""How a gradient moves the parameters. Every hyper-parameter is one number or one per brain [N].

Definitions are those of `torch.optim` 2: w parameters, g gradient, r the learning rate times the schedule's factor, t
the number of the step from 1 on. In this order, for each network by itself:

    clip            g *= min(1, clip / (|g| + 1e-6)), |g| the norm of the network's gradient (`clip_grad_norm_`)
    weight_decay    g += weight_decay w; AdamW instead w *= 1 - r weight_decay
    SGD             v = momentum v + g; w -= r v; with nesterov w -= r (g + momentum v)
    RMSprop         s = decay s + (1 - decay) g^2; v = momentum v + g / (sqrt(s) + epsilon); w -= r v
    Adam, AdamW     m += (1 - beta1) (g - m); s = beta2 s + (1 - beta2) g^2;
                    w -= r / (1 - beta1^t) m / (sqrt(s / (1 - beta2^t)) + epsilon)

Sources: Polyak 1964; Nesterov 1983; Tieleman and Hinton, lecture 6.5, 2012; Kingma and Ba, ICLR 2015; Loshchilov and
Hutter, ICLR 2019; Pascanu, Mikolov and Bengio, ICML 2013 (clipping).

Any other object with `learning_rate`, `state` and `update` is an optimizer, too; the four here are also fused into the
kernels (`descend_cpu`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np

from swarm.errors import SettingsError

_TINY = 1e-6  # what `clip_grad_norm_` adds to the norm


class Optimizer(Protocol):
    """What `fit` needs of an optimizer."""

    learning_rate: Any

    def state(self, rows: np.ndarray) -> Any:
        """What is remembered from step to step for these rows [N, stride]."""
        ...

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        """Change rows [N, stride] in place by a gradient [N, stride]; rates [N]; steps count from 1."""
        ...


@dataclass(frozen=True)
class Descent:
    """What the optimizers share: rates, decay, clipping, and a `state` of `slots` arrays [N, stride], zero at first."""

    learning_rate: Any

    @property
    def slots(self) -> int:
        """How many arrays [N, stride] are remembered from step to step."""
        return 0

    def state(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros((self.slots, *rows.shape), rows.dtype)

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        raise NotImplementedError

    def column(self, name: str, dtype: np.dtype, flip: bool = False) -> np.ndarray:
        """A hyper-parameter as [N, 1] or [1, 1]; flip gives 1 - it, subtracted in float64."""
        value = np.asarray(getattr(self, name), np.float64).reshape(-1, 1)
        return (1 - value if flip else value).astype(dtype)

    def prepared(self, rows: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The gradient clipped, with the L2 term; the gradient itself where neither is asked for."""
        clip: Any = getattr(self, "clip", None)
        if clip is not None:
            norm = np.sqrt(np.square(gradient).sum(axis=1, keepdims=True))
            gradient = gradient * np.minimum(1, self.column("clip", rows.dtype) / (norm + rows.dtype.type(_TINY)))
        if np.any(getattr(self, "weight_decay", 0)):
            gradient = gradient + self.column("weight_decay", rows.dtype) * rows
        return gradient


@dataclass(frozen=True)
class SGD(Descent):
    """Stochastic gradient descent: w <- w - rate * gradient, with momentum (heavy ball or Nesterov's) if asked for.

    Without momentum, decay, clipping, masks and schedule the step is fused into the gradient itself.
    """

    learning_rate: Any = 0.1
    momentum: Any = 0.0
    nesterov: Any = False
    weight_decay: Any = 0.0
    clip: Any = None

    @property
    def slots(self) -> int:
        return int(bool(np.any(self.momentum)))

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        gradient = self.prepared(rows, gradient)
        if self.slots:
            momentum, held = self.column("momentum", rows.dtype), state[0]
            held *= momentum
            held += gradient
            ahead = np.asarray(self.nesterov, bool).reshape(-1, 1)
            gradient = np.where(ahead, gradient + momentum * held, held)
        rows -= rates[:, None] * gradient


@dataclass(frozen=True)
class RMSprop(Descent):
    """Steps divided by the root of a running mean of squared gradients. PyTorch calls `decay` alpha."""

    learning_rate: Any = 1e-2
    decay: Any = 0.99
    epsilon: Any = 1e-8
    momentum: Any = 0.0
    weight_decay: Any = 0.0
    clip: Any = None

    @property
    def slots(self) -> int:
        return 1 + int(bool(np.any(self.momentum)))

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        gradient, square = self.prepared(rows, gradient), state[0]
        square *= self.column("decay", rows.dtype)
        square += self.column("decay", rows.dtype, flip=True) * np.square(gradient)
        way = gradient / (np.sqrt(square) + self.column("epsilon", rows.dtype))
        if self.slots == 2:
            held = state[1]
            held *= self.column("momentum", rows.dtype)
            held += way
            way = held
        rows -= rates[:, None] * way


@dataclass(frozen=True)
class Adam(Descent):
    """Adam (Kingma and Ba, ICLR 2015, algorithm 1), with bias-corrected moments; defaults as in the paper."""

    learning_rate: Any = 1e-3
    beta1: Any = 0.9
    beta2: Any = 0.999
    epsilon: Any = 1e-8
    weight_decay: Any = 0.0
    clip: Any = None

    @property
    def slots(self) -> int:
        return 2

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        self.move(rows, self.prepared(rows, gradient), state, rates, step)

    def move(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        """The step itself, after clipping and decay."""
        mean, square = state
        mean += self.column("beta1", rows.dtype, flip=True) * (gradient - mean)
        square += self.column("beta2", rows.dtype, flip=True) * (np.square(gradient) - square)
        one, two = (1 - np.asarray(beta, np.float64).reshape(-1, 1) ** step for beta in (self.beta1, self.beta2))
        scale = np.sqrt(square) * np.sqrt(1 / two).astype(rows.dtype) + self.column("epsilon", rows.dtype)
        rows -= (rates[:, None] / one).astype(rows.dtype) * (mean / scale)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by rate * weight_decay, whatever their gradients were."""

    weight_decay: Any = 0.01

    def update(self, rows: np.ndarray, gradient: np.ndarray, state: Any, rates: np.ndarray, step: int) -> None:
        gradient = replace(self, weight_decay=0.0).prepared(rows, gradient)
        decay = np.asarray(self.weight_decay, np.float64).reshape(-1, 1)
        rows *= (1 - rates[:, None] * decay).astype(rows.dtype)
        self.move(rows, gradient, state, rates, step)


OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}


def ours(optimizer: Any) -> bool:
    """Whether it is one of the four, whose state is known and which kernels have."""
    return type(optimizer) in OPTIMIZERS.values()


_RANGES = {  # hyper-parameter -> (lowest, below, in words)
    "learning_rate": (0, np.inf, "a number of 0 or more"),
    "weight_decay": (0, np.inf, "a number of 0 or more"),
    "epsilon": (0, np.inf, "a number of 0 or more"),
    "momentum": (0, 1, "in 0 <= momentum < 1"),
    "decay": (0, 1, "in 0 <= decay < 1"),
    "beta1": (0, 1, "in 0 <= beta1 < 1"),
    "beta2": (0, 1, "in 0 <= beta2 < 1"),
    "nesterov": (0, 2, "True or False"),
}


def check(optimizer: Any, count: int) -> None:
    """Raises SettingsError for what is no optimizer, and for hyper-parameters out of range, naming the brain."""
    missing = [name for name in ("learning_rate", "state", "update") if not hasattr(optimizer, name)]
    if missing or isinstance(optimizer, type):
        raise SettingsError(
            f"fit: {optimizer!r} is no optimizer. Give one such as optimizer=swarm.Adam(1e-3) (there are"
            f" {', '.join(kind.__name__ for kind in OPTIMIZERS.values())}), or an object with learning_rate, state and"
            " update."
        )
    per_brain(optimizer.learning_rate, count, "learning_rate")
    if not isinstance(optimizer, Descent):
        return
    for field in fields(optimizer):
        value = getattr(optimizer, field.name)
        if field.name == "clip":
            _check_clip(value, count)
        elif field.name in _RANGES:
            per_brain(value, count, field.name)
    if isinstance(optimizer, SGD):
        ahead, momentum = (per_brain(getattr(optimizer, name), count, name) for name in ("nesterov", "momentum"))
        alone = (ahead > 0) & (momentum == 0)
        if alone.any():
            raise SettingsError(f"fit: nesterov needs a momentum above 0 (brain {int(np.argmax(alone))} has 0).")


def _check_clip(clip: Any, count: int) -> None:
    if clip is None:
        return
    array = shaped(clip, count, "clip")
    wrong = ~(array > 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise SettingsError(
            f"fit: clip {array[at]:g} (brain {at}) is not a number above 0. None, or inf for a brain, clips nothing."
        )


def per_brain(value: Any, count: int, name: str) -> np.ndarray:
    """A hyper-parameter of each of `count` brains, float64 [N]. Raises SettingsError for a wrong length or value."""
    array = shaped(value, count, name)
    lowest, below, words = _RANGES[name]
    wrong = ~(np.isfinite(array) & (array >= lowest) & (array < below))
    if name == "nesterov":
        wrong |= (array != 0) & (array != 1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise SettingsError(f"fit: {name} {array[at]:g} (brain {at}) is not {words}.")
    return array


def shaped(value: Any, count: int, name: str) -> np.ndarray:
    """One number, or one per brain, as float64 [N]. Raises SettingsError."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise SettingsError(f"fit: {name} {value!r} is not a number, nor one for each of the {count} brains.") from None
    if array.ndim > 1 or (array.ndim == 1 and len(array) != count):
        raise SettingsError(
            f"fit: {name} has the shape {array.shape}; give one number or one for each of the {count} brains."
        )
    return np.broadcast_to(array, (count,))


def rates(value: Any, count: int, dtype: np.dtype) -> np.ndarray:
    """The learning rate of each of `count` brains, [N]. Raises SettingsError for a wrong length or value."""
    return per_brain(value, count, "learning_rate").astype(dtype)


def part(optimizer: Any, positions: np.ndarray) -> Any:
    """The same optimizer for the brains at `positions`: values that are one per brain are picked, others stay.

    An optimizer of the user's keeps its own values; only its learning rates are picked, by `fit`.
    """
    if not isinstance(optimizer, Descent):
        return optimizer
    held = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    picked = {name: np.asarray(value)[positions] for name, value in held.items() if np.ndim(value) == 1}
    return replace(optimizer, **picked) if picked else optimizer
