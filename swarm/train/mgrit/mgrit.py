"""`swarm.mgrit`: the points of a training run, all of them at once, by multigrid reduction in time.

report = swarm.mgrit(swarm.MLP((3, 4, 1), "sigmoid", "sigmoid", bias=False), x, y, steps=1600, rate=1.0, loss="mse",
                     cycle="two-level")
report.iterations, report.converged, report.speedup(lanes=800)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from swarm.backend.device import Backend
from swarm.brain.brains import Brains
from swarm.brain.mlp import MLP
from swarm.config import suggest
from swarm.errors import SettingsError
from swarm.train import losses
from swarm.train.mgrit import stability
from swarm.train.mgrit.cycle import CYCLES, STARTS, Hierarchy
from swarm.train.mgrit.hierarchy import RULES, hierarchy
from swarm.train.mgrit.propagator import Propagator
from swarm.train.mgrit.relax import sweeps_of
from swarm.train.mgrit.report import Report
from swarm.train.samples import check
from swarm.train.trainee import compute, master

TOLERANCES = {"float64": 1e-9, "float32": 1e-5}  # of the residual, per square root of a step


def mgrit(
    brains: Brains | MLP,
    x: Any,
    y: Any,
    *,
    steps: int,
    rate: float,
    loss: losses.Loss = "mse",
    reduction: str = "mean",
    weights: Any = None,
    seed: int = 0,
    dtype: Any = None,
    batch_size: int | None = None,
    serialised: bool | None = None,
    rule: str = "doubled",
    max_rate: float | None = None,
    coarsening: int | Sequence[int] = 2,
    coarsest: int = 10,
    levels: int | None = None,
    cycle: str = "V",
    relaxation: str | None = None,
    start: str = "zero",
    tolerance: float | None = None,
    iterations: int = 50,
    lanes: int | None = None,
    backend: str | Backend = "cpu",
    threads: int | None = None,
) -> Report:
    """Train one network by `steps` steps of gradient descent of length `rate`, all steps solved for together.

    brains: a pool of one, trained in place; or an architecture, of which a network is made from `weights` [count] (as
    `Brains.set` takes them) or drawn from `seed`, in `dtype` ('float64' by default, 'float32') on `backend` with
    `threads`. x [M, I], y, loss and reduction as for `swarm.fit`. Every step sees all samples, or, serialised, the next
    `batch_size` (1) in their order, over and over; the rules 'serialised' and 'slow' serialise by themselves.

    rule, max_rate, coarsening, coarsest, levels: the levels, see `hierarchy`. cycle: 'two-level', 'V', 'F', 'W' or
    'parareal'. relaxation: 'F', 'FCF' (the default; Parareal's is 'F') or 'F(CF)^k'. start: 'zero', 'coarse' or
    'nested'; see `cycle`.

    Ends when the residual's norm is at most tolerance * sqrt(steps) (1e-9; in float32 1e-5, or what its rounding
    allows), after `iterations` cycles, or when rounding lets it fall no further: `report.status` says which. lanes:
    how many networks advance in one launch; all that may by default.

    Raises DataError for samples that do not fit, SettingsError, CapacityError where the points do not fit in memory,
    and `Diverged` (a NonFiniteError) naming the level whose steps are too long.
    """
    brains = _one(brains, weights, seed, dtype, backend, threads)
    kind, loss = compute(brains), losses.check(loss)
    samples = check(x, y, loss, brains.inputs, brains.outputs, kind, "mgrit", losses.check_reduction(reduction))
    samples = replace(samples, x=samples.inputs(np.arange(len(samples)), kind))
    serial = RULES.get(rule, False) if serialised is None else bool(serialised)
    batch = _batch(batch_size, serial or batch_size is not None, len(samples))
    if cycle not in CYCLES:
        raise SettingsError(f"mgrit: cycle {cycle!r} is unknown.{suggest(str(cycle), CYCLES)}")
    if start not in STARTS:
        raise SettingsError(f"mgrit: start {start!r} is unknown.{suggest(str(start), STARTS)}")
    if relaxation is None:
        relaxation = "F" if cycle == "parareal" else "FCF"
    sweeps = sweeps_of(relaxation)
    if cycle == "parareal" and sweeps:
        raise SettingsError(f"mgrit: Parareal relaxes by F, not {relaxation}. Take cycle='two-level' for that.")
    if cycle in ("two-level", "parareal"):
        levels = 2 if levels is None else levels
    found = hierarchy(
        steps, rate, rule=rule, max_rate=max_rate, coarsening=coarsening, coarsest=coarsest, levels=levels
    )
    for name, value in (("iterations", iterations), ("lanes", 1 if lanes is None else lanes)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise SettingsError(f"mgrit: {name} = {value!r} must be a whole number of 1 or more.")

    rows, layout = master(brains)
    brains.check_finite()
    bound = _tolerance(tolerance, rows[0]) * float(np.sqrt(steps))
    propagator = Propagator(layout, samples, brains.backend, batch, lanes or 0)
    begin = time.perf_counter()
    solver = Hierarchy(found, propagator, rows[0].copy(), sweeps)
    residuals, status = _iterate(solver, cycle, start, bound, iterations)
    seconds = time.perf_counter() - begin

    fine = solver.grids[0].rows
    trajectory = Brains.over(brains.mlp, layout, brains.backend, brains.seed, fine, len(fine))
    brains.set(0, trajectory[len(fine) - 1])
    report = Report(brains, trajectory, found, cycle, relaxation, bound, residuals, status, seconds, propagator)
    if status == "limit":
        report.unstable = stability.unstable(found, propagator.apart(), fine[0].copy())
    return report


def _iterate(solver: Hierarchy, cycle: str, start: str, bound: float, iterations: int) -> tuple[np.ndarray, str]:
    """Cycle until the residual is at most `bound`; its norms, the first before any cycle, and how it ended."""
    fine, levels = solver.grids[0], [grid.level for grid in solver.grids]
    rounding = float(np.finfo(fine.rows.dtype).eps)
    solver.start(start)
    if len(levels) > 1:
        fine.f_relax()
    norms = [_norm(fine.residual())]
    for number in range(1, iterations + 1):
        solver.cycle(0, cycle)
        norms.append(_norm(fine.residual()))
        last = norms[-1]
        if last <= bound:
            return np.array(norms), "converged"
        if not last <= stability.GROWTH * max(norms[0], bound):
            guilty = levels[1] if len(levels) > 1 else levels[0]
            guilty = stability.unstable(tuple(levels), fine.propagator.apart(), fine.rows[0].copy()) or guilty
            raise stability.Diverged(
                f"mgrit: the residual is {last:.3g} after iteration {number}, from {norms[0]:.3g} at the start:"
                f" {stability.named(guilty)} diverges. {stability.remedy(guilty)}"
            )
        if last > 0.5 * norms[-2] and last <= 4 * rounding * _norm(fine.rows):
            return np.array(norms), "stagnated"
    return np.array(norms), "limit"


def _norm(rows: np.ndarray) -> float:
    """The Euclidean norm over all points and parameters, summed in float64."""
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.square(rows, dtype=np.float64).sum())) if rows.size else 0.0


def _tolerance(given: Any, first: np.ndarray) -> float:
    """The tolerance itself, or the default of the arithmetic. Raises SettingsError below its reach."""
    reach = float(np.finfo(first.dtype).eps) * _norm(first)  # what rounding leaves of one point
    if given is None:
        return max(TOLERANCES[first.dtype.name], 8 * reach)
    if not np.isfinite(given) or given <= 0:
        raise SettingsError(f"mgrit: tolerance = {given!r} must be a number above 0.")
    if given < reach:
        wider = " or take dtype='float64'" if first.dtype == np.float32 else ""
        raise SettingsError(
            f"mgrit: tolerance = {given:g} is below what {first.dtype} reaches with these weights, about {reach:.1e}."
            f" Give {8 * reach:.0e} or more{wider}."
        )
    return float(given)


def _batch(given: Any, serialised: bool, K: int) -> int:
    """Samples of a step, 0 for all."""
    if not serialised:
        return 0
    size = 1 if given is None else given
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= K:
        raise SettingsError(
            f"mgrit: batch_size = {given!r} must be a whole number in 1 .. {K:,}, the samples there are."
        )
    return int(size)


def _one(brains: Any, weights: Any, seed: int, dtype: Any, backend: Any, threads: int | None) -> Brains:
    """The network to train, as a pool of one."""
    if isinstance(brains, MLP):
        init = "auto" if weights is None else "zeros"
        pool = Brains(brains, 1, seed=seed, backend=backend, threads=threads, dtype=dtype or "float64", init=init)
        if weights is not None:
            pool.set(0, np.asarray(weights))
        return pool
    if not isinstance(brains, Brains) or len(brains) != 1 or len(brains.groups) != 1:
        what = f"{len(brains):,} brains" if isinstance(brains, Brains) else type(brains).__name__
        raise SettingsError(f"mgrit: one network is trained, not {what}. Give brains[3:4] or an MLP.")
    if weights is not None:
        raise SettingsError("mgrit: weights are for an MLP; a pool brings its own.")
    if dtype is not None and np.dtype(dtype) != brains.layout.compute:
        raise SettingsError(
            f"mgrit: the brain computes in {brains.layout.compute}. Convert it: brains.astype({dtype!r})."
        )
    return brains
