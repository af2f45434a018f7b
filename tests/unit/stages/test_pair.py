"""Pair functions: what they compute, as a system, a sense and a call, and what they may not be."""

from __future__ import annotations

import math
import random
from copy import copy
from pathlib import Path

import numpy as np
import pytest

import swarm
from swarm import Component, Own, bool_, f32, f64, i32, u64
from swarm.errors import NonFiniteError, ScheduleError, SchemaError, SettingsError
from swarm.stages.neighbours_search import FOLDS
from swarm.stages.pair import REDUCE
from tests.unit.stages.worlds import Body, Energy, Plant, differences, places, run, shuffle, world

FILE = Path(__file__).name


class Skin(Component):
    hue = f32(default=0.5)
    spot = f64(2)
    sick = bool_(default=False)
    age = i32()
    coins = u64()
    crowd = f32()
    push = f32(2)
    seen = i32()
    touched = bool_()


def crowd(backend: str, n: int = 150, size=(48.0, 40.0), seed: int = 5, **kwargs) -> swarm.World:
    rng = np.random.default_rng(seed)
    w = world(backend, size, **kwargs)
    for name, count in (("one", n), ("two", n // 3)):
        skin = Skin(
            hue=rng.random(count), spot=rng.normal(size=(count, 2)), sick=rng.random(count) < 0.3,
            age=rng.integers(-5, 99, count), coins=rng.integers(0, 2**40, count),
        )  # fmt: skip
        w.spawn(count, Body(pos=places(rng, count, size)), skin, name=name)
    shuffle(w, seed)
    return w


def host(w: swarm.World, array) -> np.ndarray:
    return w.backend.host(array)


def of_tables(w: swarm.World, column) -> np.ndarray:
    return np.concatenate([host(w, table.column(column)) for table in w.tables_with(column)])


def oracle(w: swarm.World, radius: float, reduce: str, function, empty: float = 0.0) -> np.ndarray:
    """float64 [N]: `function(i, j, distance, dx, dy)` over arrays of all pairs, reduced in any order."""
    pos = of_tables(w, Body.pos)
    dx, dy = differences(pos, pos, w.size)
    d2 = dx * dx + dy * dy
    near = d2 < np.float32(radius) ** 2
    np.fill_diagonal(near, False)
    out = np.full(len(pos), empty, float)
    for i in range(len(pos)):
        j = np.flatnonzero(near[i])
        values = function(i, j, np.sqrt(d2[i, j]).astype(float), dx[i, j].astype(float), dy[i, j].astype(float))
        values = np.broadcast_to(values, j.shape)
        if reduce in ("count", "any"):
            out[i] = np.count_nonzero(values) if reduce == "count" else (values != 0).any()
        elif len(j):
            if reduce == "nearest":
                out[i] = values[np.argmin(d2[i, j])]
            else:
                out[i] = {"sum": math.fsum, "mean": np.mean, "min": np.min, "max": np.max}[reduce](values)
    return out


@swarm.pair(radius=5, reduce="sum")
def crowding(me, other, distance):
    """How crowded it is."""
    return 1.0 / (1.0 + distance)


@swarm.pair(radius=6, reduce="mean", of=Body.pos, empty=-1.0)
def contrast(me, other):
    return abs(me.hue - other.hue), other.spot[0] - me.spot[1]


@swarm.pair(radius=5, reduce="any")
def touch(other):
    return other.sick


@swarm.pair(radius=5, reduce="nearest", of=Plant.pos, empty=-1)
def smell(other, distance):
    return other.energy, distance


@swarm.pair(radius=6, reduce="sum")
def sums(me, other):
    return (me.age + other.age) / 2, other.coins / 1024, other.sick and not me.sick, me.sick + other.sick


@swarm.pair(radius=5)
def inverse(me, other, distance):
    return me.hue / distance


@swarm.pair(radius=5)
def picky(me, other):
    if me.hue == other.hue:
        raise ValueError("the same hue")
    return 1.0


@swarm.pair(radius=4, empty=0.5)
def lean(dx, dy, distance):
    return dx - 2 * dy if distance > 1.5 else 0.0


def half(x):
    return x / SHARE


SHARE = 2.0


def outer(power):
    def cubed(x):
        return half(x) * power

    @swarm.pair(radius=5, reduce="max")
    def busy(other, distance):
        total = 0.0
        for k in range(3):
            if k != 1:
                total += cubed(other.hue) + k
        return total if distance < 4 else math.sqrt(distance)

    return busy


busy = outer(3)


def called(w: swarm.World, pair) -> np.ndarray:
    """The results of all tables."""
    return np.concatenate([host(w, pair(w, agents)) for agents in w.query(Skin)])


def test_a_sum_against_the_oracle(backend: str):
    w = crowd(backend)
    got = called(w, crowding)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, oracle(w, 5, "sum", lambda i, j, d, *_: 1 / (1 + d)), rtol=1e-14)
    assert crowding.__doc__ == "How crowded it is."


def test_two_results_of_several_columns(backend: str):
    w = crowd(backend)
    got = called(w, contrast)
    hue, spot = of_tables(w, Skin.hue).astype(float), of_tables(w, Skin.spot)
    first = oracle(w, 6, "mean", lambda i, j, *_: abs(hue[i] - hue[j]), -1)
    second = oracle(w, 6, "mean", lambda i, j, *_: spot[j, 0] - spot[i, 1], -1)
    np.testing.assert_allclose(got, np.stack([first, second], axis=1), rtol=1e-12, atol=1e-13)


def test_every_way_to_reduce(backend: str):
    """One function, so that it compiles once: min, max and counts are exact."""
    w = crowd(backend)

    for reduce in REDUCE:
        pair = copy(lean)
        pair.reduce = reduce
        got = called(w, pair)
        want = oracle(w, 4, reduce, lambda i, j, d, dx, dy: np.where(d > 1.5, dx - 2 * dy, 0.0), 0.5)
        if reduce in ("count", "any"):
            want = np.where(want == 0.5, 0, want)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 if reduce in ("sum", "mean") else 0)
        assert len(np.unique(got)) >= 2


