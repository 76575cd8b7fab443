"""What wear costs along a schedule, by the segments' own accounts and not the solver's rows."""

from __future__ import annotations

import numpy as np

from gridtide.plan._chains import after_drive, first_stay, generations
from gridtide.plan._layout import Layout
from gridtide.plan._wear_prices import holding_base, holding_slopes, start_segments
from gridtide.plan.problem import Floats, Ints, Problem
from gridtide.plan.segments import energy_change, move, roll_segments


def cycle_cost(layout: Layout, power_kw: Floats, energy_kwh: Floats, end_kwh: Floats) -> Floats:
    """Cost of cycling in each step [currency], shape (n, T); of a drive, in that of the return.

    Parameters
    ----------
    layout
        The problem laid out.
    power_kw
        At the plugs, shape (n, T).
    energy_kwh
        At the nodes, NaN while away, shape (n, T + 1).
    end_kwh
        At the end of each stay, shape (n,).
    """
    problem = layout.problem
    out = np.maximum(-power_kw, 0.0)
    cost: Floats = out * problem.wear_price_per_kwh[:, None] * problem.step_h
    price = problem.wear_depth_price_per_kwh
    if price is None:
        return cost
    assert problem.wear_capacity_kwh is not None
    per_cells_kwh = price * problem.discharge_efficiency[:, None]
    segment, change = start_segments(problem).copy(), energy_change(energy_kwh)
    width = problem.wear_capacity_kwh / price.shape[1]
    for place, rows in enumerate(generations(problem)):
        now = segment[rows]
        if place > 0:
            now, taken = _driven(problem, rows, segment[rows - 1], end_kwh[rows - 1])
            at = np.clip(problem.arrive[rows], 0, problem.steps - 1)
            per_kwh = per_cells_kwh[first_stay(problem)[rows]]
            cost[rows, at] += np.sum(per_kwh * taken, axis=1)
        for k in range(problem.steps):
            now, taken = move(now, width[rows], change[rows, k])
            cost[rows, k] += np.sum(per_cells_kwh[rows] * taken, axis=1)
        segment[rows] = now
    return cost


def _driven(problem: Problem, rows: Ints, left: Floats, left_kwh: Floats) -> tuple[Floats, Floats]:
    """Segments on return from the drives to some stays, and what was taken from each."""
    assert problem.wear_capacity_kwh is not None
    change = after_drive(problem, rows, left_kwh)[0] - left_kwh
    return move(left, problem.wear_capacity_kwh[rows] / left.shape[1], change)


def follow_segments(problem: Problem, energy_kwh: Floats, end_kwh: Floats) -> Floats:
    """Follow the segments of each vehicle through its stays, shape (n, T + 1, J) [kWh].

    Parameters
    ----------
    problem
        With prices by depth.
    energy_kwh, end_kwh
        At the nodes and at the end of each stay, shapes (n, T + 1) and (n,).
    """
    assert problem.wear_capacity_kwh is not None
    start = start_segments(problem)
    rolled = np.empty((*energy_kwh.shape, start.shape[1]))
    for place, rows in enumerate(generations(problem)):
        now = start[rows]
        if place > 0:
            now = _driven(problem, rows, rolled[rows - 1, -1], end_kwh[rows - 1])[0]
        rolled[rows] = roll_segments(now, energy_kwh[rows], problem.wear_capacity_kwh[rows])
    return rolled


def holding_cost(layout: Layout, energy_kwh: Floats) -> Floats:
    """Cost of holding energy in each plugged step [currency], shape (n, T).

    Parameters
    ----------
    layout
        The problem laid out.
    energy_kwh
        At the nodes, shape (n, T + 1); that at the end of a step counts.
    """
    problem, v = layout.problem, layout.vehicle
    cost = np.zeros((len(problem), problem.steps))
    if problem.holding_edges_kwh is None:
        return cost
    edges, slopes = problem.holding_edges_kwh[v], holding_slopes(layout)
    held = energy_kwh[v, layout.step + 1]
    per_h = holding_base(layout) + slopes[:, 0] * (held - edges[:, 0])
    above = np.maximum(held[:, None] - edges[:, 1:-1], 0.0)
    per_h = per_h + np.sum(np.diff(slopes, axis=1) * above, axis=1)
    cost[v, layout.step] = layout.hours * per_h
    return cost
