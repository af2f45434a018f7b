"""Training whole populations: every network with its own parameters, order of samples and learning rate."""

from __future__ import annotations

from swarm.train.evaluate import Scores, evaluate, mean_outputs
from swarm.train.fit import Interrupted, fit
from swarm.train.optimizers import SGD, Adam
from swarm.train.report import Report

__all__ = ["SGD", "Adam", "Interrupted", "Report", "Scores", "evaluate", "fit", "mean_outputs"]