def test_columns_of_every_kind(backend: str):
    w = crowd(backend)

    got = called(w, sums)
    age, coins, sick = (of_tables(w, c) for c in (Skin.age, Skin.coins, Skin.sick))
    wanted = (
        lambda i, j, *_: (age[i] + age[j]) / 2,
        lambda i, j, *_: coins[j] / 1024,
        lambda i, j, *_: sick[j] & ~sick[i],
        lambda i, j, *_: sick[j] * 1 + sick[i],
    )
    for k, want in enumerate(wanted):
        np.testing.assert_allclose(got[:, k], oracle(w, 6, "sum", want), rtol=1e-13)


def test_helpers_constants_loops_and_branches(backend: str):
    w = crowd(backend)
    hue = of_tables(w, Skin.hue).astype(float)
    want = oracle(w, 5, "max", lambda i, j, d, *_: np.where(d < 4, 2 * (hue[j] / 2 * 3) + 2, np.sqrt(d)))
    np.testing.assert_allclose(called(w, busy), want, rtol=1e-14)


# --- as a system and as a sense ---------------------------------------------------------------------------------------


def test_a_system_writes_columns(backend: str):
    w = crowd(backend)

    both = swarm.meet(crowding, into=Skin.crowd), swarm.meet(contrast, into=Skin.push), touch.into(Skin.touched)
    run(w, swarm.index(Body.pos, radius=6), *both)
    assert np.array_equal(of_tables(w, Skin.crowd), called(w, crowding).astype(np.float32))
    assert np.array_equal(of_tables(w, Skin.push), called(w, contrast).astype(np.float32))
    assert np.array_equal(of_tables(w, Skin.touched), called(w, touch) > 0)
    assert 0 < of_tables(w, Skin.touched).mean() < 1
    assert both[1].reads == (("index", Body.pos),)
    assert both[1].writes == (Skin.push,)
    assert both[1].describe()["function"] == "contrast"
    assert both[1].cost(w).bytes > 0


