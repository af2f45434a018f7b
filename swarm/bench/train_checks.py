"""What must hold of trained networks before anything is reported; each check raises `harness.Invalid`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np

from swarm.brain.brains import Brains
from swarm.train.optimizers import SGD, Adam

from . import harness
from .peers import Peer
from .train_oracle import Weights
from .train_problem import CHECK, Problem, weights_of

BOUND = 1e-5  # of a parameter after `CHECK` steps of descent
KINK = 1e-2  # of a parameter that a sample on the kink of an activation has moved


def bound(optimizer: SGD | Adam) -> float:
    """How far a parameter may be from the oracle's after `CHECK` steps.

    Adam divides a gradient by its own size: where rounding is all there is of a gradient, the step is a share of the
    learning rate in any direction.
    """
    return max(BOUND, 0.1 * optimizer.learning_rate) if isinstance(optimizer, Adam) else BOUND


def ours(
    what: str, brains: Brains, problem: Problem, right: dict[int, Weights], train: Callable[[Brains], object]
) -> float:
    """`train` takes the brains through the problem's first `CHECK` steps; they must stand at `right`.

    The brains are as before afterwards. Returns the largest difference.
    """
    start = np.array(brains.parameters)
    train(brains)
    stood = [weights_of(brains[k]) for k in right]
    brains.parameters[:] = start
    return agree(what, list(zip(stood, right.values(), strict=True)), bound(problem.optimizer))


def peer(one: Peer, right: dict[int, Weights], most: float = BOUND) -> float:
    """The peer's networks after `CHECK` steps must stand within `most` of `right`; returns the largest difference."""
    one.run(CHECK)
    pairs = [(got, right[k]) for k, got in zip(one.sample.tolist(), one.result(), strict=True) if k in right]
    return agree(one.name, pairs, most)


def agree(what: str, pairs: Sequence[tuple[Weights, Weights]], most: float) -> float:
    """Raise `harness.Invalid` unless in each pair the first network is the second: every parameter within `most`.

    Where a sum lies on the kink of an activation, rounding decides which slope a sample gets: one network in twenty
    (one at least) may be further off in a few places, in the mean over each weight and bias within ten times `most`.
    Returns the largest difference in the others.
    """
    if not pairs:
        raise harness.Invalid(f"{what}: there is no network to compare. Nothing is reported.")
    largest, means = np.zeros((2, len(pairs)))
    for k, (got, right) in enumerate(pairs):
        for layer, arrays in enumerate(zip(got, right, strict=True)):
            for word, mine, other in zip(("weight", "bias"), *arrays, strict=True):
                name = f"{what}: {word} {layer} after {CHECK} steps"
                largest[k] = max(largest[k], harness.close(name, mine, other, KINK))
                means[k] = max(means[k], np.abs(mine - other).mean())
    off = largest > most
    if off.sum() > max(1, len(off) // 20) or (means > 10 * most).any():
        raise harness.Invalid(
            f"{what}: {off.sum():,} of {len(off):,} networks are not where the reference is after {CHECK} steps, "
            f"the worst by {largest.max():.3g} (bound {most:.3g}). Nothing is reported."
        )
    return float(largest[~off].max(initial=0.0))


def finite(what: str, losses: np.ndarray) -> None:
    """No network may have diverged."""
    lost = np.flatnonzero(~np.isfinite(losses))
    if len(lost):
        raise harness.Invalid(f"{what}: {len(lost):,} networks diverged, the first is {lost[0]}. Nothing is reported.")


def different(what: str, brains: Brains) -> int:
    """How many networks there are, which is how many different ones."""
    seen: set[bytes] = set()
    for group in brains.groups:
        kind = str(group.mlp).encode()
        seen.update(blake2b(row.tobytes(), digest_size=16, key=kind[:64]).digest() for row in group.parameters)
    if len(seen) < len(brains):
        raise harness.Invalid(
            f"{what}: of {len(brains):,} networks only {len(seen):,} differ from each other. Nothing is reported."
        )
    return len(seen)


def accuracy(what: str, values: np.ndarray | float, least: float) -> float:
    """The mean accuracy, which must be `least` or more and no more than 1."""
    mean = float(np.mean(values))
    if not least <= mean <= 1:
        raise harness.Invalid(f"{what}: the accuracy is {mean:.4f}, not within {least:.3f} .. 1. Nothing is reported.")
    return mean


def near(what: str, value: float, right: float, share: float) -> float:
    """`value`, which must be within `share` of `right`."""
    if not abs(value - right) <= share * abs(right):
        raise harness.Invalid(f"{what}: {value:.6g}, the reference has {right:.6g}. Nothing is reported.")
    return value
