"""A network does not depend on its company: alone, in any population, any wave, any order, any cut into calls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm import MLP, SGD, Adam, AdamW, Brains, CosineRate, RMSprop, StepRate, Training, fit
from swarm.train import trainee

rng = np.random.default_rng(8)
M = 37
X = rng.standard_normal((M, 4)).astype(np.float32)
Y = rng.integers(0, 3, M)
MLPS = [MLP((4, 5, 3)), MLP((4, 3)), MLP((4, 5, 3), "relu"), MLP((4, 2, 6, 3), "gelu"), MLP((4, 17, 3), "elu")]
N = 9

KINDS = [MLPS[k % len(MLPS)] for k in range(N)]
START = Brains(KINDS, seed=3, backend="reference")
PER_BRAIN = {  # one value for each of the nine
    "rate": np.linspace(0.01, 0.2, N),
    "momentum": np.tile([0, 0.5, 0.9], 3),
    "decay": np.tile([0.1, 0, 0], 3),
    "clip": np.tile([np.inf, 0.5, 1], 3),
    "dropout": np.tile([0.3, 0, 0], 3),
    "noise": np.tile([0, 0.2, 0, 0], 3)[:N],
    "patience": np.tile([1, 2, np.inf], 3),
    "seeds": np.array([5, 1, 5, 2, 7, 9, 0, 1, 4]),
    "samples": [np.arange(n, M - n) for n in range(N)],
    "weights": [np.linspace(0, 1, M - 2 * n) for n in range(N)],
}


def asked(case: dict, at: np.ndarray) -> dict:
    """The keywords of `fit` for the brains `at` of the nine."""
    v = {name: [value[k] for k in at] for name, value in PER_BRAIN.items()}
    optimizer = {
        "sgd": SGD(v["rate"]),
        "momentum": SGD(v["rate"], momentum=v["momentum"], weight_decay=v["decay"], clip=v["clip"]),
        "rmsprop": RMSprop(np.array(v["rate"]) / 10, clip=v["clip"]),
        "adam": Adam(np.array(v["rate"]) / 10, weight_decay=v["decay"]),
        "adamw": AdamW(np.array(v["rate"]) / 10),
    }[case["optimizer"]]
    words = {"optimizer": optimizer, "epochs": 2, "batch_size": 8, "seed": 11, "keys": at, "sampling": case["sampling"]}
    if case["jitter"]:
        words |= {"dropout": v["dropout"], "noise": v["noise"], "dropout_seed": v["seeds"]}
    if case["lists"] and case["sampling"] != "shared":
        words |= {"samples": v["samples"], "weights": v["weights"]}
    if case["early"]:
        words |= {"validation": (X[:10], Y[:10]), "patience": v["patience"], "restore_best": True}
    if case["scheduled"]:
        words |= {"schedule": CosineRate(final=0.1) * StepRate([3 + k for k in at], 0.5)}
    return words


CASES = st.fixed_dictionaries(
    {
        "optimizer": st.sampled_from(["sgd", "momentum", "rmsprop", "adam", "adamw"]),
        "sampling": st.sampled_from(["own", "shared", "bootstrap"]),
        "jitter": st.booleans(),
        "lists": st.booleans(),
        "early": st.booleans(),
        "scheduled": st.booleans(),
    }
)


def trained(case: dict, at: np.ndarray, backend: str, **more) -> list[bytes]:
    brains = Brains([KINDS[k] for k in at], backend=backend, init="zeros")
    for n, k in enumerate(at):
        brains[n].set([0], START[k].flat())
    fit(brains, X, Y, **asked(case, at), **more)
    return [brain.flat().tobytes() for brain in brains]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(case=CASES, data=st.data())
def test_a_network_does_not_depend_on_its_company(backend, case, data):
    every = trained(case, np.arange(N), backend)
    some = data.draw(st.permutations(range(N)))[: data.draw(st.integers(1, N))]
    assert trained(case, np.array(some), backend) == [every[k] for k in some]
    assert trained(case, np.arange(N), backend, wave=data.draw(st.integers(1, N))) == every
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainee, "_FLOPS", 1)
        patch.setattr(trainee, "_STEPS", data.draw(st.integers(1, 5)))
        patch.setattr(trainee, "_WAY", 0)
        assert trained(case, np.arange(N), backend) == every


def test_waves_tell_the_same():
    case = {"optimizer": "adam", "sampling": "own", "jitter": True, "lists": True, "early": True, "scheduled": True}
    reports = []
    for wave in (None, 2):
        brains = Brains(KINDS, seed=3, backend="reference")
        reports.append(fit(brains, X, Y, **asked(case, np.arange(N)), wave=wave))
    one, other = reports
    for name in ("training_curve", "validation_loss_curve", "validation_accuracy_curve", "stopped_epoch", "best_epoch"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.samples == other.samples
    assert one.status.tolist() == other.status.tolist()


def test_the_optimizers_memory_exists_for_one_wave():
    training = Training(Brains(MLPS[0], 12, backend="reference"), X, Y, optimizer=Adam(), wave=5)
    held = []
    trained = training.trained

    def watched():
        trainee = trained()
        held.append(sum(field.state.shape[1] for field in trainee.fields))
        assert all(field.rows.base is not None for field in trainee.fields)  # views of the pool's own rows
        return trainee

    training.trained = watched
    training.run()
    assert sorted(set(held)) == [2, 5]
    assert training.trainee is None