def test_a_sense_in_a_mind(backend: str):
    w = crowd(backend)
    Mind = swarm.mind(crowd=crowding, level=Own(Energy.level), colour=contrast, actions=("x",), memory=1)
    assert Mind.input_labels == ("crowd", "level (J)", "colour 0", "colour 1", "memory 0")
    assert Mind.describe()["senses"]["colour"]["reads"] == ["hue", "spot", "hue", "spot"]
    w.spawn(60, Body(pos=w.scatter), Skin(hue=0.25, spot=1.0), Energy(), Mind(), name="minds")
    run(w, swarm.index(Body.pos), swarm.sense(Mind))  # as wide as the sense asks
    agents = next(w.query(Mind))
    want = [host(w, pair(w, agents)).reshape(60, -1) for pair in (crowding, contrast)]
    got = host(w, w.tables["minds"].column(Mind.senses))
    assert np.array_equal(got, np.concatenate([want[0], np.ones((60, 1)), want[1]], axis=1).astype(np.float32))
    assert got[:, 0].max() > 0.5


def test_a_system_sees_everybody_as_before_it(backend: str):
    """Two infect each other in turn; nobody is infected through a third in one tick, whatever the order of tables."""
    w = world(backend)
    w.spawn(1, Body(pos=[10, 10]), Skin(sick=True), name="a")
    w.spawn(1, Body(pos=[14, 10]), Skin(), name="b")
    w.spawn(1, Body(pos=[18, 10]), Skin(), name="c")

    w.schedule = (swarm.index(Body.pos), touch.among(Body.pos).into(Skin.sick))
    w.step()
    assert of_tables(w, Skin.sick).tolist() == [False, True, False]
    w.step()
    assert of_tables(w, Skin.sick).tolist() == [True, False, True]


def test_in_a_system_of_ones_own(backend: str):
    def settle(world, dt):
        for agents in world.query(Skin):
            agents[Skin].crowd = crowding(world, agents)

    w = crowd(backend)
    want = called(w, crowding).astype(np.float32)
    w.schedule = (settle,)
    w.step()
    assert np.array_equal(of_tables(w, Skin.crowd), want)


def test_others_are_members_of_another_column(backend: str):
    """Nobody has to have the components of those he looks for; members are those of the index."""
    w = world(backend)
    w.spawn(2, Body(pos=np.array([[5, 5], [30, 5]], np.float32)), Skin(), name="eater")
    w.spawn(3, Plant(pos=np.array([[6, 5], [5, 7], [29, 5]], np.float32), energy=[1, 2, 4], ripe=[True, True, False]),
            name="plant")  # fmt: skip

    run(w, swarm.index(Plant.pos, where=Plant.ripe), smell.into(Skin.push))
    assert of_tables(w, Skin.push).tolist() == [[1, 1], [-1, -1]]


# --- the same bits ----------------------------------------------------------------------------------------------------


def test_threads_and_the_order_of_rows_change_no_bit():
    seen = []
    for threads, seed, backend in ((1, 1, "cpu"), (2, 2, "cpu"), (1, 3, "reference")):
        w = crowd(backend, n=1200, size=(150.0, 150.0), threads=threads)
        shuffle(w, seed)
        table = w.tables["one"]
        agents = next(w.query(Skin))
        results = [crowding(w, agents), contrast(w, agents)[:, 1]]
        seen.append([r[np.argsort(table.ids())] for r in results])
    for other in seen[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(seen[0], other, strict=True))


def test_parts_of_several_threads_are_whole(monkeypatch: pytest.MonkeyPatch):
    """Three shares of 500 agents, whatever the machine has."""
    from swarm.stages import pair as module

    w = crowd("cpu", n=500)
    want = called(w, crowding)
    monkeypatch.setattr(module, "_ALONE", 100)
    object.__setattr__(w.backend, "threads", 3)
    assert np.array_equal(called(w, crowding), want)


# --- what it may not be -----------------------------------------------------------------------------------------------


def refused(function, match: str, error=SettingsError, **options) -> None:
    with pytest.raises(error, match=match):
        swarm.pair(radius=5, **options)(function)


def line_of(function, plus: int = 0) -> str:
    return f"{FILE}:{function.__code__.co_firstlineno + plus}"


