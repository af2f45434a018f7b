"""Which sample comes when: a keyed permutation for every brain and epoch, computed where it is needed, never stored.

    own        every brain shuffles its samples for itself, anew each epoch
    shared     one shuffle for all brains
    bootstrap  every brain draws as many of its samples as it has with replacement, once, and shuffles its draws each
               epoch

The permutation is that of `permutation`; its round keys are Philox words keyed by seed, brain and epoch, so a brain's
order does not depend on the other brains, and an epoch meets each of its samples once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np

from swarm.backend import rng
from swarm.backend.rng import words
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train.parts import Parts, sizes_of
from swarm.train.permutation import ROUNDS, permute, shuffled

SAMPLINGS = ("own", "shared", "bootstrap")


def indices(
    segments: np.ndarray,
    lengths: np.ndarray,
    shuffles: np.ndarray,
    draws: np.ndarray,
    start: int,
    out: np.ndarray,
) -> None:
    """The entries of `Parts.flat` at positions start, start + 1, ... of an epoch.

    segments         [K | 1][4] int64   stretches of `flat`                               read
    lengths          [K | 1] int64      how many positions a row has; behind them stand 0  read
    shuffles, draws  [K][12] uint32     round keys as `Order.rounds` gives them           read
    out              [K][count] int32                                                     write
    """
    K, count = out.shape
    lengths = np.broadcast_to(lengths, (K,))
    segments = np.broadcast_to(segments, (K, 4))
    sizes = sizes_of(segments)
    positions = np.arange(start, start + count, dtype=np.uint32)
    for M in np.unique(sizes):
        mine = np.flatnonzero(sizes == M)
        at = np.broadcast_to(positions, (len(mine), count))
        if len(shuffles):
            at = shuffled(int(M), shuffles[mine], at)
        if len(draws):
            at = (permute(at, draws[mine], 32).astype(np.uint64) * np.uint64(M)) >> np.uint64(32)
        at = at.astype(np.int64)
        a, b, c, _ = segments[mine].T[:, :, None]
        at = np.where(at < b - a, a + at, c + at - (b - a))
        out[mine] = np.where(np.arange(count) < lengths[mine][:, None], at, 0)


@dataclass(frozen=True)
class Order:
    """The order of the samples of N brains.

    parts: which samples they have. keys [N] uint32 and seed name the shuffles, draw_keys [N] and draw_seed the draws
    of 'bootstrap' (None: keys and seed).
    """

    parts: Parts
    keys: np.ndarray
    sampling: str = "own"
    shuffle: bool = True
    seed: int = 0
    draw_keys: np.ndarray | None = None
    draw_seed: int | None = None
    _held: dict = field(default_factory=dict, init=False, repr=False, compare=False)  # the last epoch's round keys

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise SettingsError(f"fit: sampling {self.sampling!r} is unknown.{suggest(str(self.sampling), SAMPLINGS)}")
        if self.sampling == "shared" and len(self.parts.segments) > 1:
            raise SettingsError(
                "fit: shared batches need the same samples for every brain, and `samples` gives them different ones."
                " Take sampling='own'."
            )

    def part(self, at: np.ndarray) -> Order:
        """The same for the brains at `at`."""
        draws = None if self.draw_keys is None else self.draw_keys[at]
        return replace(self, parts=self.parts.part(at), keys=self.keys[at], draw_keys=draws)

    @property
    def rows(self) -> int:
        """K: rows of an index, N or one for all."""
        own = self.sampling == "bootstrap" or (self.shuffle and self.sampling == "own")
        return len(self.keys) if own or len(self.parts.segments) > 1 else 1

    def longest(self, active: np.ndarray) -> int:
        """The number of samples in an epoch of the active brain that has most; 0 without one."""
        return int(np.max(np.broadcast_to(self.parts.sizes, active.shape), where=active, initial=0))

    def rounds(self, epoch: int, words: Callable[..., np.ndarray] = words) -> tuple[np.ndarray, np.ndarray]:
        """Round keys of this epoch's shuffles [K, 12] and of the draws [K, 12]; an empty array where there is none.

        words: a twin of `rng.words`.
        """
        if epoch not in self._held:
            none = np.empty((0, ROUNDS), np.uint32)
            shuffles = draws = none
            if self.shuffle:
                one = self.sampling == "shared"
                names = np.zeros(1, np.uint32) if one else self.keys
                shuffles = words(self.seed, names, int(one), epoch, rng.stream("order"), ROUNDS)
            if self.sampling == "bootstrap":
                names, seed = (self.keys if self.draw_keys is None else self.draw_keys), self.draw_seed
                seed = self.seed if seed is None else seed
                draws = words(seed, names, 0, 0, rng.stream("bootstrap"), ROUNDS)
            self._held.clear()
            self._held[epoch] = shuffles, draws
        return self._held[epoch]

    def indices(
        self,
        epoch: int,
        start: int,
        stop: int,
        active: np.ndarray | None = None,
        twin: ModuleType | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """What `descend` takes for positions start .. stop - 1 of an epoch: index [K, stop - start] int32, lengths [K]
        int64, weights [K, stop - start] float32 or None.

        A brain with fewer samples has a shorter row; one that is not `active` [N] has none. twin: of this module.
        """
        lengths = np.clip(np.broadcast_to(self.parts.sizes, (self.rows,)) - start, 0, stop - start)
        if active is not None and self.rows == len(active):
            lengths = np.where(active, lengths, 0)
        index = np.empty((self.rows, stop - start), np.int32)
        find, draw = (indices, words) if twin is None else (twin.indices, twin.words)
        find(self.parts.segments, lengths, *self.rounds(epoch, draw), start, index)
        weights = None
        if self.parts.weights is not None:
            weights = np.where(np.arange(stop - start) < lengths[:, None], self.parts.weights[index], np.float32(0))
        if len(self.parts.flat):
            index = self.parts.flat[index]
        return index, lengths, weights
