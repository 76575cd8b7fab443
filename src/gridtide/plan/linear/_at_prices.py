"""The linear problem of some vehicles where the limits above them have given prices.

Its duals are the best prices that the vehicles' own limits can have beside those, in a way that
no ascent reaches where few vehicles share a limit: V's kinks are many and sharp there.
"""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout, lay_out
from gridtide.plan.certificate import Certificate
from gridtide.plan.linear._ahead import Ahead
from gridtide.plan.linear._duals import certificate
from gridtide.plan.linear._matrix import Model, Modes, assemble
from gridtide.plan.linear._solver import Deadline, Solution, Solver
from gridtide.plan.linear._squares import Squares
from gridtide.plan.problem import Floats, Problem

ROUNDS = 30
"""Rounds of tangents of the squares at most."""


def prices_beside(
    problem: Problem,
    above: Floats,
    *,
    stored_above: Floats | None = None,
    short_price: float,
    drive_price: float,
    recover_price: float,
    ahead: Ahead | None = None,
    limit_s: float,
) -> Certificate | None:
    """Find the best prices of a problem's limits where its vehicles pay for others too.

    Where burning energy would pay, and after drives, the relaxation is what is priced.

    Parameters
    ----------
    problem
        Vehicles and the limits that only they are below. Standby losses are spread by the chord.
    above
        What each stay pays for its power beside the problem's own prices [currency/kWh], shape
        (n, T).
    stored_above
        What each stay pays for the energy it holds at the end of each step [currency/kWh/h], shape
        (n, T); None for nothing.
    short_price, drive_price, recover_price
        Price of missing energy where the problem has no bands, of energy bought on the way
        [currency/kWh], and of being outside the window [currency/kWh/h].
    ahead
        Prices of what comes before the cost; None for none.
    limit_s
        Wall time [s].

    Returns
    -------
    Certificate or None
        None where the time did not suffice.
    """
    layout, deadline = lay_out(problem, relax_standby=True), Deadline(limit_s)
    if len(layout.vehicle) == 0:
        return None
    squares = Squares(layout)
    model = assemble(
        layout,
        relaxed_modes(layout),
        short_price=problem.shortfall_price_per_kwh,
        lexical=recover_price > 0,
        squares=squares,
        ahead=ahead,
    )
    _price(model, layout, above)
    cost = model.linear.cost
    if stored_above is not None:
        cost[model.energy] += layout.hours * stored_above[layout.vehicle, layout.step]
    if problem.shortfall_band_price_per_kwh is None:
        cost[model.short] = short_price
    cost[model.drives.en_route] = drive_price
    for phase in model.phases:
        cost[phase.columns] += recover_price * phase.weights
    solver = Solver(model.linear, whole=False)
    solver.start_basis(model.basic, model.tight_rows)
    found = _with_squares(solver, squares, deadline)
    if found is None or found.duals is None:
        return None
    return certificate(layout, model.priced, found.duals, short_price)


def _price(model: Model, layout: Layout, above: Floats) -> None:
    more = layout.hours * above[layout.vehicle, layout.step]
    able = model.discharge >= 0
    model.linear.cost[model.charge] += more
    model.linear.cost[model.discharge[able]] -= more[able]


def _with_squares(solver: Solver, squares: Squares, deadline: Deadline) -> Solution | None:
    """Solve, with further tangents until none is broken."""
    best = solver.minimise(solver.cost, deadline.left_s())
    for _ in range(ROUNDS if len(squares) else 0):
        if best is None or deadline.over() or not squares.add(solver, best.x, best.x):
            break
        best = solver.minimise(solver.cost, deadline.left_s()) or best
    return best


def relaxed_modes(layout: Layout) -> Modes:
    """No choice of direction anywhere: the relaxation."""
    return Modes(
        plugs=np.zeros(len(layout.vehicle), dtype=bool),
        meters=np.zeros((len(layout.problem.meters), layout.problem.steps), dtype=bool),
        drives=np.zeros(len(layout.problem), dtype=bool),
        parts=np.zeros(len(layout.vehicle), dtype=bool),
    )