def test_what_is_seen_before_anything_runs():
    def foo(me, you):
        return 1.0

    def lists(me, other):
        a = me.hue
        return sum([a, 1.0])

    def comprehension(me, other):
        return sum(x for x in (1, 2))

    def draws(me, other):
        return random.random()

    def draws_numpy(me, other):
        return np.random.random()

    def whole(me, other):
        return half(me)

    def nothing(me, other):  # noqa: RET503
        if me.hue > 1:
            return 1.0

    def text(me, other):
        return "near"

    def uneven(me, other):
        if me.hue > 1:
            return 1.0
        return 1.0, 2.0

    def stores(me, other):
        me.hue = 1.0
        return 1.0

    def generator(me, other):
        yield 1.0

    def defaults(me, other, *rest):
        return 1.0

    refused(foo, f"{line_of(foo)}.*parameters are \\(me, you\\).*'you' can be a global")
    refused(lists, f"pair lists \\(.*{line_of(lists, 2)}\\): it makes a list")
    refused(comprehension, "comprehension")
    refused(draws, f"{line_of(draws, 1)}.*'random' for something that no seed repeats.*agents.uniform")
    refused(draws_numpy, f"{line_of(draws_numpy, 1)}.*no seed repeats")
    refused(whole, f"{line_of(whole, 1)}.*'me' is used as a whole")
    refused(nothing, "returns nothing on some way through it")
    refused(text, f"{line_of(text, 1)}.*returns 'near'")
    refused(uneven, "returns 1 and 2 numbers")
    refused(stores, f"{line_of(stores, 1)}.*stores something.*into=")
    refused(generator, "generator")
    refused(defaults, "takes any of me, other, distance, dx, dy")
    refused(crowding, "is no plain function")
    refused(len, "is no plain function")
    refused(half_of := (lambda distance: distance / 2), "reduce is 'median'. Choose one of sum, mean", reduce="median")
    refused(half_of, "Energy.level is float32, must be float32", SchemaError, of=Energy.level)
    refused(half_of, 'columns={"hue": ...} is 3, no column', SchemaError, columns={"hue": 3})
    with pytest.raises(SettingsError, match="radius is -1"):
        swarm.pair(radius=-1)(half_of)
    with pytest.raises(SettingsError, match=r"@swarm.pair\(radius=5\)"):
        swarm.pair(half_of)  # pyright: ignore[reportArgumentType]


def test_what_a_system_and_a_call_refuse(backend: str):
    w = crowd(backend)
    with pytest.raises(SettingsError, match=r"swarm.meet\(crowding, into="):
        crowding(w, 0.1)  # in a schedule without into
    with pytest.raises(SettingsError, match=r"Put @swarm.pair"):
        swarm.meet(half, into=Skin.crowd)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SchemaError, match=r"returns 2 numbers, into is Skin.crowd \(\)"):
        contrast.into(Skin.crowd)
    with pytest.raises(SchemaError, match=r"Skin.seen is int32; a sum of numbers needs f32\(\)"):
        crowding.into(Skin.seen)
    with pytest.raises(SchemaError, match="is no column"):
        crowding.into("crowd")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ScheduleError, match=r"swarm.index\(Body.pos\) ahead of it"):
        w.schedule = (contrast.into(Skin.push),)
    wide = swarm.pair(radius=21, of=Body.pos)(lambda distance: distance)
    with pytest.raises(SettingsError, match="more than half round a world of 48 x 40 m"):
        called(w, wide)
    with pytest.raises(SettingsError, match="more than half round"):
        run(w, swarm.index(Body.pos), wide.into(Skin.crowd))


def test_columns_that_are_not_there_or_not_one(backend: str):
    w = crowd(backend)

    def failing(function, match: str, **options):
        with pytest.raises(SchemaError, match=match):
            called(w, swarm.pair(radius=5, **options)(function))

    failing(lambda me: me.hues, r"me.hues: table 'one' has no such column. Did you mean 'hue'\?")
    failing(lambda other: other.joules, "other.joules: table 'one' has no such column. It has Body.pos", of=Body.pos)
    failing(lambda me: me.mass, "no such column", columns={"mass": Energy.level})
    w.spawn(3, Body(pos=1.0), name="stone")
    failing(lambda other: other.hue, "table 'stone' has no such column. .*All who are near must have it")

    class Coat(Component):
        hue = f32(default=2.0)
        maps = f32(3, 3)

    v = world(backend)
    v.spawn(2, Body(pos=1.0), Skin(), Coat(), name="both")
    agents = next(v.query(Coat))

    def result(function, **options):
        return host(v, swarm.pair(radius=5, **options)(function)(v, agents)).tolist()

    with pytest.raises(
        SchemaError, match=r"me.hue can be Skin.hue or Coat.hue. Write me.Skin_hue, or columns=\{\"hue\""
    ):
        result(lambda me: me.hue)
    with pytest.raises(SchemaError, match=r"me.maps is Coat.maps with \(3, 3\) numbers"):
        result(lambda me: me.maps[0])
    assert result(lambda me: me.Coat_hue + me.Skin_hue) == [2.5, 2.5]
    assert result(lambda me: me.hue, columns={"hue": Coat.hue}) == [2, 2]
    v.spawn(1, Plant(pos=1.0), Skin(), name="weed")
    with pytest.raises(SchemaError, match=r"table 'weed' has no column 'pos' of f32\(2\)|several"):
        swarm.pair(radius=5, of=Body.pos, pos=None)(lambda distance: distance).place(_Bare())


