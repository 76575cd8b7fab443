"""What wear costs along a schedule, by the segments' own accounts and not the solver's rows."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan.linear._wear import holding_base, holding_slopes, start_segments
from gridtide.plan.problem import Floats
from gridtide.plan.segments import energy_change, move


def cycle_cost(layout: Layout, power_kw: Floats, energy_kwh: Floats) -> Floats:
    """Cost of cycling in each step [currency], shape (n, T).

    Parameters
    ----------
    layout
        The problem laid out.
    power_kw
        At the plugs, shape (n, T).
    energy_kwh
        At the nodes, NaN while away, shape (n, T + 1).
    """
    problem = layout.problem
    out = np.maximum(-power_kw, 0.0)
    cost: Floats = out * problem.wear_price_per_kwh[:, None] * problem.step_h
    price = problem.wear_depth_price_per_kwh
    if price is None:
        return cost
    assert problem.wear_capacity_kwh is not None
    per_cells_kwh = price * problem.discharge_efficiency[:, None]
    segment, change = start_segments(problem), energy_change(energy_kwh)
    width = problem.wear_capacity_kwh / price.shape[1]
    for k in range(problem.steps):
        segment, taken = move(segment, width, change[:, k])
        cost[:, k] += np.sum(per_cells_kwh * taken, axis=1)
    return cost


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
