"""Freezing and pruning: every form of a mask, mixed populations, and masks that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from swarm import MLP, SGD, Adam, Brains, fit
from swarm.errors import SettingsError
from swarm.train import masks

rng = np.random.default_rng(1)
X, Y = rng.standard_normal((80, 5)).astype(np.float32), rng.integers(0, 3, 80)
LAYERS = MLP((5, 7, 3))
N = 4


def pool(**settings) -> Brains:
    return Brains(LAYERS, N, **{"seed": 2, "backend": "cpu", **settings})


def test_forms_name_the_same_parameters():
    brains = pool()
    size = brains.layout.size
    whole = np.zeros(size, int)
    for k, block in enumerate(brains.layout.blocks):
        whole[block.start : block.start + block.length] = k < 2  # weights and biases of layer 0
    whole[brains.layout.blocks[0].length] = 1  # a gap: ignored
    expected = masks.chosen(brains, [0], "freeze")[0]
    assert expected.sum() == 5 * 7 + 7
    for form in (
        {0: True},
        [-2],
        (0,),
        {0: (True, np.ones(7))},
        whole,
        whole.tolist(),
        np.tile(whole, (N, 1)),
        {-2: True},
    ):
        found = masks.chosen(brains, form, "freeze")[0]
        np.testing.assert_array_equal(np.broadcast_to(found, (N, found.shape[1])), np.repeat(expected, N, axis=0))
    assert masks.chosen(brains, None, "freeze") == [None]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("optimizer", [SGD(0.3), Adam(0.01, weight_decay=0.1)])
def test_frozen_keeps_its_bits_and_pruned_is_zero(dtype, optimizer):
    brains = pool(dtype=dtype)
    start = brains.weight(0).copy(), brains.weight(1).copy(), brains.bias(0).copy()
    cut = np.zeros((N, 7, 3), bool)
    cut[np.arange(N), np.arange(N), 1] = True  # another one in every brain
    fit(brains, X, Y, optimizer=optimizer, freeze=[0], prune={1: cut}, epochs=2, batch_size=16)
    assert brains.weight(0).tobytes() == start[0].tobytes()
    assert brains.bias(0).tobytes() == start[2].tobytes()
    assert (brains.weight(1)[cut] == 0).all()
    assert (brains.weight(1) != start[1]).mean() > 0.9  # a step below the last bit of bfloat16 is rounded off


def test_nothing_masked_changes_nothing():
    one, other = pool(), pool()
    fit(one, X, Y, optimizer=SGD(0.3))
    fit(other, X, Y, optimizer=SGD(0.3), freeze=np.zeros(other.layout.size), prune={0: False})
    assert one.rows.tobytes() == other.rows.tobytes()


def test_masks_of_a_mixed_population():
    mlps = [MLP((5, 4, 3)), MLP((5, 3)), MLP((5, 4, 3)), MLP((5, 6, 6, 3))]
    brains = Brains(mlps, seed=1, backend="cpu")
    start = [brain.flat() for brain in brains]
    own = np.array([0, 1, 1, 0]).reshape(4, 1, 1)  # brains 1 and 2, whatever their widths
    fit(brains, X, Y, optimizer=SGD(0.3), freeze={-1: (own, own[:, :, 0])}, prune={0: np.eye(5, 1, dtype=int)})
    for k, brain in enumerate(brains):
        assert (brain.weight(0)[0, 0] == 0).all()  # the first input is cut off
        last = 3 * (mlps[k].widths[-2] + 1)
        kept = brain.flat()[0, -last:] == start[k][0, -last:]
        if len(mlps[k].widths) > 2:
            assert kept.all() == (k == 2)
    with pytest.raises(SettingsError, match=r"mixed pool has no `parameters`.*freeze=.0."):
        fit(brains, X, Y, freeze=np.zeros((4, 12)))
    with pytest.raises(SettingsError, match="1 is no layer of 5-3"):
        fit(brains, X, Y, freeze=[1])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([2], r"prune: 2 is no layer of 5-7-3 tanh, which has layers 0 \.\. 1"),
        ({"first": True}, "'first' is no layer"),
        ({0: np.ones((4, 7))}, r"weights of layer 0 of 5-7-3 tanh has the shape \(4, 7\).*broadcast to \[4, 5, 7\]"),
        ({0: (None, np.ones(5))}, "biases of layer 0"),
        ({0: (1, 2, 3)}, "layer 0 has 3 masks"),
        ({0: np.full((5, 7), 0.5)}, "must hold 0 and 1"),
        (np.ones(11), r"prune has the shape \(11,\)"),
        (np.ones((3, 68)), r"prune has the shape \(3, 68\)"),
        (np.full(68, np.nan), "must hold 0 and 1"),
    ],
)
def test_masks_that_do_not_fit(mask, words):
    brains = pool()
    before = brains.rows.copy()
    with pytest.raises(SettingsError, match=words):
        fit(brains, X, Y, prune=mask)
    np.testing.assert_array_equal(brains.rows, before)
