"""What a call of reserve asks of a vehicle: energy, what must stay aboard, what it costs."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout, most_kw, taper_line
from gridtide.plan.blocks import Reserve, last_nodes
from gridtide.plan.problem import Bools, Floats, Ints, Problem


def energy_per_kwh(layout: Layout, reserve: Reserve) -> Floats:
    """Energy in the battery that a called kWh changes, at most, shape (n,).

    Up: 1/η_d, more than what is merely not charged (η_c) where charging is cut; vehicles that
    cannot discharge only cut. Down: η_c; a call over several steps may also undo discharging
    that the plan counts on later, so there it is 1/η_d. Of losses in parts the worst counts up,
    the best down.
    """
    gives = layout.problem.max_discharge_kw > 0
    draw: Floats = layout.law.draw.max(axis=1)
    gain: Floats = layout.law.gain.max(axis=1)
    if reserve.direction == "up":
        return np.where(gives, draw, gain)
    nodes = last_nodes(layout.problem.step_h, reserve.duration_h)
    lasts = (nodes - np.arange(layout.problem.steps))[reserve.from_step : reserve.to_step]
    several = gives if np.any(lasts > 1) else np.zeros_like(gives)
    return np.where(several, draw, gain)


def hours_counted(
    layout: Layout, reserve: Reserve, vehicle: Ints | slice, step: Ints | int
) -> Floats:
    """Hours of full power that a share from a step must hold energy for, shape of the vehicles.

    The duration of a call, and the mean activation since the block began or the vehicle came.
    """
    problem = layout.problem
    clock = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    since = np.clip(problem.arrive[vehicle], reserve.from_step, problem.steps)
    elapsed: Floats = np.maximum(clock[step] - clock[since], 0.0)
    return reserve.duration_h + reserve.activation_share * elapsed


def may_serve(layout: Layout, reserve: Reserve) -> Bools:
    """Vehicles and steps from which a whole call can be sustained, shape (n, T).

    A vehicle must stay to the end of the call. One that has yet to come back into its window
    offers nothing on that side, one with a floor nothing upward, and at full confidence one that
    may be missing nothing at all.
    """
    problem, steps = layout.problem, np.arange(layout.problem.steps)
    over = last_nodes(problem.step_h, reserve.duration_h)
    here = (problem.arrive[:, None] <= steps) & (over <= problem.depart[:, None])
    here &= (steps >= reserve.from_step) & (steps < reserve.to_step)
    outside = _has_floor(layout) if reserve.direction == "up" else layout.overfull
    here &= ~outside[:, None] & (layout.last >= 0)[:, None]
    if reserve.limit:
        here &= _below(problem, problem.limit_names.index(reserve.limit))[:, None]
    chance = availability(problem)
    return here & (chance >= 1.0 if reserve.confidence >= 1.0 else chance > 0.0)


def _has_floor(layout: Layout) -> Bools:
    """Stays that begin below their window, or are wanted above it in some step, shape (n,)."""
    problem, steps = layout.problem, np.arange(layout.problem.steps)
    low: Bools = layout.recovering.copy()
    if problem.floor_kwh is not None:
        plugged = (problem.arrive[:, None] <= steps) & (steps < problem.depart[:, None])
        high = np.maximum(problem.max_kwh, layout.starts.high_kwh)[:, None]
        above = np.minimum(problem.floor_kwh, high) > problem.min_kwh[:, None] + 1e-9
        low |= (plugged & above).any(axis=1)
    return low


def _below(problem: Problem, limit: int) -> Bools:
    """Tell which vehicles are below a limit, shape (n,)."""
    inside = np.zeros(len(problem.limit_names) + 1, dtype=bool)
    inside[limit] = True
    for j, parent in enumerate(problem.limit_parent):
        inside[j] |= parent >= 0 and inside[parent]
    below: Bools = inside[problem.limit]
    return below


def availability(problem: Problem) -> Floats:
    """Probability that each vehicle is there in each step, shape (n, T)."""
    shape = (len(problem), problem.steps)
    given = problem.availability
    if given is None:
        return np.ones(shape)
    return np.broadcast_to(given if given.ndim > 1 else given[:, None], shape)


def followed(problem: Problem) -> Bools:
    """Tell which stays another of the same vehicle follows, shape (n,)."""
    after = np.zeros(len(problem), dtype=bool)
    if problem.continues is not None:
        after[:-1] = problem.continues[1:]
    return after


def must_charge_kwh(layout: Layout, end_kwh: Floats) -> Floats:
    """Energy from which charging at full power still gives ``end_kwh``, shape (n, T + 1).

    The must-charge curve, ``-inf`` outside the stay; the window's lower end is not part of it.
    """
    problem, steps = layout.problem, layout.problem.steps
    flow = most_kw(problem, layout.law, layout.standby_kw)[0]
    full, slope = flow, np.zeros(len(problem))
    bend = np.zeros(len(problem))
    if problem.taper_from_kwh is not None:
        full, slope = taper_line(problem, np.maximum(problem.max_kwh, problem.arrival_kwh))
        bend = problem.taper_from_kwh
    end = np.minimum(problem.depart, steps)
    must = np.full((len(problem), steps + 1), -np.inf)
    now = np.full(len(problem), -np.inf)
    for node in range(steps, -1, -1):
        now = np.where(node == end, end_kwh, now)
        must[:, node] = np.where((problem.arrive <= node) & (node <= end), now, -np.inf)
        if node > 0:
            h = problem.step_h[node - 1]
            tapered = now * (1 + h * slope) - h * (full + slope * bend)
            before = np.where(slope > 0, np.maximum(now - h * flow, tapered), now - h * flow)
            now = np.where(np.isfinite(now), np.minimum(before, now), now)
    return must


def call_cost_per_kwh(
    layout: Layout, reserve: Reserve, vehicle: Ints | slice, step: Ints | int
) -> Floats:
    """Price a kWh called in a step: its wear and the loss of its refill, shape of the vehicles.

    Up from a vehicle that can discharge: wear, and (1/(η_c·η_d) - 1) at the step's import
    price, as if all of it were discharged. Otherwise charging only moves in time: nothing.
    """
    problem = layout.problem
    if reserve.direction == "down":
        return np.zeros_like(problem.max_charge_kw[vehicle])
    wear = problem.wear_price_per_kwh[vehicle]
    if problem.wear_depth_price_per_kwh is not None:
        wear = wear + problem.wear_depth_price_per_kwh[vehicle].mean(axis=1)
    law = layout.law
    lost = law.draw[vehicle].max(axis=1) / law.gain[vehicle].min(axis=1) - 1.0
    price = np.maximum(layout.price_in[layout.meter[vehicle], step], 0.0)
    return np.where(problem.max_discharge_kw[vehicle] > 0, wear + lost * price, 0.0)
