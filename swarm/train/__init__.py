"""Training whole populations: every network with its own parameters, order of samples and learning rate."""

from __future__ import annotations

from swarm.train.evaluate import Scores, evaluate, mean_outputs
from swarm.train.fit import Interrupted, fit
from swarm.train.optimizers import SGD, Adam, AdamW, RMSprop
from swarm.train.report import Report
from swarm.train.schedules import ConstantRate, CosineRate, StepRate, WarmupRate

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "ConstantRate",
    "CosineRate",
    "Interrupted",
    "RMSprop",
    "Report",
    "Scores",
    "StepRate",
    "WarmupRate",
    "evaluate",
    "fit",
    "mean_outputs",
]
