"""Laws: energy that is bitten, shared, split and given to children is conserved to the quantum, whatever the world."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import swarm
from swarm import MLP
from tests.unit.stages.worlds import Body, Energy, Plant, host, places, shuffle, world

Q = 2.0**-12
relaxed = settings(
    max_examples=20, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "backend": st.sampled_from(["reference", "cpu"]),
        "hunters": st.sampled_from([1, 2, 30, 200]),
        "prey": st.sampled_from([1, 3, 150]),
        "step": st.sampled_from([0.0, 0.5]),
        "most": st.sampled_from([1, 10, 5000]),  # quanta that prey holds at most
        "amount": st.sampled_from([0.0, Q, 7 * Q, 0.3, 100.0]),
        "share": st.sampled_from(["nearest", "proportional"]),
    }
)


def total(w: swarm.World) -> int:
    """The quanta that all hold; raises where something is no whole number of them, or negative."""
    found = 0
    for column in (Energy.level, Plant.energy):
        for table in w.tables_with(column):
            quanta = host(table, column).astype(float) / Q
            assert np.array_equal(quanta, np.rint(quanta))
            assert (quanta >= 0).all()
            found += int(quanta.sum())
    return found


def savanna(case: dict, *rules) -> swarm.World:
    rng = np.random.default_rng(case["seed"])
    w = world(case["backend"], (16.0, 16.0), case["seed"])
    energy = rng.integers(0, case["most"] + 1, case["prey"]) * Q
    w.spawn(case["prey"], Plant(pos=places(rng, case["prey"], w.size, case["step"]), energy=energy), name="prey")
    level = rng.integers(0, 20_000, case["hunters"]) * Q
    pos = places(rng, case["hunters"], w.size, case["step"])
    w.spawn(case["hunters"], Body(pos=pos), Energy(level=level), name="hunter", brains=MLP((1, 1)))
    shuffle(w, case["seed"])
    w.schedule = (swarm.index(Plant.pos, radius=3.0), swarm.index(Body.pos, radius=3.0), *rules)
    return w


@relaxed
@given(cases, st.booleans())
def test_bites_share_and_births_lose_nothing(case: dict, kills: bool):
    bite = swarm.bite(
        Body.pos, Plant.pos, Plant.energy, Energy.level, 2.0, case["amount"], kills=kills, share=case["share"]
    )
    share = swarm.share(Body.pos, Energy.level, 2.0, case["amount"])
    mate = swarm.mate(Energy.level, 2.0, Body.pos, 2.0, share=0.3)
    w = savanna(case, bite, share, mate, swarm.split(Energy.level, 4.0, Body.pos))
    before = total(w)
    for _ in range(3):
        w.step()
        assert total(w) == before
    if kills:
        assert (host(w.tables["prey"], Plant.energy) > 0).sum() >= w.tables["prey"].n - case["prey"]


@relaxed
@given(cases, st.sampled_from([0.0, 0.1, 0.5, 0.99]))
def test_what_efficiency_loses_is_told(case: dict, efficiency: float):
    """The hunters gain floor(efficiency x bite) of every bite that an event tells; the prey loses all of it."""
    bite = swarm.bite(
        Body.pos, Plant.pos, Plant.energy, Energy.level, 2.0, case["amount"], efficiency=efficiency,
        share=case["share"], kills=False,
    )  # fmt: skip
    w = savanna(case, bite)
    before = total(w)
    w.watch(swarm.Bite)
    w.step()
    bitten = w.events(swarm.Bite).amounts.astype(float) / Q
    assert total(w) == before - int((bitten - np.floor(bitten * efficiency)).sum())


@relaxed
@given(cases)
def test_sharks_that_bite_each_other(case: dict):
    """Everybody is hunter and prey at once; those that end with nothing die with nothing."""
    bite = swarm.bite(Body.pos, Body.pos, Energy.level, Energy.level, 3.0, case["amount"], share=case["share"])
    w = savanna(case, bite)
    before, count = total(w), w.tables["hunter"].n
    bitten = case["amount"] > 0 and case["hunters"] > 2
    w.step()
    assert total(w) == before
    assert w.tables["hunter"].n <= count
    assert not bitten or case["amount"] < 100 or w.tables["hunter"].n < count or case["share"] == "nearest"


@relaxed
@given(cases)
def test_nobody_gets_more_than_it_wants_and_rests_go_by_rank(case: dict):
    """Of one prey: no claimant above its amount; all of it taken where the claims add up to more."""
    bite = swarm.bite(
        Body.pos, Plant.pos, Plant.energy, Energy.level, 2.0, case["amount"], share="proportional", kills=False
    )
    w = savanna(case, bite)
    held = dict(zip(w.tables["prey"].ids().tolist(), host(w.tables["prey"], Plant.energy).astype(float).tolist()))
    w.watch(swarm.Bite)
    w.step()
    events = w.events(swarm.Bite)
    wanted = np.floor(case["amount"] / Q) * Q
    assert (events.amounts <= wanted).all()
    for prey in np.unique(events.others):
        taken = events.amounts[events.others == prey].astype(float)
        assert taken.sum() == min(held[int(prey)], wanted * len(taken))
        assert taken.max() - taken.min() <= Q
