"""Where a network lies while it trains: nothing overlaps, all begins on whole vectors, narrow outputs lie turned."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm.brain.mlp import MLP
from swarm.train import workspace as ws
from swarm.train.workspace import is_turned, stride, up, workspace


def spans(mlp: MLP, batch: int, more: int, whole: bool, dropout: bool) -> list[tuple[int, int]]:
    """(start, elements) of all that is written in a step, in lanes of sixteen."""
    layout, w = mlp.layout("float32"), workspace(mlp.layout("float32"), batch, more, whole, dropout)
    o, B, lanes = w.offsets, up(batch, 16), stride(batch)
    first, *_ = w.plan
    found = [(int(first[ws.X]), B * int(first[ws.X_STRIDE]))]
    for k, row in enumerate(w.plan):
        wide = int(row[ws.W_STRIDE])
        assert (row[ws.W_ROWS], row[ws.W_COLUMNS]) == (
            (row[ws.OUTPUTS], row[ws.INPUTS]) if row[ws.TURNED] else (row[ws.INPUTS], row[ws.OUTPUTS])
        )
        assert wide >= row[ws.W_COLUMNS]
        for span in range(1 + more):
            at = span * int(o[ws.WEIGHTS])
            found.append((at + int(row[ws.W]), int(row[ws.W_ROWS]) * wide))
            found.append((at + int(row[ws.C]), up(int(row[ws.OUTPUTS]), 16)))
        each = int(row[ws.OUTPUTS]) * lanes if row[ws.TURNED] else B * int(row[ws.Y_STRIDE])
        assert row[ws.Y_STRIDE] >= (batch if row[ws.TURNED] else row[ws.OUTPUTS])
        found += [(int(row[ws.Y]), each), (int(row[ws.Z]), each)]
        if k + 1 < len(w.plan):
            following = w.plan[k + 1]
            assert following[ws.X_STRIDE] == row[ws.Y_STRIDE]
            if dropout:
                found += [(int(row[ws.M]), each), (int(following[ws.X]), each)]
            else:
                assert following[ws.X] == row[ws.Y]
    d = max(int(row[ws.OUTPUTS]) * lanes if row[ws.TURNED] else B * int(row[ws.Y_STRIDE]) for row in w.plan)
    gradient = int(o[ws.WEIGHTS]) if whole else 8 * max(int(row[ws.W_STRIDE]) for row in w.plan)
    zeros = max(32, lanes, *(stride(layer.outputs) for layer in layout.layers))
    found += [
        (int(o[ws.GRADIENT]), gradient), (int(o[ws.D]), d), (int(o[ws.E]), d), (int(o[ws.ZEROS]), zeros),
        (int(o[ws.LABELS]), lanes), (int(o[ws.SHARES]), lanes),
        (int(o[ws.TARGETS]), lanes * mlp.outputs * int(w.plan[-1, ws.TURNED])),
        (int(o[ws.CONSTANTS]), 9),
    ]  # fmt: skip
    hidden = [int(row[ws.OUTPUTS]) * int(row[ws.X_STRIDE]) for row in w.plan[1:] if not row[ws.TURNED]]
    found.append((int(o[ws.TRANSPOSED]), max(hidden, default=0)))
    return [*found, (w.size, 0)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    widths=st.lists(st.integers(1, 300), min_size=2, max_size=5), batch=st.integers(1, 300), more=st.integers(0, 3),
    whole=st.booleans(), dropout=st.booleans(), bias=st.booleans(),
)  # fmt: skip
def test_nothing_overlaps(widths, batch, more, whole, dropout, bias):
    for (start, length), (following, _) in pairwise(sorted(spans(MLP(widths, bias=bias), batch, more, whole, dropout))):
        assert start % 16 == 0
        assert start + length <= following


def test_narrow_last_layers_behind_hidden_ones_lie_turned():
    def turned(*widths: int) -> list[bool]:
        layout = MLP(widths).layout("float32")
        found = [is_turned(layout, k) for k in range(len(widths) - 1)]
        assert workspace(layout, 8).plan[:, ws.TURNED].astype(bool).tolist() == found
        return found

    assert turned(9, 5, 16) == [False, True]
    assert turned(9, 5, 17) == [False, False]
    assert turned(9, 5, 5, 1) == [False, False, True]
    assert turned(9, 3) == [False]


@pytest.mark.parametrize("width", [1, 16, 17, 256, 1024, 1030])
def test_strides_avoid_crowded_cache_sets(width):
    assert stride(width) >= width
    assert stride(width) % 16 == 0
    assert stride(width) * 4 % 1024
