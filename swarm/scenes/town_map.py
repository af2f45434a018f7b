"""The map of the town: blocks of houses between streets, a market square in the middle, parks, doors to live and work.

A block with its street takes PITCH tiles. Houses stand around a yard that an alley opens to the street.
"""

from __future__ import annotations

import numpy as np

from swarm.backend import rng
from swarm.stages.tiles import Tiles

PITCH, STREET = 16, 4  # tiles
STREETS, HOUSE, GRASS, MARKET, WORK = range(5)
HOMES = (5, 6, 7, 8)  # doors of the four quarters of the town
PARK = 9


def tiles(blocks: int) -> Tiles:
    """The declaration of a town of `blocks` x `blocks` blocks: who walks on grass takes twice as long."""
    side = blocks * PITCH + STREET
    return Tiles("town", (side, side), solid=(HOUSE,), cost={GRASS: 2.0, PARK: 2.0}, edge="closed")


def plan(seed: int, blocks: int) -> np.ndarray:
    """uint8 [rows, columns], keyed by the seed; there are always a market, a park, work, and homes in every quarter."""
    side = blocks * PITCH + STREET
    town = np.zeros((side, side), np.uint8)
    draw = rng.uniform(seed, np.arange(blocks * blocks), 0, 0, rng.stream("town"), 3).reshape(blocks, blocks, 3)
    middle = (blocks - 1) / 2
    for row in range(blocks):
        for column in range(blocks):
            low, left = row * PITCH + STREET, column * PITCH + STREET
            block, luck = town[low : low + PITCH - STREET, left : left + PITCH - STREET], draw[row, column]
            quarter = HOMES[2 * (row > middle) + (column > middle)]
            corner = row in (0, blocks - 1) and column in (0, blocks - 1)
            if max(abs(row - middle), abs(column - middle)) < 1:
                block[:] = MARKET
            elif not corner and (luck[0] < 0.12 or (row, column) == (0, 1)):
                _park(block)
            elif not corner and (luck[0] > 0.75 or (row, column) == (1, 0)):
                _houses(block, float(luck[1]), float(luck[2]), WORK)
            else:
                _houses(block, float(luck[1]), float(luck[2]), quarter)
    return town


def _park(block: np.ndarray) -> None:
    """Grass with a place in the middle where people meet."""
    block[:] = GRASS
    middle = len(block) // 2
    block[middle - 2 : middle + 2, middle - 2 : middle + 2] = PARK


def _houses(block: np.ndarray, where: float, which: float, door: int) -> None:
    """Houses around a yard; an alley leads to it, and in the yard are the doors."""
    block[:] = HOUSE
    block[4:-4, 4:-4] = door
    at = 3 + int(where * (len(block) - 7))
    side = int(which * 4)
    alley = block if side < 2 else block.T
    if side % 2:
        alley[:4, at : at + 2] = STREETS
        _join(alley[4], at)
    else:
        alley[-4:, at : at + 2] = STREETS
        _join(alley[-5], at)


def _join(edge: np.ndarray, at: int) -> None:
    """Open the way from an alley at the rim to the yard."""
    low, high = min(at, 4), max(at + 2, len(edge) - 4)
    edge[low:high][edge[low:high] == HOUSE] = STREETS
