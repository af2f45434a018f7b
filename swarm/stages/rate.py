"""Think rates: who thinks in this tick. The others keep their last actions and their memory.

    think(Mind, every=4)                                             # a quarter of the agents in each tick
    think(Mind, every=Npc.pace)                                      # i32 column, one rhythm for each agent
    think(Mind, every=Near(Body.pos, Player.pos, within=40, every=8))    # close to a player in every tick
    think(Mind, every=Important(Npc.weight, every=8))                # weight 1 in every tick, weight 0 in every 8th
    think(Mind, every=4, brains=5000)                                # never more than 5000 in a tick, of each world
    think(Mind, budget=4.0)                                          # as many as fit in 4 ms

Rhythm: an agent with period p thinks in the ticks where (tick + slot // 16) % p == 0, so that the load is even and a
permuted table changes nothing. Sixteen slots make a group because they mostly lie side by side, and memory is read
fastest in long runs (a quarter of 100,000 brains 19-32-2 float32: 7.0 ms in groups, 9.4 one by one). Without a budget
that is all, and nothing is kept.

With a budget, an agent is due from the first tick of its rhythm behind its last thought (or its birth). Are more due
than fit, the longest overdue come first, of equally overdue ones the most important, then the lowest priority keyed by
seed, tick and group, then the lowest slot. So the queue is served in the order of joining and nobody starves: of N
agents with periods up to p, K of which think in a tick, nobody waits longer than p + ceil(N / K) ticks. When an agent
thought last is a column of its mind, which is made for it: mind(..., paced=True).
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from swarm.backend import rng
from swarm.ecs.component import Column
from swarm.errors import SettingsError
from swarm.stages.stage import bad_value, need_column, positive

MEMORY = 8  # ticks whose times the timed budget looks back
GROUP = 16  # slots that think together
_PRIORITY = rng.stream("think")


class Near:
    """A rhythm by distance: agents within `within` metres of any of `points` think in every tick, others in every k-th.

    pos: where agents are, float32 [N, 2] m. points: a position column (all entities that have it), a place (x, y) or
    several [K, 2]; with no points nobody is near. every: k, ticks. The shortest way round the torus counts. The cost
    grows with agents times points: meant for players and cameras. Raises `SettingsError`, `SchemaError`.
    """

    def __init__(self, pos: Column, points: Any, within: float, every: int) -> None:
        self.pos = need_column(pos, (2,), np.float32, "Near")
        self.within, self.every = positive(within, "within", "Near"), _whole(every, "every", "Near")
        self.points: Any = points
        if isinstance(points, Column):
            need_column(points, (2,), np.float32, "Near")
        else:
            self.points = np.atleast_2d(np.asarray(points, np.float32))
            if self.points.shape[1:] != (2,) or not np.isfinite(self.points).all():
                raise SettingsError(f"Near: points are {points!r}; give a position column, (x, y) or [K, 2], in m.")
        self.reads = (pos, points) if isinstance(points, Column) else (pos,)

    def periods(self, stage: Any, world: Any, table: Any) -> np.ndarray:
        """int64 [N]: 1 near a point, else `every`."""
        host = world.backend.host
        pos, lives = host(table.column(self.pos)), host(table.worlds)
        near = np.zeros(table.n, np.bool_)
        for place, home in self._places(world):
            dx, dy = (_shortest(pos[:, k] - place[k], np.float32(world.size[k])) for k in (0, 1))
            close = dx * dx + dy * dy <= np.float32(self.within) * np.float32(self.within)
            near |= close if home < 0 or not len(lives) else close & (lives == home)
        return np.where(near, 1, self.every)

    def _places(self, world: Any) -> list[tuple[np.ndarray, int]]:
        """Every point, and which of several worlds it is in; -1: in all of them."""
        if not isinstance(self.points, Column):
            return [(place, -1) for place in self.points]
        host, found = world.backend.host, []
        for table in world.tables_with(self.points):
            homes = host(table.worlds).tolist() or [-1] * table.n
            found += zip(host(table.column(self.points)), homes)
        return found

    def __repr__(self) -> str:
        points = self.points.key if isinstance(self.points, Column) else self.points.tolist()
        return f"Near({self.pos.key}, {points}, within={self.within:g}, every={self.every})"


class Important:
    """A rhythm by importance: `column` is 1 for those that think in every tick, 0 for those in every k-th; between them
    periods go down evenly. Under a budget the most important of equally overdue agents come first.

    column: float32, values beyond 0 .. 1 count as 0 or 1. every: k, ticks; 1: importance only decides under a budget.
    Raises `SettingsError`, `SchemaError`; when it runs, `NonFiniteError` for a NaN.
    """

    def __init__(self, column: Column, every: int = 1) -> None:
        self.column = need_column(column, (), np.float32, "Important")
        self.every = _whole(every, "every", "Important")
        self.reads = (column,)

    def periods(self, stage: Any, world: Any, table: Any) -> np.ndarray:
        """int64 [N]."""
        less = np.float32(1) - np.clip(self.weights(stage, world, table), 0, 1)
        return 1 + np.rint(less * np.float32(self.every - 1)).astype(np.int64)

    def weights(self, stage: Any, world: Any, table: Any) -> np.ndarray:
        """float32 [N]."""
        weight = world.backend.host(table.column(self.column))
        if np.isnan(weight).any():
            raise bad_value(
                world, stage, table, int(np.argmax(np.isnan(weight))), self.column, "Importance is a number."
            )
        return weight

    def __repr__(self) -> str:
        return f"Important({self.column.key}, every={self.every})"


class Thought(NamedTuple):
    """What `think` did in the last tick, over all tables with its mind."""

    agents: int  # that have the mind
    due: int  # whose turn it was
    thought: int  # that thought
    share: float  # thought / due: 1.0 when the budget sufficed
    stalest: int | None  # most ticks since an agent's last thought or birth; kept under a budget only, else None
    milliseconds: float  # the stage took


class Clock:
    """What a stage keeps of one world between ticks beside the state: how long thinking took, what it did last."""

    def __init__(self) -> None:
        self.report = Thought(0, 0, 0, 1.0, None, 0.0)
        self._times: deque[tuple[float, float, int]] = deque(maxlen=MEMORY)
        self._warm = False

    def note(self, seconds: float, brains: float, thought: int) -> None:
        """The stage took `seconds`, of which `brains` for the brains. The first time is left out: it compiles."""
        if thought and self._warm:
            self._times.append((seconds - brains, brains, thought))
        self._warm = self._warm or thought > 0

    def fit(self, budget: float) -> int | None:
        """How many brains fit in nine tenths of `budget` s, by the last ticks; at least 1, None while nothing is known.

        A tick takes the median of what it took beside the brains, and as long for a brain as all of them on average.
        """
        if not self._times:
            return None
        beside, brains, thought = zip(*self._times)
        left = 0.9 * budget - float(np.median(beside))
        return max(1, int(left * sum(thought) / max(sum(brains), 1e-12)))


class Rate:
    """The settings of one `think`: checked and frozen. Raises `SettingsError`."""

    def __init__(self, mind: Any, every: Any, budget: float | None, brains: int | None) -> None:
        if budget is not None and brains is not None:
            raise SettingsError(
                f"think: budget={budget!r} and brains={brains!r} are two budgets. Give milliseconds, or brains a tick, "
                "which makes runs repeatable."
            )
        self.budget = None if budget is None else positive(budget, "budget", "think") / 1e3  # s
        self.brains = None if brains is None else _whole(brains, "brains", "think")
        self.every = every
        if isinstance(every, Column):
            need_column(every, (), np.int32, "think")
        elif not isinstance(every, (Near, Important)):
            self.every = _whole(every, "every", "think", ", an i32 column, Near(...) or Important(...)")
        self.limited = self.budget is not None or self.brains is not None
        if isinstance(every, Important) and every.every == 1 and not self.limited:
            raise SettingsError(f"think: every={every!r} changes nothing. Give it every=8, or think a budget.")
        self.reads = (every,) if isinstance(every, Column) else getattr(every, "reads", ())
        if self.limited and not mind.paced:
            raise SettingsError(
                f"think: under a budget {mind.__name__} must keep when each agent thought last, so that none starves. "
                "Make it with mind(..., paced=True)."
            )

    def describe(self) -> dict[str, Any]:
        """Plain values."""
        every = self.every.key if isinstance(self.every, Column) else self.every
        budget = None if self.budget is None else self.budget * 1e3
        return {"every": every if isinstance(every, (int, str)) else repr(every), "ms": budget, "brains": self.brains}

    def choose(self, stage: Any, world: Any, tables: list[Any], clock: Clock) -> list[np.ndarray]:
        """Who thinks: rows int64, ascending, of each table. What it counts goes into the clock's report."""
        found = [_Due(self, stage, world, table) for table in tables]
        rows = [due.rows for due in found]
        limit = self.brains if self.budget is None else clock.fit(self.budget)
        if limit is not None:
            rows = _admit(world, found, limit, apart=self.brains is not None)
        count, thought = (sum(map(len, those)) for those in ([due.rows for due in found], rows))
        share = thought / count if count else 1.0
        clock.report = Thought(sum(t.n for t in tables), count, thought, share, None, 0.0)
        return rows


