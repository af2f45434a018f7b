"""The family: who begat whom, against a book that is kept by hand, through deaths, thinning and going back."""

from __future__ import annotations

import numpy as np
import pytest

import swarm
from swarm.render import family
from swarm.render.family import Pedigree, fate
from swarm.render.microscope import Microscope, Notes
from tests.unit.stages.worlds import Body, Energy, world


def build(count: int = 4, backend: str = "reference") -> swarm.World:
    w = world(backend)
    w.spawn(count, Body(pos=w.scatter), Energy(), name="agent")
    return w


def ids_of(w: swarm.World) -> list[int]:
    return w.backend.host(w.tables["agent"].ids()).tolist()


def bear(w: swarm.World, *parents: int) -> list[int]:
    """One tick in which these give birth; the children's ids, in the order of their parents' ids."""
    before = set(ids_of(w))
    table = w.tables["agent"]
    rows = [ids_of(w).index(p) for p in parents]
    for agents in w.query(Body):
        agents.birth(rows)
    w.step()
    ids, mothers = np.array(ids_of(w), np.uint64), w.backend.host(table.parents)
    new = [i for i in range(len(ids)) if int(ids[i]) not in before]
    return [int(ids[i]) for i in sorted(new, key=lambda i: (mothers[i], ids[i]))]


def test_ancestors_and_children_with_their_fates():
    w, book = build(), Pedigree()
    eve = ids_of(w)[1]
    book.update(w)
    (one,) = bear(w, eve)
    book.update(w)
    (two,) = bear(w, one)
    book.update(w)
    w.kill(one)
    w.step()
    book.update(w)
    found = book.family(w, two)
    assert found.parents == ((one, False, 0, 2), (eve, True, -1, -1))
    assert not found.lost
    assert book.family(w, one).children == ((two, True, 1, -1),)
    assert book.family(w, eve).parents == ()


def test_the_first_look_knows_the_living_and_says_where_the_line_is_lost():
    w = build()
    (one,) = bear(w, ids_of(w)[0])
    (two,) = bear(w, one)
    (three,) = bear(w, two)
    w.kill(one)
    w.step()
    book = Pedigree()
    book.update(w)
    found = book.family(w, three)
    assert [r.id for r in found.parents] == [two, one]
    assert found.lost  # whose child `one` was died with it


def test_deaths_stay_known_when_the_slot_has_a_new_owner():
    w, book = build(2), Pedigree()
    eve = ids_of(w)[0]
    (one,) = bear(w, eve)
    book.update(w)
    w.kill(one)
    w.step()
    book.update(w)
    assert book.family(w, eve).children == ((one, False, 0, 1),)
    (two,) = bear(w, eve)
    assert two >> 32 == one >> 32
    assert fate(w, one) == (False, -1)
    book.update(w)
    assert book.family(w, eve).children == ((one, False, 0, 1), (two, True, 2, -1))


@pytest.mark.parametrize("limits", [(1 << 20, 1 << 14), (30, 3)])
def test_it_agrees_with_a_book_kept_by_hand(monkeypatch, limits):
    monkeypatch.setattr(family, "LIMIT", limits[0])
    monkeypatch.setattr(family, "TAIL", limits[1])
    rng, w, book, mother, child = np.random.default_rng(2), build(6), Pedigree(), {}, {}
    for _ in range(40):
        living = ids_of(w)
        parents = rng.permutation(living)[:2].tolist()
        for kid, parent in zip(bear(w, *sorted(parents)), sorted(parents)):
            mother[kid] = parent
            child.setdefault(parent, []).append(kid)
        w.kill(rng.permutation(ids_of(w))[:2])
        book.update(w)
        book.family(w, living[0])
    for id in ids_of(w):
        line, one = [], mother.get(id, 0)
        while one:
            line.append(one)
            one = mother.get(one, 0)
        found = book.family(w, id)
        assert [r.id for r in found.parents] == line[: family.ANCESTORS]
        if limits[0] > 100:
            assert [r.id for r in found.children] == child.get(id, [])
    if limits[0] < 100:
        assert len(book) < 80


def test_what_was_after_a_return_has_not_happened(tmp_path):
    w, book = build(), Pedigree()
    eve, adam = ids_of(w)[:2]
    (one,) = bear(w, eve)
    book.update(w)
    w.save(tmp_path / "world")
    (two,) = bear(w, eve)
    w.kill(one)
    w.step()
    book.update(w)
    again = swarm.World.load(tmp_path / "world", components=(Body, Energy), schedule=(), backend="reference")
    book.update(again)
    assert book.family(again, eve).children == ((one, True, 0, -1),)
    (other,) = bear(again, adam)
    assert other == two  # the same slot, now another's child
    book.update(again)
    assert [r.id for r in book.family(again, two).parents] == [adam]
    assert [r.id for r in book.family(again, eve).children] == [one]


def test_the_microscope_shows_it():
    w, notes = build(), Notes()
    eve = ids_of(w)[0]
    m = Microscope(w, eve, notes)
    (one,) = bear(w, eve)
    m.update(w)
    assert [r.id for r in m.family.children] == [one]
    w.kill(eve)
    w.step()
    m.update(w)
    assert not m.alive
    (two,) = bear(w, one)
    m.update(w)
    assert [r.id for r in m.family.children] == [one]
    assert [r.id for r in Microscope(w, two, notes).family.parents] == [one, eve]


def test_on_a_device(hosted):
    w, book = build(backend="cuda"), Pedigree()
    eve = ids_of(w)[1]
    (one,) = bear(w, eve)
    book.update(w)
    assert book.family(w, one).parents == ((eve, True, -1, -1),)
    assert book.family(w, eve).children == ((one, True, 0, -1),)
