"""Training whole populations: every network with its own parameters, order of samples and learning rate."""

from __future__ import annotations

from swarm.train.evaluate import Scores, evaluate, mean_outputs
from swarm.train.fit import fit
from swarm.train.folds import Folds
from swarm.train.interrupt import Interrupted
from swarm.train.mgrit.mgrit import mgrit
from swarm.train.optimizers import SGD, Adam, AdamW, RMSprop
from swarm.train.report import Report
from swarm.train.schedules import ConstantRate, CosineRate, StepRate, WarmupRate
from swarm.train.training import Training

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "ConstantRate",
    "CosineRate",
    "Folds",
    "Interrupted",
    "RMSprop",
    "Report",
    "Scores",
    "StepRate",
    "Training",
    "WarmupRate",
    "evaluate",
    "fit",
    "mean_outputs",
    "mgrit",
]
