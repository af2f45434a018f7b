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
    from .ecs.events import Birth as Birth
    from .ecs.events import Bite as Bite
    from .ecs.events import Collision as Collision
    from .ecs.events import Death as Death
    from .ecs.events import Event as Event
    from .ecs.events import Mating as Mating
    from .ecs.events import Meal as Meal
    from .ecs.events import Message as Message
    from .ecs.events import Share as Share
    from .ecs.override import replay as replay
    from .ecs.system import system as system
    from .errors import SwarmError as SwarmError
    from .look import Look as Look
    from .moments import Moments as Moments
    from .record_statistics import count as count
    from .record_statistics import max as max
    from .record_statistics import mean as mean
    from .record_statistics import min as min
    from .record_statistics import quantile as quantile
    from .record_statistics import std as std
    from .record_statistics import sum as sum
    from .scenes import scene as scene
    from .stages.bite import bite as bite
    from .stages.clock import Clock as Clock
    from .stages.collide import collide as collide
    from .stages.deposit import deposit as deposit
    from .stages.diffuse import diffuse as diffuse
    from .stages.field import Field as Field
    from .stages.field_senses import Gradient as Gradient
    from .stages.field_senses import Probe as Probe
    from .stages.field_senses import Value as Value
    from .stages.field_senses import Window as Window
    from .stages.flock import flock as flock
    from .stages.flow import Flow as Flow
    from .stages.graze import graze as graze
    from .stages.heard import Heard as Heard
    from .stages.index import index as index
    from .stages.mate import mate as mate
    from .stages.meet import meet as meet
    from .stages.mind import Own as Own
    from .stages.mind import Sectors as Sectors
    from .stages.mind import mind as mind
    from .stages.move import move as move
    from .stages.nearest import Nearest as Nearest
    from .stages.pair import pair as pair
    from .stages.rate import Important as Important
    from .stages.rate import Near as Near
    from .stages.rays import Rays as Rays
    from .stages.sense import sense as sense
    from .stages.share import share as share
    from .stages.signal import signal as signal
    from .stages.split import split as split
    from .stages.steer import steer as steer
    from .stages.think import think as think
    from .stages.tiles import Tiles as Tiles
    from .stages.turn import turn as turn
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
    "Birth": "ecs.events",
    "Bite": "ecs.events",
    "Brains": "brain.brains",
    "Clock": "stages.clock",
    "Collision": "ecs.events",
    "Component": "ecs.component",
    "ConstantRate": "train",
    "CosineRate": "train",
    "Death": "ecs.events",
    "Event": "ecs.events",
    "Field": "stages.field",
    "Flow": "stages.flow",
    "Folds": "train",
    "Gradient": "stages.field_senses",
    "Heard": "stages.heard",
    "Important": "stages.rate",
    "Look": "look",
    "MLP": "brain.mlp",
    "Mating": "ecs.events",
    "Meal": "ecs.events",
    "Message": "ecs.events",
    "Moments": "moments",
    "Mutation": "brain.vary",
    "Near": "stages.rate",
    "Nearest": "stages.nearest",
    "Own": "stages.mind",
    "PopulationClassifier": "train.estimators",
    "PopulationRegressor": "train.estimators",
    "Probe": "stages.field_senses",
    "RMSprop": "train",
    "Rays": "stages.rays",
    "SGD": "train",
    "Sectors": "stages.mind",
    "Share": "ecs.events",
    "StepRate": "train",
    "SwarmError": "errors",
    "Tiles": "stages.tiles",
    "Training": "train",
    "Value": "stages.field_senses",
    "WarmupRate": "train",
    "Window": "stages.field_senses",
    "World": "world",
    "bite": "stages.bite",
    "bool_": "ecs.component",
    "collide": "stages.collide",
    "count": "record_statistics",
    "deposit": "stages.deposit",
    "diffuse": "stages.diffuse",
    "f32": "ecs.component",
    "f64": "ecs.component",
    "fit": "train",
    "flock": "stages.flock",
    "from_torch": "brain.torch_files",
    "graze": "stages.graze",
    "i32": "ecs.component",
    "i64": "ecs.component",
    "index": "stages.index",
    "mate": "stages.mate",
    "max": "record_statistics",
    "mean": "record_statistics",
    "meet": "stages.meet",
    "mgrit": "train",
    "min": "record_statistics",
    "mind": "stages.mind",
    "move": "stages.move",
    "pair": "stages.pair",
    "pbt": "train.pbt",
    "quantile": "record_statistics",
    "replay": "ecs.override",
    "scene": "scenes",
    "sense": "stages.sense",
    "share": "stages.share",
    "signal": "stages.signal",
    "split": "stages.split",
    "std": "record_statistics",
    "steer": "stages.steer",
    "sum": "record_statistics",
    "sweep": "train.sweep",
    "system": "ecs.system",
    "think": "stages.think",
    "to_onnx": "brain.onnx_files",
    "to_torch": "brain.torch_files",
    "turn": "stages.turn",
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
