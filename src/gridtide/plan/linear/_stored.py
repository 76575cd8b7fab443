"""Energy that vehicles below a limit hold together: at least and at most so much, softly.

With e the energies at the end of a step of all who are plugged in below limit j, for each bound

    Σ e + missing ≥ least,   Σ e - beyond ≤ most,   cost dt·price·(missing + beyond)
"""

from __future__ import annotations

import numpy as np

from gridtide.plan._layout import Layout
from gridtide.plan._objective_accounts import below_in_turn, stored_bounds
from gridtide.plan.linear._linear import Builder
from gridtide.plan.problem import Floats, Ints


def add_stored(
    layout: Layout, build: Builder, energy: Ints, least: Ints, most: Ints, price: float
) -> float:
    """Add rows for energy held together, with what is missing and beyond.

    Parameters
    ----------
    layout
        The problem laid out.
    build
        Takes columns and rows.
    energy
        Columns of the pairs' energies, shape (N,).
    least, most
        Take the numbers of the rows where there is one, both shape (m, T).
    price
        Of a kWh missing or beyond [currency/kWh/h].

    Returns
    -------
    float
        What it costs where nobody is plugged in [currency].
    """
    problem = layout.problem
    bounds = stored_bounds(problem)
    if bounds is None:
        return 0.0
    low, high = _reach(layout)
    alone, hours = 0.0, problem.step_h * price
    pairs = below_in_turn(problem, layout.vehicle)
    held = np.zeros(low.shape, dtype=bool)
    for pair, limit in pairs:
        held[limit, layout.step[pair]] = True
    for sign, bound, into, farthest in (
        (1.0, bounds[0], least, low),
        (-1.0, bounds[1], most, high),
    ):
        # Nothing is held where nobody is.
        off = np.where(np.isfinite(bound), np.maximum(sign * (bound - farthest), 0.0), 0.0)
        alone += float(np.sum((off * hours)[~held]))
        limit, step = np.nonzero(np.isfinite(bound) & held)
        away = build.columns(len(limit), 0.0, off[limit, step], hours[step])
        at = bound[limit, step]
        rows = build.rows(
            len(limit),
            at if sign > 0 else np.full(len(at), -np.inf),
            at if sign < 0 else np.full(len(at), np.inf),
        )
        build.entries(rows, away, sign)
        into[limit, step] = rows
        for pair, j in pairs:
            row = into[j, layout.step[pair]]
            build.entries(row[row >= 0], energy[pair[row >= 0]], 1.0)
    return alone


def _reach(layout: Layout) -> tuple[Floats, Floats]:
    """Least and most that the vehicles below each limit can hold, both shape (m, T)."""
    shape = layout.base_kw.shape
    low, high = np.zeros(shape), np.zeros(shape)
    for pair, limit in below_in_turn(layout.problem, layout.vehicle):
        np.add.at(low, (limit, layout.step[pair]), layout.low_kwh[pair])
        np.add.at(high, (limit, layout.step[pair]), layout.high_kwh[pair])
    return low, high
