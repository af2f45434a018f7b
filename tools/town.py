"""Train the eight brains of the scene `town` and write assets/brains/town.safetensors. Run: python tools/town.py

They imitate a rule: follow the way, keep to the right where others come, give room, and let the player through. Random
situations, mean squared error, Adam; every brain has an order and initial weights of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import swarm
from swarm.scenes import town

TARGET = Path(__file__).resolve().parent.parent / "assets" / "brains" / "town.safetensors"
SAMPLES = 40_000


def situations(rng: np.random.Generator) -> np.ndarray:
    """Senses float32 [SAMPLES, 21] as the town may give them: way, closeness, others, you, velocity."""
    angle = rng.uniform(0, 2 * np.pi, SAMPLES)
    there = rng.random(SAMPLES) < 0.1
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1) * ~there[:, None]
    close = np.where(there, 1.0, rng.random(SAMPLES))[:, None]
    others = rng.random((SAMPLES, 8)) * (rng.random((SAMPLES, 8)) < rng.random((SAMPLES, 1)))
    you = rng.random((SAMPLES, 8)) * (rng.random((SAMPLES, 8)) < 0.1)
    return np.hstack([way, close, others, you, rng.normal(0, 0.5, (SAMPLES, 2))]).astype(np.float32)


def wishes(senses: np.ndarray) -> np.ndarray:
    """What to do there, float32 [SAMPLES, 2] in -0.95..0.95: the rule to imitate."""
    way, others, you, vel = senses[:, :2], senses[:, 3:11], senses[:, 11:19], senses[:, 19:]
    angle = 2 * np.pi * (np.arange(8) + 0.5) / 8
    compass = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ahead = np.maximum((others * (compass @ way.T).T.clip(0)).max(axis=1), 0)[:, None]
    right = np.stack([way[:, 1], -way[:, 0]], axis=1)
    push = way * (1 - 0.3 * ahead) + 0.5 * ahead * right - 0.9 * (others**2) @ compass - 1.5 * you @ compass - 0.2 * vel
    return (0.95 * np.tanh(push)).astype(np.float32)


def main() -> None:
    rng = np.random.default_rng(0)
    x = situations(rng)
    mlp = swarm.MLP((x.shape[1], town.HIDDEN, 2), activation="tanh", output="tanh")
    brains = swarm.Brains(mlp, town.BRAINS, seed=0, backend="cpu")
    last = situations(rng)
    report = swarm.fit(
        brains, x, wishes(x), loss="mse", optimizer=swarm.Adam(2e-3), schedule=swarm.CosineRate(), epochs=40,
        batch_size=64, seed=0, validation=(last, wishes(last)), progress=True,
    )  # fmt: skip
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    brains.save(TARGET)
    print(report)
    print(f"{TARGET.name}: {len(brains)} brains, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
