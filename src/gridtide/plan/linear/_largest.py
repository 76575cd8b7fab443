"""The least that the largest shortfall can be, by the linear problem."""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import lay_out
from gridtide.plan.linear._at_prices import relaxed_modes
from gridtide.plan.linear._matrix import assemble
from gridtide.plan.linear._solver import Deadline, Solver
from gridtide.plan.problem import Problem

HELD = 1e-7
"""Share by which what was reached may be missed when the next is looked at."""


def least_largest_kwh(problem: Problem, limit_s: float) -> float:
    """Bound the largest shortfall from below.

    Vehicles come back into their windows first; then nothing but the largest shortfall counts.

    Parameters
    ----------
    problem
        With ``promise`` first. Standby losses are spread by the chord.
    limit_s
        Wall time [s].

    Returns
    -------
    float
        No plan of this problem is without a shortfall of so much [kWh]; 0 where the time did not
        suffice.
    """
    layout, deadline = lay_out(problem, relax_standby=True), Deadline(limit_s)
    if len(layout.vehicle) == 0:
        return 0.0
    price = problem.shortfall_price_per_kwh
    model = assemble(layout, relaxed_modes(layout), short_price=price, lexical=True)
    solver = Solver(model.linear, whole=False)
    solver.start_basis(model.basic, model.tight_rows)
    for phase in model.phases:
        cost = np.zeros(len(model.linear.cost))
        cost[phase.columns] = phase.weights
        found = solver.minimise(cost, deadline.left_s())
        if found is None:
            return 0.0
        if phase.name == "largest":
            return max(found.bound, 0.0)
        solver.hold(phase.row, max(found.value, 0.0) + HELD * (1 + abs(found.value)))
    return 0.0