class _Due:
    """Those of a table whose turn it is: rows int64 [K], ascending, and under a budget what puts them in order."""

    def __init__(self, rate: Rate, stage: Any, world: Any, table: Any) -> None:
        host, every, tick = world.backend.host, rate.every, world.tick_of(table)
        slots = host(table.slots)
        beat = slots // np.uint32(GROUP * world.worlds)  # as in a world of its own
        if isinstance(every, int) and not rate.limited:
            self.rows = np.flatnonzero((beat + np.asarray(tick % every, np.uint32)) % np.uint32(every) == 0)
            return
        period, beat = _periods(every, stage, world, table), beat.astype(np.int64)
        if not rate.limited:
            self.rows = np.flatnonzero((beat + tick) % period == 0)
            return
        late = np.maximum(host(table.column(stage.mind.thought)), host(table.born))
        if isinstance(period, int) and period == 1:
            late = tick - 1 - late
        else:
            late = tick - (((late + beat) // period + 1) * period - beat)
        self.rows = np.flatnonzero(late >= 0)
        self.late, self.slots = late[self.rows], slots[self.rows]
        self.weights = every.weights(stage, world, table)[self.rows] if isinstance(every, Important) else None


def _periods(every: Any, stage: Any, world: Any, table: Any) -> Any:
    """Ticks between two thoughts: one number for all, or int64 [N]."""
    if isinstance(every, int):
        return every
    if not isinstance(every, Column):
        return every.periods(stage, world, table)
    period = world.backend.host(table.column(every)).astype(np.int64)
    if period.min(initial=1) < 1:
        row = int(np.argmax(period < 1))
        entity = int(world.backend.host(table.ids())[row])
        raise SettingsError(
            f"{stage.name}: entity {entity} of table '{table.name}' has {every.key} = {period[row]} at tick "
            f"{world.tick}. Periods are whole numbers of ticks, 1 or more."
        )
    return period


def _admit(world: Any, found: list[_Due], limit: int, apart: bool) -> list[np.ndarray]:
    """Of all that are due at most `limit`, over all tables; where `apart`, in each of several worlds."""
    count = sum(len(due.rows) for due in found)
    apart = apart and world.worlds > 1
    if count <= limit:
        return [due.rows for due in found]
    slots, late = (np.concatenate([getattr(due, name) for due in found]) for name in ("slots", "late"))
    weigh = [due.weights for due in found if due.weights is not None]
    weights, drawn = np.concatenate(weigh) if weigh else None, _priorities(world)

    def keys(which: np.ndarray) -> np.ndarray:
        return rank(None if weights is None else weights[which], drawn[_group(world, slots[which])])

    chosen = np.zeros(count, np.bool_)
    homes = slots % np.uint32(world.worlds) if apart else None
    for home in (None,) if homes is None else np.unique(homes):
        mine = np.arange(count) if home is None else np.flatnonzero(homes == home)
        chosen[mine[pick(late[mine], slots[mine], lambda which, mine=mine: keys(mine[which]), limit)]] = True
    ends = np.cumsum([len(due.rows) for due in found])
    return [due.rows[chosen[end - len(due.rows) : end]] for due, end in zip(found, ends)]


def _group(world: Any, slots: np.ndarray) -> np.ndarray:
    """uint32 [M]: the group of each slot; groups of several worlds take turns, as slots do."""
    W = np.uint32(world.worlds)
    return slots // (W * np.uint32(GROUP)) * W + slots % W if W > 1 else slots // np.uint32(GROUP)


def _priorities(world: Any) -> np.ndarray:
    """uint32 [groups]: the priority of each group in this tick, drawn for its first slot."""
    W = world.worlds
    group = np.arange(-(-world.ids.used // (W * GROUP)) * W, dtype=np.uint32)
    first = group // np.uint32(W) * np.uint32(W * GROUP) + group % np.uint32(W)
    local, tick, *halves = rng.named(world.seeds, first, world.ticks)
    return rng.philox(local, 0, tick, np.uint32(_PRIORITY << rng.DRAW_BITS), *halves)[0]  # the first of `rng.words`


def rank(weights: np.ndarray | None, priority: np.ndarray) -> np.ndarray:
    """uint64 [M], lowest first: the most important (float32 [M] or None), of equal ones the lowest priority uint32."""
    if weights is None:
        return priority.astype(np.uint64)
    bits = (weights + np.float32(0)).view(np.uint32)  # -0 becomes 0
    rising = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    return (~rising).astype(np.uint64) << np.uint64(32) | priority


def pick(late: np.ndarray, slots: np.ndarray, keys: Any, limit: int) -> np.ndarray:
    """Places of the first `limit` in the order of (latest, lowest key, lowest slot); late int64, slots uint32 [M].

    keys(which) gives uint64 keys of those asked for: only of those that are equally late as the last one let in.
    """
    if len(late) <= limit:
        return np.arange(len(late))
    edge = np.partition(late, len(late) - limit)[len(late) - limit]  # the limit-th latest
    sure, ties = np.flatnonzero(late > edge), np.flatnonzero(late == edge)
    room = limit - len(sure)
    if len(ties) > room:
        key = keys(ties)
        last = np.partition(key, room - 1)[room - 1]
        equal = ties[key == last]
        ties = ties[key < last]
        equal = equal[np.argsort(slots[equal], kind="stable")]
        ties = np.concatenate([ties, equal[: room - len(ties)]])
    return np.concatenate([sure, ties])


def _shortest(d: np.ndarray, side: np.float32) -> np.ndarray:
    """The difference of two positions along the shortest way round, for positions anywhere."""
    return d - side * np.rint(d / side)


def _whole(value: Any, name: str, where: str, also: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise SettingsError(f"{where}: {name} is {value!r}, must be a whole number, 1 or more{also}.")
    return int(value)
