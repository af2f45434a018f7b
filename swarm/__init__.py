"""swarm: agents that are born, think with their own neural networks, and die; the same seed gives the same run.

The public names, each once. They are resolved on first use: `import swarm` loads neither numba, cupy, pygame nor ray.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # what editors and type checkers see; the table below is what Python sees
    from .brain.brains import Brains as Brains
    from .brain.mlp import ACTIVATIONS as ACTIVATIONS
    from .brain.mlp import MLP as MLP
    from .brain.onnx_files import to_onnx as to_onnx
    from .brain.torch_files import from_torch as from_torch
    from .brain.torch_files import to_torch as to_torch
    from .brain.vary import Mutation as Mutation
    from .ecs.component import Component as Component
    from .ecs.component import bool_ as bool_
    from .ecs.component import f32 as f32
    from .ecs.component import f64 as f64
    from .ecs.component import i32 as i32
    from .ecs.component import i64 as i64
    from .ecs.component import u8 as u8
    from .ecs.component import u32 as u32
    from .ecs.component import u64 as u64
    from .ecs.system import system as system
    from .errors import SwarmError as SwarmError
    from .look import Look as Look
    from .scenes import scene as scene
    from .stages.flock import flock as flock
    from .stages.graze import graze as graze
    from .stages.index import index as index
    from .stages.mind import Own as Own
    from .stages.mind import Sectors as Sectors
    from .stages.mind import mind as mind
    from .stages.move import move as move
    from .stages.sense import sense as sense
    from .stages.split import split as split
    from .stages.think import think as think
    from .train import SGD as SGD
    from .train import Adam as Adam
    from .train import AdamW as AdamW
    from .train import ConstantRate as ConstantRate
    from .train import CosineRate as CosineRate
    from .train import Folds as Folds
    from .train import RMSprop as RMSprop
    from .train import StepRate as StepRate
    from .train import Training as Training
    from .train import WarmupRate as WarmupRate
    from .train import fit as fit
    from .train import mgrit as mgrit
    from .train.estimators import PopulationClassifier as PopulationClassifier
    from .train.estimators import PopulationRegressor as PopulationRegressor
    from .train.pbt import pbt as pbt
    from .train.sweep import sweep as sweep
    from .world import World as World

_NAMES: dict[str, str] = {  # public name -> the module that defines it
    "ACTIVATIONS": "brain.mlp",
    "Adam": "train",
    "AdamW": "train",
    "Brains": "brain.brains",
    "Component": "ecs.component",
    "ConstantRate": "train",
    "CosineRate": "train",
    "Folds": "train",
    "Look": "look",
    "MLP": "brain.mlp",
    "Mutation": "brain.vary",
    "Own": "stages.mind",
    "PopulationClassifier": "train.estimators",
    "PopulationRegressor": "train.estimators",
    "RMSprop": "train",
    "SGD": "train",
    "Sectors": "stages.mind",
    "StepRate": "train",
    "SwarmError": "errors",
    "Training": "train",
    "WarmupRate": "train",
    "World": "world",
    "bool_": "ecs.component",
    "f32": "ecs.component",
    "f64": "ecs.component",
    "fit": "train",
    "flock": "stages.flock",
    "from_torch": "brain.torch_files",
    "graze": "stages.graze",
    "i32": "ecs.component",
    "i64": "ecs.component",
    "index": "stages.index",
    "mgrit": "train",
    "mind": "stages.mind",
    "move": "stages.move",
    "pbt": "train.pbt",
    "scene": "scenes",
    "sense": "stages.sense",
    "split": "stages.split",
    "sweep": "train.sweep",
    "system": "ecs.system",
    "think": "stages.think",
    "to_onnx": "brain.onnx_files",
    "to_torch": "brain.torch_files",
    "u32": "ecs.component",
    "u64": "ecs.component",
    "u8": "ecs.component",
}

__all__ = ["__version__", *sorted(_NAMES)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    try:
        room = _NAMES[name]
    except KeyError:
        raise AttributeError(f"module 'swarm' has no public name '{name}'") from None
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
