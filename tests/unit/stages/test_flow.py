"""Flow fields: closed forms, laws of every map, edits, goals that move, and the sense."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swarm
from swarm import Flow, Tiles, i32
from swarm.errors import NonFiniteError, SchemaError, SettingsError
from swarm.stages.ways import NOWHERE, STEPS, compass_of
from tests.unit.stages.worlds import BACKENDS, Body, Energy, Plant, host, run, world

SIZE = (24.0, 16.0)
COLUMNS, ROWS = 12, 8  # cells of 2 m


class Npc(swarm.Component):
    goal = i32(default=0)


def setting(backend: str, text: str = "", edge: str = "closed", **options):
    w = world(backend, SIZE)
    tiles = Tiles("ground", (COLUMNS, ROWS), edge=edge, cost={2: 3.0, 3: 0.5}, **options)
    if text:
        tiles.load(w, text)
    return w, tiles


def middle(column: int, row: int) -> tuple[float, float]:
    return 2 * column + 1.0, 2 * row + 1.0


def everywhere() -> np.ndarray:
    """The middles of all cells, float32 [rows * columns, 2]."""
    return np.array([middle(c, r) for r in range(ROWS) for c in range(COLUMNS)], np.float32)


def dijkstra(factor: np.ndarray, sources, cell, closed: bool) -> np.ndarray:
    """Distances in float64 by the book: a heap of (distance, cell)."""
    rows, columns = factor.shape
    distance = np.full(factor.shape, np.inf)
    heap = [(0.0, r, c) for c, r in sources if np.isfinite(factor[r, c])]
    while heap:
        d, r, c = heapq.heappop(heap)
        if d >= distance[r, c]:
            continue
        distance[r, c] = d
        for right, up in STEPS:
            r2, c2 = r + up, c + right
            if closed and not (0 <= r2 < rows and 0 <= c2 < columns):
                continue
            r2, c2 = r2 % rows, c2 % columns
            if np.isinf(factor[r2, c2]) or (right and up and np.isinf([factor[r, c2], factor[r2, c]]).any()):
                continue
            price = np.hypot(right * cell[0], up * cell[1]) * (factor[r, c] + factor[r2, c2]) / 2
            heapq.heappush(heap, (d + price, r2, c2))
    return distance


# --- closed forms -----------------------------------------------------------------------------------------------------


def test_a_straight_corridor(backend: str):
    rows = ["#" * COLUMNS] * 3 + ["#" + "." * 10 + "#"] + ["#" * COLUMNS] * 4
    w, tiles = setting(backend, "\n".join(rows))
    flow = Flow(tiles, {"end": [(10, 4)]})
    pos = np.array([middle(c, 4) for c in range(1, 11)], np.float32)
    assert w.backend.host(flow.distance(w, pos, "end")).tolist() == [2.0 * (10 - c) for c in range(1, 11)]
    assert w.backend.host(flow.directions(w, pos, "end")).tolist() == [[1, 0]] * 9 + [[0, 0]]
    assert np.isinf(w.backend.host(flow.distance(w, everywhere()[:12], "end"))).all()


def test_open_ground_is_the_octile_distance(backend: str):
    """Straight and diagonal steps: 2 m * (|dx| + |dy| + (sqrt 2 - 2) min(|dx|, |dy|)), on a torus the short way."""
    for edge in ("closed", "torus"):
        w, tiles = setting(backend, edge=edge)
        got = w.backend.host(Flow(tiles, {"home": [(3, 2)]}).distance(w, everywhere(), "home"))
        dx, dy = np.meshgrid(abs(np.arange(COLUMNS) - 3), abs(np.arange(ROWS) - 2))
        if edge == "torus":
            dx, dy = np.minimum(dx, COLUMNS - dx), np.minimum(dy, ROWS - dy)
        want = 2 * (dx + dy + (np.sqrt(2) - 2) * np.minimum(dx, dy))
        assert np.allclose(got, want.reshape(-1), rtol=1e-6)


def test_costs_are_halved_between_two_cells(backend: str):
    w, tiles = setting(backend, "\n".join(["#" * COLUMNS] * 7 + ["0023" + "#" * 8]))
    got = w.backend.host(Flow(tiles, {"home": [(0, 0)]}).distance(w, [middle(c, 0) for c in range(4)], "home"))
    assert got.tolist() == [0, 2, 2 + 2 * (1 + 3) / 2, 6 + 2 * (3 + 0.5) / 2]


def test_mud_is_walked_round(backend: str):
    """Straight through three cells of mud: 2 m of cost 3 each; two diagonals round them are shorter."""
    rows = ["." * COLUMNS] * 4 + ["...222......"] + ["." * COLUMNS] * 3
    w, tiles = setting(backend, "\n".join(rows))
    way = w.backend.host(Flow(tiles, {"home": [(0, 3)]}).directions(w, [middle(6, 3)], "home"))[0]
    assert abs(way[0] + np.sqrt(0.5)) < 1e-6
    assert abs(way[1]) == -way[0]


def test_no_corner_is_cut(backend: str):
    w, tiles = setting(backend, "\n".join(["#" * COLUMNS] * 6 + ["#." + "#" * 10, "..##########"]))
    flow = Flow(tiles, {"home": [(0, 0)]})
    assert w.backend.host(flow.directions(w, [middle(1, 1)], "home")).tolist() == [[0, -1]]
    assert w.backend.host(flow.distance(w, [middle(1, 1)], "home")).tolist() == [4]
    tiles.edit(w, 1, 0, 1)  # now only the corner would lead there
    assert w.backend.host(flow.directions(w, [middle(1, 1)], "home")).tolist() == [[0, 0]]


# --- laws of every map ------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["closed", "torus"]), st.sampled_from([0.0, 0.2, 0.4]))
def test_every_step_leads_nearer_and_never_into_solid(seed: int, edge: str, walls: float):
    rng = np.random.default_rng(seed)
    ids = np.where(rng.random((ROWS, COLUMNS)) < walls, 1, rng.choice([0, 0, 2, 3], (ROWS, COLUMNS))).astype(np.uint8)
    goals = {"a": [(3, 2)], "b": [(0, 0), (11, 7)]}
    for c, r in (*goals["a"], *goals["b"]):
        ids[r, c] = 0
    for backend in BACKENDS:
        w, tiles = setting(backend, edge=edge)
        tiles.set(w, ids)
        flow = Flow(tiles, goals)
        factor, maps = tiles.ground(w).factor, flow.maps(w)
        for g, cells in enumerate(goals.values()):
            distance, way = maps.distance[g, 0], maps.way[g, 0]
            want = dijkstra(factor, cells, (2.0, 2.0), edge == "closed")
            assert np.allclose(distance, want, rtol=1e-6, atol=0)
            assert np.array_equal(np.isinf(distance) | (distance == 0), way == NOWHERE)
            for r, c in np.argwhere(way != NOWHERE):
                right, up = STEPS[way[r, c]]
                r2, c2 = (r + up) % ROWS, (c + right) % COLUMNS
                assert distance[r2, c2] < distance[r, c]
                assert np.isfinite([factor[r2, c2], factor[r, c2], factor[r2, c]]).all()
                if edge == "closed":
                    assert (r2, c2) == (r + up, c + right)


def test_the_compass_points_from_middle_to_middle():
    got = compass_of((3.0, 4.0))
    assert np.allclose(got[1], [0.6, 0.8])
    assert np.allclose(got[5], [-0.6, -0.8])
    assert got[NOWHERE].tolist() == [0, 0]


# --- when it is worked out --------------------------------------------------------------------------------------------


def test_edits_and_goals_that_move_are_noticed(backend: str):
    w, tiles = setting(backend)
    ids = w.spawn(2, Plant(pos=np.array([middle(2, 2), middle(9, 2)])), name="market")
    flow = Flow(tiles, {"market": Plant.pos, "door": 7, "home": [(0, 0)]})
    first = flow.maps(w)
    assert flow.maps(w) is first
    here = [middle(4, 2)]

    def far(goal):
        return float(w.backend.host(flow.distance(w, here, goal))[0])

    assert (far("market"), far("door")) == (4, np.inf)
    w.write(Plant.pos, ids[0], (5.5, 5.5))  # still in its cell
    assert flow.maps(w) is first
    w.write(Plant.pos, ids[0], middle(3, 2))
    assert far("market") == 2
    tiles.edit(w, 4, 6, 7)
    assert (far("market"), far("door")) == (2, 8)
    tiles.edit(w, 3, slice(None), 1)
    assert (far("market"), far("door"), far("home")) == (10, 8, np.inf)


def test_nobody_is_a_goal_yet(backend: str):
    w, tiles = setting(backend)
    w.spawn(0, Plant(), name="market")
    flow = Flow(tiles, {"market": Plant.pos})
    assert w.backend.host(flow.directions(w, [middle(4, 2)], 0)).tolist() == [[0, 0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_worlds_that_changed_are_worked_out(backend: str, monkeypatch: pytest.MonkeyPatch):
    w, tiles = setting(backend)
    w.ids.worlds = 3
    flow = Flow(tiles, {"home": [(0, 0)], "door": 7})
    tiles.of(w)[:, 5, 5] = 7
    flow.maps(w)
    kernels, asked = w.backend.twin("swarm.stages.ways"), []
    integrate = kernels.integrate

    def counted(factor, *about):
        asked.append(len(factor))
        integrate(factor, *about)

    monkeypatch.setattr(kernels, "integrate", counted)
    tiles.of(w)[1, 3, :11] = 1
    tiles.of(w)[2, 5, 6] = 7
    made = flow.maps(w)
    assert asked == [1, 2]  # home: the walled world; the door: that one, and the one with another door
    fresh = Flow(tiles, {"home": [(0, 0)], "door": 7}).maps(w)
    assert np.array_equal(made.distance, fresh.distance)
    assert np.array_equal(made.way, fresh.way)
    got = flow.distance(w, [middle(0, 7)] * 3, "home", plane=np.arange(3))
    assert got[0] == got[2] == 14 < got[1]
    with pytest.raises(SettingsError, match="say in which"):
        flow.distance(w, [middle(0, 7)], "home")


# --- the sense --------------------------------------------------------------------------------------------------------


def test_agents_follow_the_goals_they_name(backend: str):
    w, tiles = setting(backend)
    flow = Flow(tiles, {"west": [(0, 3)], "east": [(11, 3)]}, scale=6)
    Mind = swarm.mind(way=flow.to(Npc.goal), east=flow.to("east"), actions=("x", "y"))
    pos = np.array([middle(3, 3)] * 3 + [middle(0, 3)])
    w.spawn(4, Body(pos=pos), Npc(goal=np.array([0, 1, -1, 0], np.int32)), Mind(), name="npc")
    run(w, swarm.sense(Mind))
    got = host(w.tables["npc"], Mind.senses)
    assert got[:, :3].tolist() == [[-1, 0, 0.5], [1, 0, np.float32(1 / (1 + 16 / 6))], [0, 0, 0], [0, 0, 1]]
    assert got[0, 3:].tolist() == got[1, :3].tolist()
    assert Mind.input_labels[:3] == ("way x", "way y", "way closeness")
    assert Mind.describe()["senses"]["way"]["goal"] == "Npc.goal"
    assert swarm.sense(Mind).cost(w).bytes == 4 * 2 * 156


def test_a_single_goal_needs_no_naming(backend: str):
    w, tiles = setting(backend, "\n".join(["............"] * 3 + ["#" * COLUMNS] + ["............"] * 4))
    Mind = swarm.mind(way=Flow(tiles, {"home": [(3, 0)]}), actions=("x",))
    w.spawn(2, Body(pos=np.array([middle(3, 2), middle(3, 6)])), Mind(), name="npc")
    run(w, swarm.sense(Mind))
    assert host(w.tables["npc"], Mind.senses).tolist() == [[0, -1, np.float32(1 / 1.4)], [0, 0, 0]]


def test_wrong_agents_are_named(backend: str):
    w, tiles = setting(backend)
    flow = Flow(tiles, {"home": [(0, 0)]})
    Mind = swarm.mind(way=flow.to(Npc.goal), actions=("x",))
    ids = w.spawn(3, Body(pos=1), Npc(), Mind(), name="npc")
    w.write(Npc.goal, ids[1], 1)
    with pytest.raises(
        SettingsError, match=f"entity {ids[1]} of table 'npc' has Npc.goal = 1; goals are numbered 0 to 0"
    ):
        run(w, swarm.sense(Mind))
    w.write(Npc.goal, ids[1], 0)
    w.write(Body.pos, ids[2], (-1, 1))
    with pytest.raises(NonFiniteError, match=f"entity {ids[2]} of table 'npc' has Body.pos"):
        run(w, swarm.sense(Mind))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda t: Flow("ground", {"home": [(0, 0)]}), SettingsError, "no tile map"),
        (lambda t: Flow(t, {}), SettingsError, "one or more by name"),
        (lambda t: Flow(t, {"home": []}), SchemaError, "give cells"),
        (lambda t: Flow(t, {"home": np.zeros((ROWS, COLUMNS), bool)}), SettingsError, "no cells"),
        (lambda t: Flow(t, {"home": [(COLUMNS, 0)]}), SettingsError, "outside of the map of 12 x 8"),
        (lambda t: Flow(t, {"home": [(0.5, 0)]}), SchemaError, "give cells"),
        (lambda t: Flow(t, {"home": 256}), SettingsError, "tile 256"),
        (lambda t: Flow(t, {"home": Energy.level}), SchemaError, "goal 'home'"),
        (lambda t: Flow(t, {"home": [(0, 0)]}, scale=0), SettingsError, "scale"),
        (lambda t: Flow(t, {"home": [(0, 0)]}, goal="market"), SettingsError, "no goal 'market'. There are home"),
        (lambda t: Flow(t, {"home": [(0, 0)]}).to("market"), SettingsError, "no goal 'market'"),
        (lambda t: Flow(t, {"home": [(0, 0)]}).to(Energy.level), SchemaError, "Flow: goal"),
    ],
)
def test_bad_declarations_are_refused(make, error, says: str):
    with pytest.raises(error, match=says):
        make(setting("reference")[1])


def test_bad_questions_are_refused():
    w, tiles = setting("reference")
    flow = Flow(tiles, {"home": [(0, 0)], "market": [(5, 5)]})
    for pos, goal, says in (
        ([(1, 1)], "shop", "no goal 'shop'"),
        ([(1, 1)], 2, "goals are numbered 0 to 1"),
        ([(1, 1), (99, 1)], 0, "row 1.*inside the world"),
    ):
        with pytest.raises(SettingsError, match=says):
            flow.directions(w, pos, goal)
    Mind = swarm.mind(way=flow, actions=("x",))
    w.spawn(1, Body(pos=1), Mind(), name="npc")
    with pytest.raises(SettingsError, match="several goals, home, market; say which"):
        run(w, swarm.sense(Mind))
    tiles.set(w, 1)
    with pytest.raises(SettingsError, match="every tile of 'ground' is solid"):
        flow.maps(w)


def test_a_goal_inside_a_wall_warns():
    w, tiles = setting("reference", "\n".join(["#" + "." * 11] * ROWS))
    with pytest.warns(UserWarning, match="'home' lies in solid tiles"):
        assert np.isinf(Flow(tiles, {"home": [(0, 0)]}).distance(w, [middle(4, 4)], "home")).all()