class _Bare:
    """A table without any position."""

    name, components = "weed", (Energy,)

    def has(self, column) -> bool:
        return False


def test_what_only_the_compiler_sees():
    w = crowd("cpu")
    agents = next(w.query(Skin))

    def allocates(me, other):
        a = np.zeros(3)
        return a[0]

    def unknown(me, other):
        return me.hue + not_there  # noqa: F821  # pyright: ignore[reportUndefinedVariable]

    def wrong(me, other):
        return me.hue.upper()

    def hidden(me, other):
        a = me.hue, 2.0
        return a  # noqa: RET504

    def maybe(me, other):
        return None if me.hue > 0.5 else 1.0

    for function, plus, match in (
        (allocates, 1, "allocates memory"),
        (unknown, 1, "not_there"),
        (wrong, 1, "upper"),
        (hidden, 0, "return a, b"),
        (maybe, 0, "nothing on some way"),
    ):
        with pytest.raises(SettingsError, match=match) as caught:
            swarm.pair(radius=5)(function)(w, agents)
        assert line_of(function, plus) in str(caught.value)


def test_what_only_python_sees():
    w = crowd("reference")
    agents = next(w.query(Skin))

    def hidden(me, other):
        a = me.hue, 2.0
        return a  # noqa: RET504

    def odd(me, other):
        return min(me.hue, "a")

    with pytest.raises(SettingsError, match="return a, b"):
        swarm.pair(radius=5)(hidden)(w, agents)
    with pytest.raises(SettingsError, match=f"{line_of(odd, 1)}.*TypeError"):
        swarm.pair(radius=5)(odd)(w, agents)


def test_results_that_are_not_finite_name_the_entity(backend: str):
    w = world(backend)
    one, two = w.spawn(2, Body(pos=[3, 3]), Skin(hue=[1.0, 0.0]), name="pair")

    text = f"pair inverse .*{FILE}.*entity {one} of table 'pair' gets inf at tick 0 because of entity {two}, 0 m away"
    with pytest.raises(NonFiniteError, match=text):
        inverse(w, next(w.query(Skin)))
    w.write(Body.pos, int(two), [np.nan, 0])
    with pytest.raises(NonFiniteError, match=f"entity {two} of table 'pair' has Body.pos"):
        crowding(w, next(w.query(Skin)))


def test_what_it_raises_names_its_line(backend: str):
    w = world(backend)
    w.spawn(2, Body(pos=[3, 3]), Skin(), name="pair")

    with pytest.raises(
        NonFiniteError, match=f"pair picky .*{line_of(picky.function.call, 3)}.*ValueError: the same hue"
    ):
        picky(w, next(w.query(Skin)))


def test_folds_are_ways_to_reduce():
    assert set(REDUCE) == {*FOLDS, "nearest"}


def test_who_watches_compilers_is_told(monkeypatch: pytest.MonkeyPatch):
    """Once a function, and also where its globals have no name, as in `exec`."""
    from swarm.backend import progress

    told: list[str] = []
    monkeypatch.setattr(progress, "watch", told.append)
    made: dict = {}
    exec("def loose(distance):\n    return 2 * distance", made)
    w = crowd("cpu")
    pair = swarm.pair(radius=4)(made["loose"])
    called(w, pair)
    called(w, pair)
    assert told.count("pair loose") == 1
